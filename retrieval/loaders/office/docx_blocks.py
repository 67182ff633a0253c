"""The paragraphs and tables of a DOCX file in reading order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from retrieval.loaders.office.charts import drawing_lines
from retrieval.loaders.office.docx_inline import UNSEEN, Inline, Note, draws_ground
from retrieval.loaders.office.docx_styles import NO_GROUND, Styles
from retrieval.loaders.office.formulas import math_text
from retrieval.loaders.office.numbering import Numbering
from retrieval.loaders.office.package import Parts, child, is_on, local, value, whole
from retrieval.loaders.table_lines import Row, repetition, table_lines
from state.values import Kind

_MOST_COLUMNS = 63  # Word's limit; a damaged span must not ask for millions of cells


class Block(NamedTuple):
    """A paragraph, a heading if it has a level, an item of a list, or a table with a line for each row.

    An item stands in `within` items of outer lists.
    """

    text: str
    level: int | None = None
    kind: Kind = "prose"
    within: int = 0


class Blocks:
    """Reads the main part, its notes and, if they are asked for, its comments.

    `hidden` counts characters that are left out, `embedded` whole documents that a word processor would insert.
    """

    def __init__(self, parts: Parts, main: str, *, comments: bool) -> None:
        self.hidden = 0
        self.embedded = 0
        self._parts = parts
        self._related = parts.related(main)
        self._styles = Styles(self._part("styles"))
        self._notes = {
            (kind, value(note, "id") or ""): note
            for kind in ("footnote", "endnote")
            for note in self._children(f"{kind}s")
        }
        self._comments = {value(each, "id") or "": each for each in self._children("comments")} if comments else {}
        self._numbers: dict[Note, int] = {}
        self._numbering = Numbering(self._part("numbering"))

    def _part(self, kind: str) -> etree._Element | None:
        return self._parts.root(next((name for each, name in self._related.values() if each == kind), None))

    def _children(self, kind: str) -> list[etree._Element]:
        root = self._part(kind)
        return [] if root is None else list(root)

    def of(self, container: etree._Element, *, ground: bool = False) -> Iterator[Block]:
        """Yield the blocks within `container`; `ground` says that white text is seen there."""
        for each in container:
            name = local(each)
            if name == "p":
                yield from self._paragraph(each, ground)
            elif name == "tbl":
                yield from self._table(each, ground)
            elif name == "oMath":
                yield Block(math_text(each))
            elif name == "altChunk":
                self.embedded += 1
            elif name == "AlternateContent":
                yield from next(filter(None, (list(self.of(branch, ground=ground)) for branch in each)), [])
            elif name not in UNSEEN:
                yield from self.of(each, ground=ground)

    def margins(self, body: etree._Element, kind: str) -> Iterator[Block]:
        """Yield each `header` or `footer` of the pages once, as those sections show them that refer to it."""
        settings = self._part("settings")
        two_sided = settings is not None and is_on(child(settings, "evenAndOddHeaders"))
        seen = set()
        for reference in body.iter(f"{{*}}{kind}Reference"):
            section = reference.getparent()
            on = {"first": section is not None and is_on(child(section, "titlePg")), "even": two_sided}
            part = self._related.get(value(reference, "id") or "", ("", ""))[1]
            root = self._parts.root(part) if on.get(value(reference, "type") or "", True) else None
            for block in () if root is None else self.of(root):
                if block.text not in seen:
                    seen.add(block.text)
                    yield block._replace(level=None)

    def _paragraph(self, paragraph: etree._Element, ground: bool) -> Iterator[Block]:
        inline = Inline(paragraph, self._styles, self._mark, ground=ground)
        self.hidden += inline.hidden
        properties = child(paragraph, "pPr")
        numbered = self._styles.numbered(properties)
        label = self._numbering.label(*numbered) if numbered else ""  # an empty paragraph is counted too
        if inline.text.strip():
            text = f"{label} {inline.text}" if label else inline.text
            outer = numbered[1] if numbered and label else 0
            yield Block(text, self._styles.level(properties), "list" if label else "prose", outer)
        ground = ground or (bool(inline.boxes) and draws_ground(paragraph))
        for box in inline.boxes:
            yield from self.of(box, ground=ground)
        for drawing in inline.drawings:
            root = self._parts.root(self._related.get(drawing, ("", ""))[1])
            lines = [] if root is None else drawing_lines(root)
            if lines:
                yield Block("\n".join(lines))
        for note in inline.notes:
            yield from self._note(note)
        for comment in filter(self._comments.__contains__, inline.comments):
            content = self._comments[comment]
            yield Block(f"[{value(content, 'author') or 'comment'}: {self._flat(content)}]")

    def _mark(self, note: Note) -> str:
        """Return the mark of a note, as Markdown writes it; notes are numbered in the order of their marks."""
        return f"[^{self._numbers.setdefault(note, len(self._numbers) + 1)}]"

    def _note(self, note: Note) -> Iterator[Block]:
        # A note that is referred to again stands at its first mark only; so a damaged one that refers to itself ends.
        content = self._notes.pop(note, None)
        if content is not None and (text := self._flat(content)):
            yield Block(f"{self._mark(note)}: {text}")

    def _flat(self, container: etree._Element, *, ground: bool = False) -> str:
        """Return the content of a cell or a note on one line."""
        texts = []
        for block in self.of(container, ground=ground):
            nested = block.text.replace(" | ", ", ").replace("\n", "; ") if block.kind == "table" else block.text
            texts.append(" ".join(nested.split()))
        return " ".join(texts)

    def _table(self, table: etree._Element, ground: bool) -> Iterator[Block]:
        properties = child(table, "tblPr")
        first_row_differs, coloured = self._styles.of_table(value(child(table, "tblPr", "tblStyle")))
        ground = ground or coloured or (properties is not None and _is_shaded(properties))
        rows = [row for row in _found(table, "tr") if child(row, "trPr", "del") is None]
        cells = [_found(row, "tc") for row in rows]
        if all(len(each) < 2 for each in cells):  # a frame around text
            for cell in (cell for each in cells for cell in each):
                yield from self.of(cell, ground=ground or _has_shaded_cell(cell))
            return
        above: dict[int, str] = {}
        texts = [self._row(row, found, above, ground) for row, found in zip(rows, cells, strict=True)]
        marked = sum(is_on(child(row, "trPr", "tblHeader")) for row in rows)
        if not marked and ((first_row_differs and _applies_first_row(properties)) or _is_bold(rows[0])):
            marked = 1
        yield Block("\n".join(table_lines(texts, marked or None)), kind="table")

    def _row(self, row: etree._Element, cells: list[etree._Element], above: dict[int, str], ground: bool) -> Row:
        """Return the cells of a row. A merged cell is repeated in each column and row that it spans."""
        texts = [""] * _span(child(row, "trPr", "gridBefore"), 0)
        for cell in cells:
            text = self._flat(cell, ground=ground or _has_shaded_cell(cell))
            merged = child(cell, "tcPr", "vMerge")
            if merged is not None and value(merged) in (None, "continue") and not text:
                text = repetition(above.get(len(texts), ""))
            for column in range(_span(child(cell, "tcPr", "gridSpan"), 1)):
                above[len(texts)] = text
                texts.append(repetition(text) if column else text)
        return texts[:1] if len(cells) == 1 and len(texts) > 1 else texts


def _found(element: etree._Element, wanted: str) -> list[etree._Element]:
    """Return the rows of a table or the cells of a row, also those within content controls and tracked insertions."""
    found = []
    for each in element:
        name = local(each)
        if name == wanted:
            found.append(each)
        elif name not in UNSEEN and name not in ("tr", "tc"):
            found += _found(each, wanted)
    return found


def _span(element: etree._Element | None, default: int) -> int:
    return min(max(whole(value(element), default), default), _MOST_COLUMNS)


def _is_shaded(properties: etree._Element) -> bool:
    return value(child(properties, "shd"), "fill") not in NO_GROUND


def _has_shaded_cell(cell: etree._Element) -> bool:
    properties = child(cell, "tcPr")
    return properties is not None and _is_shaded(properties)


def _applies_first_row(properties: etree._Element | None) -> bool:
    """Return whether a table shows its first row as its style says."""
    look = None if properties is None else child(properties, "tblLook")
    stated = value(look, "firstRow")
    return stated in ("1", "true", "on") if stated else bool(whole(value(look), 0, 16) & 0x20)


def _is_bold(row: etree._Element) -> bool:
    runs = [run for run in row.iter("{*}r") if child(run, "t") is not None]
    return bool(runs) and all(is_on(child(run, "rPr", "b")) for run in runs)
