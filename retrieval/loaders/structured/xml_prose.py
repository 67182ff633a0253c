"""XML documents as paragraphs, headings, tables and code, by the names that DocBook, TEI, JATS and DITA share."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent
from typing import NamedTuple

from lxml import etree

from retrieval.loaders.canonical import BULLET, CODE_INDENT, TextBuilder, defined
from retrieval.loaders.table_lines import table_lines
from state.values import Kind

_TITLES = frozenset(("title", "head", "article-title", "heading", "bridgehead"))
_VERBATIM = frozenset(("programlisting", "screen", "literallayout", "synopsis", "codeblock", "preformat", "pre", "eg"))
_TABLES = frozenset(("table", "informaltable", "tgroup", "simpletable"))
_ITEMS = frozenset(("listitem", "list-item", "item", "li", "step", "dd", "def"))
_NUMBERED = frozenset(("orderedlist", "ol", "steps", "procedure"))
_DEFINING = frozenset(("varlistentry", "def-item", "dlentry", "dl", "glossentry"))
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
        self._items = 0
        self._label = self._term = ""
        self._counted: dict[etree._Element, int] = {}

    def add(self, root: etree._Element) -> None:
        """Add everything within `root`."""
        within = [_Place(True, False, 0)]
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                if within.pop().is_block:
                    self._end(defines=_name(element) in ("term", "dt", "glossterm") and _parent(element) in _DEFINING)
                self._items -= _name(element) in _ITEMS
                self._inline.append((element.tail or "") if element is not root else "")
                continue
            name, place = _name(element), _place(element, within[-1])
            within.append(place)
            if place.is_block:
                self._end()
            if name in _ITEMS:
                self._items += 1
                self._label, self._term = self._term or self._mark(element), ""
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
            if self._label.endswith(": "):  # a term that code defines
                self._built.add(self._label, kind="list", within=max(self._items - 1, 0))
            self._label = ""
            self._built.add(indent("".join(_texts(element)), CODE_INDENT), kind="code", within=self._items)
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

    def _mark(self, item: etree._Element) -> str:
        """Return the number or the mark that a reader sees before an item."""
        outer = item.getparent()
        if outer is None or _name(outer) not in _NUMBERED:
            return BULLET
        self._counted[outer] = self._counted.get(outer, 0) + 1
        return f"{self._counted[outer]}. "

    def _end(self, *, defines: bool = False) -> None:
        """Add what was read as a paragraph; a term that the list `defines` waits for its definition."""
        text = " ".join("".join(self._inline).split())
        self._inline.clear()
        if text and defines:
            self._term = f"{BULLET}{defined(text)} "
        elif text:
            kind: Kind = "list" if self._items else "prose"
            self._built.add(self._label + text, kind=kind, within=max(self._items - bool(self._label), 0))
            self._label = ""


def _place(element: etree._Element, outer: _Place) -> _Place:
    """Return whether an element is a block of its own: it stands amid no text, or holds elements only."""
    name, own = _name(element), has_own_text(element)
    block = name in _TITLES or name in _VERBATIM or name in _TABLES
    titled = any(_name(child) in _TITLES for child in element.iterchildren(etree.Element))
    return _Place(block or not outer.has_own_text or (len(element) > 0 and not own), own, outer.depth + titled)


def _parent(element: etree._Element) -> str:
    outer = element.getparent()
    return "" if outer is None else _name(outer)


def _columns(cell: etree._Element) -> int:
    """Return how many columns a cell spans."""
    stated = cell.get("colspan") or cell.get("cols") or "1"
    return min(max(int(stated), 1), 1000) if stated.isdecimal() else 1
