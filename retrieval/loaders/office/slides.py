"""The shapes of a slide by their position, and what each says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lxml import etree

from retrieval.loaders.office.charts import drawing_lines
from retrieval.loaders.office.formulas import math_text
from retrieval.loaders.office.package import Parts, child, local, value, whole
from retrieval.loaders.table_lines import Row, repetition, table_lines
from state.values import Kind

_SAME_ROW = 228_600
"""Shapes whose tops differ by less stand beside each other: a quarter of an inch, in English metric units. Chosen."""
_SHAPES = frozenset(("sp", "grpSp", "graphicFrame", "cxnSp", "pic", "contentPart"))
_TITLES = ("title", "ctrTitle")
_MOST_COLUMNS = 1000  # a damaged span must not ask for millions of cells

Place = tuple[int, int]
"""Top and left."""


class Block(NamedTuple):
    """A text of a slide; its title is a heading."""

    text: str
    is_title: bool = False
    kind: Kind = "prose"


class Slide:
    """Reads one slide; `hidden` counts the characters of shapes that are switched off."""

    def __init__(self, parts: Parts, name: str) -> None:
        self.hidden = 0
        self._parts = parts
        self._related = parts.related(name)
        self._root = parts.root(name)
        layout = parts.first(name, "slideLayout")
        master = parts.first(layout, "slideMaster") if layout else None
        self._inherited = [_placeholders(parts.root(each)) for each in (layout, master) if each]

    def blocks(self) -> Iterator[Block]:
        """Yield the title, the other shapes from top to bottom and left to right, and the speaker's notes."""
        found = list(self._of(_tree(self._root)))
        yield from (block for block in found if block.is_title)
        yield from (block for block in found if not block.is_title)
        notes = self._parts.root(next((part for kind, part in self._related.values() if kind == "notesSlide"), None))
        for shape in _tree(notes):
            if local(shape) == "sp" and value(_placeholder(shape), "type") == "body":
                text = _text(child(shape, "txBody"))
                if text:
                    yield Block(f"Notes: {text}")

    def _of(self, tree: Iterable[etree._Element]) -> Iterator[Block]:
        for shape in _by_place([(self._place(shape), shape) for shape in self._shapes(tree)]):
            yield from self._shape(shape)

    def _shapes(self, tree: Iterable[etree._Element]) -> Iterator[etree._Element]:
        """Yield the shapes; of alternatives, those of the first branch that holds any."""
        for each in tree:
            if local(each) == "AlternateContent":
                yield from next(filter(None, (list(self._shapes(branch)) for branch in each)), [])
            elif local(each) in _SHAPES:
                yield each

    def _shape(self, shape: etree._Element) -> Iterator[Block]:
        if _is_off(shape):
            self.hidden += sum(len("".join((text.text or "").split())) for text in shape.iter("{*}t"))
        elif local(shape) == "grpSp":
            yield from self._of(shape)
        elif local(shape) == "graphicFrame":
            yield from self._graphic(shape)
        else:
            kind = value(_placeholder(shape), "type")
            text = "" if kind == "sldNum" else _text(child(shape, "txBody"))
            if text:
                yield Block(text, is_title=kind in _TITLES)

    def _graphic(self, frame: etree._Element) -> Iterator[Block]:
        data = child(frame, "graphic", "graphicData")
        for each in () if data is None else data:
            lines: list[str] = []
            if local(each) == "tbl":
                lines = _table(each)
            elif local(each) in ("chart", "relIds"):
                wanted = "dm" if local(each) == "relIds" else "id"
                root = self._parts.root(self._related.get(value(each, wanted) or "", ("", ""))[1])
                lines = [] if root is None else drawing_lines(root)
            if lines:
                yield Block("\n".join(lines), kind="table" if local(each) == "tbl" else "prose")

    def _place(self, shape: etree._Element) -> Place | None:
        """Return where a shape is; a placeholder may leave that to its layout, and this to its master."""
        own = _offset(shape)
        placeholder = _placeholder(shape)
        if own is not None or placeholder is None:
            return own
        keys = (("idx", value(placeholder, "idx")), ("type", value(placeholder, "type") or "body"))
        return next((places[key] for places in self._inherited for key in keys if key in places), None)


