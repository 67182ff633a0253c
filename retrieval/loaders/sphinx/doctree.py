"""The text of a tree of docutils, block by block, as a reader sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent, indent

from docutils import nodes

from retrieval.loaders.canonical import BULLET, CODE_INDENT, HIDDEN, TextBuilder, defined
from retrieval.loaders.html import add_page
from retrieval.loaders.sphinx.names import NAMES
from retrieval.loaders.table_lines import Row, table_lines
from state.values import Kind

_BREAK = re.compile(r"\s*\n\s*")
_DIRECTIVE = re.compile(r"\A\s*\.\.[ ]+(?:\|[^|\n]+\|[ ]+)?[\w.:+-]+::[ ]?")
_ADORNMENT = re.compile(r"^[ ]*(?:([!-/:-@\[-`{-~])\1+[ ]*)+$\n?", re.MULTILINE)
_UNDEFINED = re.compile(r"\A\|(.*)\|\Z", re.DOTALL)
_MOST_SPANNED = 1_000_000  # cells that the spans of one table add; a chosen value
_ERROR = 3

_CODE = (nodes.literal_block, nodes.doctest_block, nodes.math_block)
_LINES = (nodes.paragraph, nodes.rubric, nodes.attribution, nodes.caption, nodes.subtitle, nodes.title)
_UNSEEN = (nodes.target, nodes.substitution_definition, nodes.pending, nodes.transition, nodes.meta, nodes.colspec)


class Walk:
    """Adds the blocks of a tree to `built`; `hidden` counts the characters of comments."""

    def __init__(self, built: TextBuilder, nesting: int) -> None:
        self.hidden = 0
        self._built = built
        self._nesting = nesting
        self._level = 0
        self._label = ""
        self._within = 0  # items of lists
        self._begun = 0  # of these, whose label still waits for its text
        self._kind: Kind = "prose"

    def add(self, node: nodes.Node) -> None:
        """Add `node` with what is within it."""
        if isinstance(node, nodes.section):
            self._section(node)
        elif isinstance(node, _LINES):
            self._line(_flat(node))
        elif isinstance(node, _CODE):
            self._code(node)
        elif isinstance(node, nodes.comment):
            self.hidden += len("".join(node.astext().split()))
        elif isinstance(node, nodes.system_message):
            self._failed(node)
        elif isinstance(node, nodes.image):
            self._line(node.get("alt", ""))
        elif isinstance(node, nodes.raw):
            self._raw(node)
        elif not isinstance(node, _UNSEEN):
            self._structure(node)

    def _structure(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.bullet_list | nodes.enumerated_list):
            self._list(node)
        elif isinstance(node, nodes.definition_list_item):
            self._defined(node)
        elif isinstance(node, nodes.field | nodes.option_list_item):
            separator = ":" if isinstance(node, nodes.field) else ""
            self._item(f"{BULLET}{_name(node[0])}{separator} ", node[1:])
        elif isinstance(node, nodes.footnote | nodes.citation):
            self._labelled(f"[^{_flat(node[0])}]: ", node[1:])
        elif isinstance(node, nodes.line_block):
            self._line("\n".join(_lines(node)))
        elif isinstance(node, nodes.table):
            self._table(node)
        elif isinstance(node, nodes.Admonition) and not isinstance(node, nodes.admonition | nodes.system_message):
            self._labelled(f"{NAMES.get(node.tagname, node.tagname.capitalize())}: ", node.children)
        elif isinstance(node, nodes.Inline | nodes.Text):
            self._line(_flat(node))
        else:
            for child in node.children:
                self.add(child)

    def _line(self, text: str) -> None:
        if text.strip():
            self._built.add(f"{self._label}{text.strip()}", kind=self._kind, within=self._within - self._begun)
            self._label, self._begun = "", 0

    def _code(self, node: nodes.Node) -> None:
        if self._label.endswith(": "):  # the code is what it names
            self._built.add(self._label, kind=self._kind, within=self._within - self._begun)
            self._label, self._begun = "", 0
        self._built.add(indent(_text(node), CODE_INDENT), kind="code", within=self._within)

    def _section(self, section: nodes.section) -> None:
        self._level += 1
        for child in section.children:
            if isinstance(child, nodes.title):
                self._built.add(_flat(child), self._level)
            else:
                self.add(child)
        self._level -= 1

    def _list(self, node: nodes.Element) -> None:
        for number, item in enumerate(node.children, int(node.get("start", 1))):
            numbered = isinstance(node, nodes.enumerated_list) and isinstance(item, nodes.list_item)
            self._item(f"{_ordinal(node, number)} " if numbered else BULLET, item.children)

    def _item(self, label: str, children: list[nodes.Node]) -> None:
        """Add an item of a list, with what belongs to it."""
        outer = self._kind
        self._kind, self._within, self._begun = "list", self._within + 1, self._begun + 1
        self._labelled(label, children)
        self._kind, self._within, self._begun = outer, self._within - 1, 0

    def _labelled(self, label: str, children: list[nodes.Node]) -> None:
        """Add blocks of which the first begins with `label`, which stands alone if there is no text."""
        self._label += label
        for child in children:
            self.add(child)
        if self._label.strip() and label.strip() != BULLET.strip():
            self._built.add(self._label, kind=self._kind, within=self._within - self._begun)
        self._label, self._begun = "", 0

    def _defined(self, item: nodes.Element) -> None:
        terms = [child for child in item.children if isinstance(child, nodes.term | nodes.classifier)]
        told = " : ".join(filter(None, map(_flat, terms)))
        self._item(f"{BULLET}{defined(told)} ", [child for child in item.children if child not in terms])

    def _failed(self, message: nodes.Element) -> None:
        """Add the source of what could not be parsed: no word is lost over an error of markup."""
        for child in message.children if message.get("level", 0) >= _ERROR else ():
            if isinstance(child, nodes.literal_block):
                source = _ADORNMENT.sub("", _DIRECTIVE.sub("", child.astext()))
                self._built.add(dedent(source.strip("\n")), kind=self._kind, verbatim=True)

    def _raw(self, node: nodes.Element) -> None:
        if "html" in node.get("format", "").split():
            _, metadata = add_page(self._built, node.astext(), self._nesting)
            self.hidden += metadata.get(HIDDEN, 0)

    def _table(self, table: nodes.Element) -> None:
        self._line(" ".join(_flat(child) for child in table.children if isinstance(child, nodes.title)))
        for group in table.findall(nodes.tgroup):
            rows: list[Row] = []
            marked, spare = 0, _MOST_SPANNED
            below: dict[int, tuple[int, str]] = {}
            for part in group.children:
                for row in part.children if isinstance(part, nodes.thead | nodes.tbody) else ():
                    cells, added = _row(row, below, spare)
                    spare -= added
                    rows.append(cells)
                    marked += isinstance(part, nodes.thead) and any(cells)
            self._built.add("\n".join(table_lines(rows, marked)), kind="table")


def _row(row: nodes.Element, below: dict[int, tuple[int, str]], spare: int) -> tuple[list[str], int]:
    """Return the cells of a row, merged ones repeated, and how many more they are than its entries."""
    texts: list[str] = []

    def fill() -> None:
        while len(texts) in below:
            left, text = below.pop(len(texts))
            if left > 1:
                below[len(texts)] = (left - 1, text)
            texts.append(text)

    for entry in row.children:
        fill()
        text = _cell(entry)
        for _ in range(min(int(entry.get("morecols", 0)), spare) + 1):
            if entry.get("morerows", 0):
                below[len(texts)] = (int(entry["morerows"]), text)
            texts.append(text)
    fill()
    return texts, len(texts) - len(row.children)


def _cell(entry: nodes.Element) -> str:
    """Return the content of a cell on one line."""
    built = TextBuilder()
    walk = Walk(built, nesting=1000)
    for child in entry.children:
        walk.add(child)
    return " ".join(" ".join(line.strip().removeprefix(BULLET) for line in built.text.splitlines()).split())


def _lines(block: nodes.Element, depth: int = 0) -> Iterator[str]:
    for child in block.children:
        if isinstance(child, nodes.line_block):
            yield from _lines(child, depth + 1)
        else:
            yield "  " * depth + _flat(child)


def _ordinal(node: nodes.Element, number: int) -> str:
    """Return the number or letter of an item, as the list writes it."""
    kind = node.get("enumtype", "arabic")
    shown = str(number)
    if kind.endswith("alpha") and 1 <= number <= 26:
        shown = chr(ord("a" if kind.startswith("lower") else "A") + number - 1)
    elif kind.endswith("roman"):
        from docutils.utils._roman_numerals import RomanNumeral

        shown = RomanNumeral(number).to_lowercase() if kind.startswith("lower") else RomanNumeral(number).to_uppercase()
    return f"{node.get('prefix', '')}{shown}{node.get('suffix', '.')}"


def _name(node: nodes.Element) -> str:
    """Return the name of a field, or the options of a program."""
    if isinstance(node, nodes.option_group):
        return ", ".join(option.astext() for option in node.children)
    return _flat(node)


def _flat(node: nodes.Node) -> str:
    return _BREAK.sub(" ", _text(node)).strip()


def _text(node: nodes.Node) -> str:
    """Return the text of inline nodes; unresolved substitutions are shown by their names."""
    if isinstance(node, nodes.image):
        return str(node.get("alt", ""))
    if isinstance(node, nodes.footnote_reference | nodes.citation_reference):
        return f"[^{node.astext()}]"
    if isinstance(node, nodes.raw | nodes.system_message | nodes.target) and not isinstance(node, nodes.Text):
        return "".join(map(_text, node.children)) if isinstance(node, nodes.target) else ""
    if isinstance(node, nodes.Text):
        return str(node.astext())  # without the marks of escaped characters
    if isinstance(node, nodes.problematic):
        return _UNDEFINED.sub(r"\1", node.astext())
    return "".join(map(_text, node.children))
