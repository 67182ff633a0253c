"""XML documents as paragraphs, headings, tables and code, by the names that DocBook, TEI, JATS and DITA share."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent
from typing import NamedTuple

from lxml import etree

from retrieval.loaders.canonical import BULLET, CODE_INDENT, TextBuilder, defining
from retrieval.loaders.table_lines import table_lines
from state.values import Kind

_TITLES = frozenset(("title", "head", "article-title", "heading", "bridgehead"))
_VERBATIM = frozenset(("programlisting", "screen", "literallayout", "synopsis", "codeblock", "preformat", "pre", "eg"))
_TABLES = frozenset(("table", "informaltable", "tgroup", "simpletable"))
_ITEMS = frozenset(("listitem", "list-item", "item", "li", "step", "dd", "def", "glossdef"))
_NUMBERED = frozenset(("orderedlist", "ol", "steps", "procedure"))
_DEFINING = frozenset(("varlistentry", "def-item", "dlentry", "dl", "glossentry"))
_TERMS = frozenset(("term", "dt", "glossterm", "acronym", "abbrev"))
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
        self._items: list[bool] = []  # for each item that is open, whether it is a definition
        self._label = ""
        self._terms: list[str] = []  # those whose definition has not begun; they stand in `_terms_within` items
        self._terms_within = 0
        self._counted: dict[etree._Element, int] = {}

    def add(self, root: etree._Element) -> None:
        """Add everything within `root`."""
        within = [_Place(True, False, 0)]
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                if within.pop().is_block:
                    self._end()
                self._close(_name(element))
                self._inline.append((element.tail or "") if element is not root else "")
                continue
            name, place = _name(element), _place(element, within[-1])
            within.append(place)
            if place.is_block:
                self._end()
            if name in _ITEMS:
                self._open(element)
            if self._whole(element, name, place.depth):
                walk.skip_subtree()
            else:
                self._inline.append(element.text or "")
        self._end()
        self._left()

    def _open(self, item: etree._Element) -> None:
        is_definition = _parent(item) in _DEFINING
        if not is_definition:
            self._left()
        self._items.append(is_definition)
        self._label = "" if is_definition else self._mark(item)

    def _close(self, name: str) -> None:
        """Take note that an element ends: an empty item leaves no mark to what follows, nor does a term."""
        if name in _ITEMS:
            self._items.pop()
            self._label = ""
        if name in _ITEMS or name in _DEFINING:
            self._left()

    def _whole(self, element: etree._Element, name: str, depth: int) -> bool:
        """Add an element that is read as a whole; return whether it was one."""
        if _is_term(element):
            if len(self._items) != self._terms_within:  # a list in a definition that says nothing before it
                self._left()
            self._terms_within = len(self._items)
            self._terms += [text] if (text := flat(element)) else []
        elif name == "label" and _parent(element) == "list-item" and (text := flat(element)):
            self._label = f"{text} " if any(map(str.isalnum, text)) else BULLET
        elif name in _TITLES and flat(element):
            self._left()
            self._built.add(flat(element), max(depth, 1))
        elif name in _VERBATIM or element.get(_SPACE) == "preserve":
            self._left()
            self._label = ""
            self._built.add(indent("".join(_texts(element)), CODE_INDENT), kind="code", within=len(self._items))
        elif name in _TABLES and any(_name(each) in _ROWS for each in element.iter(etree.Element)):
            self._left()
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
        if outer is None or not (_name(outer) in _NUMBERED or outer.get("list-type") == "order"):
            return BULLET
        following = self._counted.get(outer) or _whole_number(outer, "start", "startingnumber")
        number = _whole_number(item, "value", default=following)
        self._counted[outer] = number + 1
        return f"{number}. "

    def _end(self) -> None:
        """Add what was read as a paragraph, after the mark of its item or the terms that it defines."""
        text = " ".join("".join(self._inline).split())
        self._inline.clear()
        if not text:
            return
        if self._terms and self._items[self._terms_within :] == [True]:
            self._label = f"{defining(self._terms)} "
            self._terms.clear()
        self._left()
        kind: Kind = "list" if self._items else "prose"
        self._built.add(self._label + text, kind=kind, within=max(len(self._items) - bool(self._label), 0))
        self._label = ""

    def _left(self) -> None:
        """Add the terms that no text defines."""
        if self._terms:
            self._built.add(defining(self._terms), kind="list", within=self._terms_within)
            self._terms.clear()
            self._label = ""


def _place(element: etree._Element, outer: _Place) -> _Place:
    """Return whether an element is a block of its own: it stands amid no text, or holds elements only."""
    name, own = _name(element), has_own_text(element)
    block = name in _TITLES or name in _VERBATIM or name in _TABLES
    titled = any(_name(child) in _TITLES for child in element.iterchildren(etree.Element))
    block = block or _is_term(element) or (name in _ITEMS and _parent(element) in _DEFINING)
    return _Place(block or not outer.has_own_text or (len(element) > 0 and not own), own, outer.depth + titled)


def _parent(element: etree._Element) -> str:
    outer = element.getparent()
    return "" if outer is None else _name(outer)


def _is_term(element: etree._Element) -> bool:
    return _name(element) in _TERMS and _parent(element) in _DEFINING


def _columns(cell: etree._Element) -> int:
    """Return how many columns a cell spans."""
    return min(max(_whole_number(cell, "colspan", "cols"), 1), 1000)


def _whole_number(element: etree._Element, *names: str, default: int = 1) -> int:
    """Return the first of the attributes `names` that is stated as a whole number, or `default`."""
    stated = next((stated for name in names if (stated := element.get(name))), "").strip()[:9]
    return int(stated) if stated.isdecimal() else default