def _tree(root: etree._Element | None) -> list[etree._Element]:
    tree = None if root is None else child(root, "cSld", "spTree")
    return [] if tree is None else list(tree)


def _placeholders(root: etree._Element | None) -> dict[tuple[str, str | None], Place]:
    """Return the places of the placeholders of a layout or a master, by their index and by their type."""
    found: dict[tuple[str, str | None], Place] = {}
    for shape in _tree(root):
        placeholder, place = _placeholder(shape), _offset(shape)
        if placeholder is not None and place is not None:
            if index := value(placeholder, "idx"):
                found.setdefault(("idx", index), place)
            kind = value(placeholder, "type") or "body"
            for name in _TITLES if kind in _TITLES else (kind,):
                found.setdefault(("type", name), place)
    return found


def _placeholder(shape: etree._Element) -> etree._Element | None:
    return next((found for each in shape if (found := child(each, "nvPr", "ph")) is not None), None)


def _offset(shape: etree._Element) -> Place | None:
    holder = shape if local(shape) == "graphicFrame" else _first(shape, "spPr", "grpSpPr")
    offset = None if holder is None else child(holder, "xfrm", "off")
    top, left = value(offset, "y"), value(offset, "x")
    return (whole(top), whole(left)) if top and left else None


def _first(shape: etree._Element, *names: str) -> etree._Element | None:
    return next((each for each in shape if local(each) in names), None)


def _is_off(shape: etree._Element) -> bool:
    return any(value(child(each, "cNvPr"), "hidden") in ("1", "true") for each in shape)


def _by_place(shapes: list[tuple[Place | None, etree._Element]]) -> list[etree._Element]:
    """Return the shapes from top to bottom, those of a row from left to right; shapes without a place come last."""
    placed = sorted(((place, shape) for place, shape in shapes if place is not None), key=lambda pair: pair[0])
    rows: list[list[tuple[Place, etree._Element]]] = []
    for place, shape in placed:
        if rows and place[0] - rows[-1][0][0][0] < _SAME_ROW:
            rows[-1].append((place, shape))
        else:
            rows.append([(place, shape)])
    ordered = [shape for row in rows for _, shape in sorted(row, key=lambda pair: pair[0][1])]
    return ordered + [shape for place, shape in shapes if place is None]


def _text(body: etree._Element | None) -> str:
    if body is None:
        return ""
    return "\n".join("".join(_runs(each)) for each in body if local(each) == "p").strip()


def _runs(paragraph: etree._Element) -> Iterator[str]:
    for each in paragraph:
        name = local(each)
        if name == "br":
            yield "\n"
        elif name == "t":
            yield (each.text or "").replace("\x0b", "\n")
        elif name == "oMath":
            yield math_text(each)
        elif name == "AlternateContent":
            yield next(filter(None, ("".join(_runs(branch)) for branch in each)), "")
        elif not name.endswith("Pr") and value(each, "type") != "slidenum":
            yield from _runs(each)


def _table(table: etree._Element) -> list[str]:
    above: dict[int, str] = {}
    rows = [_row(row, above) for row in table if local(row) == "tr"]
    properties = child(table, "tblPr")
    marked = None if properties is None else int(value(properties, "firstRow") in ("1", "true"))
    return table_lines(rows, marked)


def _row(row: etree._Element, above: dict[int, str]) -> Row:
    """Return the cells of a row. A merged cell is repeated in each column and row that it spans."""
    cells = [each for each in row if local(each) == "tc"][:_MOST_COLUMNS]
    texts: list[str] = []
    for at, cell in enumerate(cells):
        text = _text(child(cell, "txBody"))
        if not text and value(cell, "hMerge") in ("1", "true"):
            text = repetition(texts[-1]) if texts else ""
        elif not text and value(cell, "vMerge") in ("1", "true"):
            text = repetition(above.get(at, ""))
        above[at] = text
        texts.append(text)
    whole = len(cells) > 1 and value(cells[0], "gridSpan") == str(len(cells))
    return texts[:1] if whole else texts
