"""XML documents as paragraphs, headings, tables and code, by the names that DocBook, TEI, JATS and DITA share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from retrieval.loaders.canonical import TextBuilder
from retrieval.loaders.table_lines import table_lines

_TITLES = frozenset(("title", "head", "article-title", "heading", "bridgehead"))
_VERBATIM = frozenset(("programlisting", "screen", "literallayout", "synopsis", "codeblock", "preformat", "pre", "eg"))
_TABLES = frozenset(("table", "informaltable", "tgroup", "simpletable"))
_ROWS = frozenset(("row", "tr", "strow", "sthead"))
_HEADS = frozenset(("thead", "sthead"))
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"


def has_own_text(element: etree._Element) -> bool:
    """Return whether text stands directly in an element, beside its children if it has any."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def flat(element: etree._Element) -> str:
    """Return all text within an element on one line."""
    return " ".join("".join(_texts(element)).split())


def _texts(element: etree._Element) -> Iterator[str]:
    return (str(text) for text in element.itertext())


def _name(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


class _Place(NamedTuple):
    is_block: bool
    has_own_text: bool
    depth: int


class Prose:
    """Adds the blocks of a document in reading order. Not recursive: elements may be nested deeper than functions."""

    def __init__(self, built: TextBuilder) -> None:
        self._built = built
        self._inline: list[str] = []

    def add(self, root: etree._Element) -> None:
        """Add everything within `root`."""
        within = [_Place(True, False, 0)]
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                if within.pop().is_block:
                    self._end()
                self._inline.append((element.tail or "") if element is not root else "")
                continue
            name, place = _name(element), _place(element, within[-1])
            within.append(place)
            if place.is_block:
                self._end()
            if self._whole(element, name, place.depth):
                walk.skip_subtree()
            else:
                self._inline.append(element.text or "")
        self._end()

    def _whole(self, element: etree._Element, name: str, depth: int) -> bool:
        """Add an element that is read as a whole; return whether it was one."""
        if name in _TITLES and flat(element):
            self._built.add(flat(element), max(depth, 1))
        elif name in _VERBATIM or element.get(_SPACE) == "preserve":
            self._built.add("".join(_texts(element)), kind="code")
        elif name in _TABLES and any(_name(each) in _ROWS for each in element.iter(etree.Element)):
            self._table(element)
        else:
            return False
        return True

    def _table(self, table: etree._Element) -> None:
        rows, marked = [], 0
        walk = etree.iterwalk(table, events=("start",))
        for _, each in walk:
            name = _name(each)
            if name in ("title", "caption"):
                self._built.add(flat(each))
                walk.skip_subtree()
            elif name in _ROWS:
                rows.append(
                    [text for cell in each.iterchildren(etree.Element) for text in [flat(cell)] * _columns(cell)]
                )
                marked += any(_name(outer) in _HEADS for outer in (each, *each.iterancestors()))
                walk.skip_subtree()
        self._built.add("\n".join(table_lines(rows, marked or None)), kind="table")

    def _end(self) -> None:
        self._built.add(" ".join("".join(self._inline).split()))
        self._inline.clear()


def _place(element: etree._Element, outer: _Place) -> _Place:
    """Return whether an element is a block of its own: it stands amid no text, or holds elements only."""
    name, own = _name(element), has_own_text(element)
    block = name in _TITLES or name in _VERBATIM or name in _TABLES
    titled = any(_name(child) in _TITLES for child in element.iterchildren(etree.Element))
    return _Place(block or not outer.has_own_text or (len(element) > 0 and not own), own, outer.depth + titled)


def _columns(cell: etree._Element) -> int:
    """Return how many columns a cell spans."""
    stated = cell.get("colspan") or cell.get("cols") or "1"
    return min(max(int(stated), 1), 1000) if stated.isdecimal() else 1
