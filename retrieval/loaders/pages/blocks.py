"""The blocks of a web page in reading order: paragraphs, headings, preformatted text and tables.

Nothing here is recursive, and each element is visited a bounded number of times, so that a deeply nested page ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from retrieval.loaders.errors import LoadFault
from retrieval.loaders.pages.hidden import beside_the_text, hidden_in
from retrieval.loaders.pages.paragraphs import Block, Paragraphs, whole
from retrieval.loaders.table_lines import Row, repetition, table_lines
from state.values import Kind

_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir", "div", "dl"),
        *("dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("header", "hgroup", "hr", "legend", "li", "listing", "main", "menu", "ol", "optgroup", "option", "p"),
        *("plaintext", "pre", "search", "section", "summary", "ul", "xmp"),
        *("caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"),
        # No block by the standard, but text of its own: the name of a field, what stands in one, a label in a drawing.
        *("button", "foreignobject", "label", "marquee", "select", "text", "textarea"),
    )
)
"""The elements that the HTML Standard displays as blocks, list items and parts of tables (15.3, "Flow content")."""
_UNSEEN = frozenset(
    (
        *("area", "base", "datalist", "head", "link", "meta", "noembed", "noframes", "param", "script", "style"),
        *("template", "title", "annotation", "annotation-xml", "defs", "desc", "metadata", "iframe", "noscript", "nav"),
    )
)
"""What the standard never displays, what stands beside the text of a drawing or formula, and navigation."""
_VERBATIM = frozenset(("pre", "listing", "plaintext", "textarea", "xmp"))
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_HEADINGS, "heading"),
    **dict.fromkeys(("pre", "listing", "plaintext", "xmp"), "code"),
    **dict.fromkeys(("li", "dt", "dd"), "list"),
}
_LAYOUT = frozenset(("table", *_VERBATIM, *_HEADINGS, "hr"))
"""Elements that no cell of figures holds: a table with one of them, and without a header, arranges a page."""
_SIGNS = frozenset("¶#§🔗⚓\uf0c1")
_MOST_COLUMNS = 1000  # the standard's limit of a span
_MOST_ROWS = 65_534
_MOST_SPANNED = 1_000_000
"""The cells that the spans of one table add; a damaged page must not ask for more. A chosen value."""
_SPACE = re.compile(r"[ \t\n\r\f]+")
_TAG = re.compile(r"<!--|-->|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*)")
_CLOSE_THEMSELVES = frozenset(
    (
        *(
            "area",
            "base",
            "br",
            "col",
            "embed",
            "hr",
            "img",
            "input",
            "link",
            "meta",
            "param",
            "source",
            "track",
            "wbr",
        ),
        *("p", "li", "dt", "dd", "option", "optgroup", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "rt"),
        *("rp", "html", "head", "body", "path", "circle", "rect", "line", "polygon", "use", "g", "a"),
    )
)
"""Elements that are never closed, or whose end the standard lets authors omit."""


def check_nesting(source: str, most: int) -> None:
    """Raise `LoadFault` for a page whose elements are nested more than `most` deep.

    The parser's time grows with the square of the depth, so that the depth is counted before it starts.
    """
    depth, until = 0, ""
    for tag in _TAG.finditer(source):
        name = (tag["name"] or tag[0]).lower()
        if until:
            until = "" if name == until and (tag["end"] or until == "-->") else until
        elif name == "<!--":
            until = "-->"
        elif name in ("script", "style") and not tag["end"]:
            until = name
        elif name not in _CLOSE_THEMSELVES and name != "-->":
            depth = max(depth - 1, 0) if tag["end"] else depth + 1
            if depth > most:
                raise LoadFault(
                    f"its elements are nested more than {most:,} deep; save it again as plain text, or raise "
                    "SIXPLANE_DATA__LIMITS__NESTING"
                )


class Page:
    """Reads the blocks of a page; `hidden` counts the characters of text, white space aside, that were left out."""

    def __init__(self, tree: LexborHTMLParser) -> None:
        self.hidden = 0
        self._hidden = hidden_in(tree)
        self._beside = beside_the_text(tree)
        self._data = _data_tables(tree)

    def blocks(self, top: LexborNode) -> Iterator[Block]:
        """Yield the blocks within `top`."""
        text = Paragraphs(_KINDS, _HEADINGS)
        for node, begins in self._seen(top, stop=self._data):
            tag = node.tag or ""
            if begins and tag == "table" and node.mem_id in self._data:
                yield from text.ended()
                yield from text.left()
                yield from self._table(node)
            elif tag in _BLOCKS:
                yield from text.ended()
                text.meet(node, begins, verbatim=tag in _VERBATIM)
            elif begins:
                text.add(_own_text(node, keep=text.keeps_lines))
        yield from text.ended()
        yield from text.left()

    def _seen(
        self, top: LexborNode, stop: set[int] | frozenset[int] = frozenset()
    ) -> Iterator[tuple[LexborNode, bool]]:
        """Yield each seen node below `top` as it begins and ends, in order; do not enter those in `stop`."""
        node, begins = top.child, True
        while node is not None:
            entered = begins and self._is_seen(node)
            if entered or not begins:
                yield node, begins
            if entered and node.child is not None and node.mem_id not in stop:
                node = node.child
                continue
            if entered and node.mem_id not in stop:
                yield node, False
            if node.next is not None:
                node, begins = node.next, True
            else:
                node, begins = node.parent, False
                if node is None or node.mem_id == top.mem_id:
                    return

    def _is_seen(self, node: LexborNode) -> bool:
        if node.mem_id in self._hidden:
            self.hidden += len("".join((node.text(deep=True) or "").split()))
            return False
        return (
            node.tag not in _UNSEEN
            and node.mem_id not in self._beside
            and not (node.tag == "a" and _is_permalink(node))
        )

    def _flat(self, top: LexborNode) -> str:
        """Return the content of a cell or a caption on one line."""
        pieces = [
            " " if (node.tag or "") in _BLOCKS else _own_text(node, keep=False)
            for node, begins in self._seen(top)
            if begins or (node.tag or "") in _BLOCKS
        ]
        return " ".join("".join(pieces).split())

    def _table(self, table: LexborNode) -> Iterator[Block]:
        rows: list[Row] = []
        feet: list[Row] = []
        below: dict[int, tuple[int, str]] = {}
        marked, spare = 0, _MOST_SPANNED
        for row, group in self._rows(table):
            if row.tag == "caption":
                yield Block(self._flat(row))
                continue
            cells = [cell for cell in _children(row) if cell.tag in ("td", "th") and self._is_seen(cell)]
            texts, added = self._row(cells, below, spare)
            spare -= added
            if marked == len(rows) and cells and (group == "thead" or all(cell.tag == "th" for cell in cells)):
                marked += any(texts)
            if any(texts):
                (feet if group == "tfoot" else rows).append(texts)
        named = marked or (0 if table.css_first("th") is not None else None)
        yield Block("\n".join(table_lines([*rows, *feet], named)), kind="table")

    def _rows(self, table: LexborNode) -> Iterator[tuple[LexborNode, str]]:
        """Yield the caption and the rows of a table, with the name of the group that each is in."""
        for each in _children(table):
            if not self._is_seen(each):
                continue
            if each.tag in ("thead", "tbody", "tfoot"):
                yield from ((row, each.tag) for row in _children(each) if row.tag == "tr" and self._is_seen(row))
            elif each.tag in ("tr", "caption"):
                yield each, ""

    def _row(self, cells: list[LexborNode], below: dict[int, tuple[int, str]], spare: int) -> tuple[Row, int]:
        """Return the cells of a row, and how many more they are than its elements.

        A merged cell is repeated in each column and row that it spans. `below` holds those that reach into later rows.
        """
        texts: list[str] = []
        wide = 0
        for cell in cells:
            _fill(texts, below)
            wide, high = (
                _span(cell, name, most) for name, most in (("colspan", _MOST_COLUMNS), ("rowspan", _MOST_ROWS))
            )
            text = self._flat(cell)
            for column in range(wide if wide <= spare else 1):
                if high > 1:
                    below[len(texts)] = (high - 1, repetition(text))
                texts.append(repetition(text) if column else text)
        alone = len(cells) == 1 and wide == len(texts) > 1 and not below
        spanned = [at for at in below if at >= len(texts)]
        if spanned:
            _fill(texts, below, max(spanned))
        return texts[:1] if alone else texts, max(len(texts) - len(cells), 0)


def _fill(texts: list[str], below: dict[int, tuple[int, str]], last: int = -1) -> None:
    """Add the cells of rows above that reach into this one, up to the next free column, or to the column `last`."""
    while len(texts) in below or len(texts) <= last:
        left, text = below.pop(len(texts), (1, ""))
        if left > 1:
            below[len(texts)] = (left - 1, text)
        texts.append(text)


def _span(cell: LexborNode, name: str, most: int) -> int:
    return min(max(whole(cell, name, 1), 1), most)


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _own_text(node: LexborNode, *, keep: bool) -> str:
    """Return the text of a text node; a line break is one where `keep` says that lines are kept, else a space."""
    if node.tag == "-text":
        text = node.text(deep=False) or ""
        return text if keep else _SPACE.sub(" ", text)
    return ("\n" if keep else " ") if node.tag == "br" else ""


def _is_permalink(node: LexborNode) -> bool:
    """Return whether a link is only the sign of a place on the page, as documentation tools put it after headings."""
    child = node.child
    if child is None or child.next is not None or child.tag != "-text":
        return False
    return (child.text(deep=False) or "").strip(" \ufe0e\ufe0f") in _SIGNS and "#" in (
        node.attributes.get("href") or ""
    )


def _data_tables(tree: LexborHTMLParser) -> set[int]:
    """Return the memory addresses of the tables whose rows are read as rows. Others arrange a page, or frame a text."""
    data: set[int] = set()
    open_tables: list[_Facts] = []
    node, begins = tree.root, True
    while node is not None:
        tag = node.tag or ""
        if begins:
            for facts in open_tables[-1:]:
                facts.meet(tag)
            if tag == "table":
                open_tables.append(_Facts((node.attributes.get("role") or "") in ("presentation", "none")))
            if node.child is not None:
                node = node.child
                continue
        if tag == "table" and open_tables.pop().is_data:
            data.add(node.mem_id)
        node, begins = (node.next, True) if node.next is not None else (node.parent, False)
    return data


class _Facts:
    """What is known of a table while it is walked through."""

    def __init__(self, arranges: bool) -> None:
        self._arranges = arranges
        self._has_header = False
        self._has_layout = False
        self._keeps_lines = False
        self._cells = 0
        self._in_row = 0

    @property
    def is_data(self) -> bool:
        if self._arranges or self._keeps_lines or self._cells < 2:
            return False
        return self._has_header or not self._has_layout

    def meet(self, tag: str) -> None:
        """Take note of an element of this table that is not within a table inside it."""
        if tag == "tr":
            self._in_row = 0
        elif tag in ("td", "th"):
            self._in_row += 1
            self._cells = max(self._cells, self._in_row)
        self._has_header |= tag in ("th", "thead", "caption")
        self._has_layout |= tag in _LAYOUT
        self._keeps_lines |= tag in _VERBATIM
