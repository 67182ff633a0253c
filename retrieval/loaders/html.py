"""HTML: the text of the block elements, without scripts, styles, navigation and hidden text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, decode, document
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.hidden import drop_hidden
from retrieval.loaders.source import Source

_DROPPED = ["script", "style", "noscript", "template", "nav", "svg", "iframe"]
_BLOCKS = frozenset(
    (
        *("p", "div", "section", "article", "header", "footer", "main", "li", "dt", "dd", "td", "th", "tr", "table"),
        *("ul", "ol", "pre", "blockquote", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6"),
    )
)
_STATED_CHARS = 64  # longer values are no date and no version
_SPACE = re.compile(r"[ \t\n\r\f]+")
_CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([A-Za-z0-9_-]+)", re.IGNORECASE)
_STATED = {
    "date": "date",
    "dc.date": "date",
    "dcterms.date": "date",
    "article:published_time": "published",
    "dcterms.modified": "modified",
    "article:modified_time": "modified",
    "last-modified": "modified",
    "version": "version",
}
"""The names of `<meta>` elements that state a document's date or version, and the metadata keys that they become."""


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the page as one document with its headings."""
    path = given.path
    tree = LexborHTMLParser(_decoded(path.read_bytes()))
    title = tree.css_first("title")
    name = _SPACE.sub(" ", title.text()).strip() if title else ""
    metadata = _stated(tree)
    if hidden := drop_hidden(tree):
        metadata[HIDDEN] = hidden
    tree.strip_tags(_DROPPED)
    built = TextBuilder()
    if tree.body is not None:
        try:
            _walk(tree.body, built)
        except RecursionError as error:
            raise LoadFault("its elements are nested too deeply; save it again from a browser as plain text") from error
    yield document(
        path,
        built.text,
        parser="selectolax",
        version=version("selectolax"),
        title=name,
        headings=built.headings,
        metadata=metadata,
    )


def _stated(tree: LexborHTMLParser) -> dict[str, Any]:
    """Return what the page's head says of its date and version."""
    found: dict[str, Any] = {}
    for node in tree.css("meta[content]"):
        name = node.attributes.get("name") or node.attributes.get("property") or ""
        key, value = _STATED.get(name.lower()), (node.attributes.get("content") or "").strip()
        if key and 0 < len(value) <= _STATED_CHARS:
            found.setdefault(key, value)
    return found


def _decoded(data: bytes) -> str:
    named = _CHARSET.search(data[:2048])
    # As browsers do: a byte order mark takes precedence over `<meta charset>`, and a page whose `<meta>` can be read as
    # single bytes is not UTF-16, whatever it says.
    if (
        named
        and not named[1].lower().startswith(b"utf-16")
        and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"))
    ):
        try:
            return decode(data.decode(named[1].decode("ascii")).encode())
        except (LookupError, UnicodeError):
            return decode(data)
    return decode(data)


def _walk(node: LexborNode, built: TextBuilder) -> None:
    """Add the text of each block element, and headings with their levels."""
    inline: list[str] = []

    def flush() -> None:
        text = "".join(inline)
        built.add(text if node.tag == "pre" else _SPACE.sub(" ", text), _level(node.tag))
        inline.clear()

    child = node.child
    while child is not None:
        if child.tag == "-text":
            inline.append(child.text(deep=False) or "")
        elif child.tag == "br":
            inline.append(" ")
        # An inline element that contains blocks (`<a><h2>…`) is walked as a block, or its headings would be lost.
        elif child.tag in _BLOCKS or child.css_first(",".join(_BLOCKS)) is not None:
            flush()
            _walk(child, built)
        else:
            inline.append(child.text(deep=True) or "")
        child = child.next
    flush()


def _level(tag: str | None) -> int | None:
    return int(tag[1]) if tag in ("h1", "h2", "h3", "h4", "h5", "h6") else None
