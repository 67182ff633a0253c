"""HTML: the text of the block elements, without scripts, styles and navigation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import TextBuilder, decode, document
from retrieval.loaders.errors import LoadFault

_DROPPED = ["script", "style", "noscript", "template", "nav", "svg", "iframe"]
_BLOCKS = frozenset(
    (
        *("p", "div", "section", "article", "header", "footer", "main", "li", "dt", "dd", "td", "th", "tr", "table"),
        *("ul", "ol", "pre", "blockquote", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6"),
    )
)
_SPACE = re.compile(r"[ \t\n\r\f]+")
_CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([A-Za-z0-9_-]+)", re.IGNORECASE)


def load(path: Path) -> Iterator[LoadedDocument]:
    """Yield the page as one document with its headings."""
    tree = LexborHTMLParser(_decoded(path.read_bytes()))
    title = tree.css_first("title")
    name = _SPACE.sub(" ", title.text()).strip() if title else ""
    tree.strip_tags(_DROPPED)
    built = TextBuilder()
    if tree.body is not None:
        try:
            _walk(tree.body, built)
        except RecursionError as error:
            raise LoadFault("its elements are nested too deeply; save it again from a browser as plain text") from error
    yield document(
        path, built.text, parser="selectolax", version=version("selectolax"), title=name, headings=built.headings
    )


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
