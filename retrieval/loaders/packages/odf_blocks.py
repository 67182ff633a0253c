"""The blocks of an OpenDocument text, slide or cell in reading order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from retrieval.loaders.office.package import child, local, value, whole
from retrieval.loaders.packages.odf import Odf, body_of
from retrieval.loaders.packages.odf_inline import SHAPES, Inline, characters, is_hidden
from retrieval.loaders.packages.odf_lists import Lists
from retrieval.loaders.table_lines import Row, repetition, table_lines
from state.values import Kind

_SKIPPED = frozenset(
    (
        *("tracked-changes", "forms", "sequence-decls", "variable-decls", "user-field-decls", "dde-connection-decls"),
        *("notes", "animations", "scripts", "event-listeners", "image-map", "enhanced-geometry", "desc", "title"),
        *("image", "plugin", "applet", "floating-frame", "calculation-settings", "content-validations", "number"),
    )
)
_MOST_COLUMNS = 1000
_MOST_EMPTY = 100
_MOST_REPEATED_ROWS = 1000
"""Of a table in a text; more are the rest of an empty sheet. Chosen values."""


class Block(NamedTuple):
    """A paragraph, a heading if it has a level, an item of a list, or a table.

    It stands in `within` items of lists, its own item aside.
    """

    text: str
    level: int | None = None
    kind: Kind = "prose"
    within: int = 0


class Blocks:
    """Reads blocks; `hidden` counts the characters that were left out. Notes are numbered through the document."""

    def __init__(self, odf: Odf, *, comments: bool) -> None:
        self.hidden = 0
        self._odf, self._comments = odf, comments
        self._lists = Lists(odf.roots)
        self._counters: dict[str, list[int]] = {}
        self._notes = 0

    def of(self, container: etree._Element) -> Iterator[Block]:
        """Yield the blocks within an element."""
        for each in container.iterchildren(etree.Element):
            name = local(each)
            if name in ("p", "h"):
                yield from self.paragraph(each)
            elif name == "list":
                yield from self._list(each)
            elif name == "table":
                yield from self._table(each)
            elif name in SHAPES:
                yield from self.of_shape(each)
            elif name in _SKIPPED or name.endswith("-source"):
                continue
            elif is_hidden(self._odf, each):
                self.hidden += characters(each)
            else:  # sections, tables of contents, and what later versions add
                yield from self.of(each)

    def paragraph(self, element: etree._Element, label: str | None = None, within: int = 0) -> Iterator[Block]:
        """Yield a paragraph, and what hangs on it; with a `label`, which may be empty, it is an item of a list."""
        if is_hidden(self._odf, element) or child(element, "hidden-paragraph") is not None:
            self.hidden += characters(element)
            return
        inline = Inline(self._odf, element, self._next_note)
        self.hidden += inline.hidden
        level = whole(value(element, "outline-level"), 1) if local(element) == "h" else None
        if level and label is None and value(element, "is-list-header") != "true" and inline.text:
            label = self._lists.heading_label(level) or None
        if inline.text:
            kind: Kind = "list" if label is not None and not level else "prose"
            yield Block(f"{label} {inline.text}" if label else inline.text, level, kind, within)
        for box in inline.boxes:
            yield from self.of_shape(box)
        for number, note in inline.notes:
            body = child(note, "note-body")
            yield Block(f"[^{number}]: {self.flat(body) if body is not None else ''}")
        for comment in inline.comments if self._comments else ():
            yield Block(self.comment(comment))

    def of_shape(self, shape: etree._Element) -> Iterator[Block]:
        """Yield the text of a box, a group or an object."""
        root = self._odf.object(shape) if local(shape) == "frame" else None
        yield from self.of(shape) if root is None else self._object(root)

    def _next_note(self) -> int:
        self._notes += 1
        return self._notes

    def comment(self, annotation: etree._Element) -> str:
        """Return the text of a comment with its author."""
        author = child(annotation, "creator")
        name = (author.text if author is not None else None) or "comment"
        return f"[{name}: {self.flat(annotation)}]"

    def flat(self, container: etree._Element) -> str:
        """Return the content of a cell or a note on one line."""
        texts = []
        for block in self.of(container):
            nested = block.text.replace(" | ", ", ").replace("\n", "; ") if block.kind == "table" else block.text
            texts.append(" ".join(nested.split()))
        return " ".join(texts)

    def _object(self, root: etree._Element) -> Iterator[Block]:
        """Yield the titles and figures of a chart, the source of a formula, the tables of another document."""
        for title in root.iter("{*}title", "{*}subtitle"):
            yield Block(self.flat(title))
        for formula in root.iter("{*}annotation"):
            yield Block((formula.text or "").strip())
        body = body_of(root)
        if body is not None and local(body) == "text":
            yield from self.of(body)
        else:
            for table in root.iter("{*}table"):
                yield from self._table(table)

    def _list(
        self, element: etree._Element, outer: tuple[str, list[int]] | None = None, level: int = 1
    ) -> Iterator[Block]:
        style = value(element, "style-name") or (outer[0] if outer else "")
        counters: list[int] = outer[1] if outer else self._continued(element, style)
        for item in element.iterchildren(etree.Element):
            is_counted = local(item) == "list-item"
            label: str | None = None
            if is_counted and (start := value(item, "start-value")) is not None and len(counters) >= level:
                counters[level - 1] = whole(start, 1) - 1
            for each in item.iterchildren(etree.Element):
                if local(each) == "list":
                    yield from self._list(each, (style, counters), level + 1)
                elif local(each) in ("p", "h"):
                    first = is_counted and label is None
                    label = self._lists.label(style, counters, level) if first else ""
                    yield from self.paragraph(each, label, level - bool(label))

    def _continued(self, element: etree._Element, style: str) -> list[int]:
        """Return the counters of a list, which may go on counting where another one ended."""
        counters: list[int] = []
        if value(element, "continue-numbering") == "true":
            counters = self._counters.get(style, [])
        elif (other := value(element, "continue-list")) is not None:
            counters = self._counters.get(f"#{other}", [])
        self._counters[style] = self._counters[f"#{value(element, 'id')}"] = counters
        return counters

    def _table(self, table: etree._Element) -> Iterator[Block]:
        cells = [[cell for cell in row if local(cell) == "table-cell"] for row, _ in table_rows(table)]
        if all(len(each) < 2 for each in cells):  # a frame around text
            for cell in (cell for each in cells for cell in each):
                yield from self.of(cell)
            return
        rows: list[Row] = []
        marked, below = 0, dict[int, tuple[int, str]]()
        for row, is_header in table_rows(table):
            texts = self._row(row, below)
            if any(texts):
                rows += [texts] * min(whole(value(row, "number-rows-repeated"), 1), _MOST_REPEATED_ROWS)
                marked += is_header
        yield Block("\n".join(table_lines(rows, marked or None)), kind="table")

    def _row(self, row: etree._Element, below: dict[int, tuple[int, str]]) -> Row:
        """Return the cells of a row. A merged cell is repeated in each column and row that it spans."""
        texts: list[str] = []
        beside, widest = 0, 1
        for cell in row.iterchildren("{*}table-cell", "{*}covered-table-cell"):
            is_covered = local(cell) == "covered-table-cell"
            text = "" if is_covered else self.flat(cell)
            repeated = whole(value(cell, "number-columns-repeated"), 1)
            if not text and repeated > _MOST_EMPTY:
                break  # the rest of a sheet
            for _ in range(min(repeated, _MOST_COLUMNS - len(texts))):
                high, above = below.pop(len(texts), (0, ""))
                if is_covered and beside:
                    text, beside = repetition(texts[-1]), beside - 1
                elif is_covered and high:
                    text = above
                if high > 1:
                    below[len(texts)] = (high - 1, above)
                texts.append(text)
            if not is_covered:
                beside = min(whole(value(cell, "number-columns-spanned"), 1), _MOST_COLUMNS) - 1
                spanned = whole(value(cell, "number-rows-spanned"), 1) - 1
                if spanned > 0:
                    below |= {len(texts) - 1 + at: (spanned, repetition(text)) for at in range(beside + 1)}
            widest = max(widest, beside + 1)
        return texts[:1] if widest == len(texts) > 1 else texts


def table_rows(table: etree._Element) -> Iterator[tuple[etree._Element, bool]]:
    """Yield the rows of a table, and whether each is marked as header."""
    for each in table.iterchildren(etree.Element):
        name = local(each)
        if name == "table-row":
            yield each, False
        elif name == "table-header-rows":
            yield from ((row, True) for row, _ in table_rows(each))
        elif name in ("table-rows", "table-row-group"):
            yield from table_rows(each)
