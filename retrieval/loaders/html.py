"""HTML: the text of the block elements and the rows of tables, without scripts, navigation and hidden text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from textwrap import indent
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import CODE_INDENT, HIDDEN, Decoded, TextBuilder, decode, document
from retrieval.loaders.pages.blocks import Page, check_nesting
from retrieval.loaders.source import Source

_XHTML = (".xhtml", ".xht")
_STATED_CHARS = 64  # longer values are no date and no version
_SPACE = re.compile(r"[ \t\n\r\f]+")
_CHARSET = re.compile(rb"<meta\b[^>]*?charset\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\A\s*<\?xml\b[^>]*?encoding\s*=\s*[\"']([\w:.-]+)")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_CLOSED = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)([a-zA-Z][\w:-]*)"
    r"((?:\s[^<>]*?)?)/>",
    re.IGNORECASE,
)
"""An element that XHTML closes in its first tag. In HTML the tag would leave it open: `<title/>` hides a whole page."""
_PERMALINK = re.compile(r"(?<=\S)¶(?=\s|\Z)|\s+¶\Z")
WIDER_ENCODINGS = {
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987"), "cp949"),
    "iso-8859-9": "cp1254",
}
"""What browsers read for a name that pages give to less than they hold, see the Encoding Standard."""
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
    read = decoded_page(given.path.read_bytes(), given.settings.encoding)
    built = TextBuilder()
    source = opened_elements(read.text) if given.path.suffix.lower() in _XHTML else read.text
    title, metadata = add_page(built, source, given.settings.limits.nesting)
    yield document(
        given.path,
        built.text,
        parser="selectolax",
        version=f"3 on {version('selectolax')}",
        title=title,
        headings=built.headings,
        blocks=built.blocks,
        metadata={**metadata, **read.about},
    )


def add_page(built: TextBuilder, source: str, nesting: int) -> tuple[str, dict[str, Any]]:
    """Add the blocks of a page; return its title, and what is known of its date, its version and its hidden text.

    Raises:
        LoadFault: its elements are nested more than `nesting` deep.
    """
    check_nesting(source, nesting)
    tree = LexborHTMLParser(source)
    title = tree.css_first("title")
    name = _PERMALINK.sub("", _SPACE.sub(" ", title.text()).strip()) if title else ""
    metadata = _stated(tree)
    if tree.body is not None:
        page = Page(tree)
        for block in page.blocks(tree.body):
            text = _PERMALINK.sub("", block.text.strip()) if block.level else block.text
            text = indent(text, CODE_INDENT) if block.kind == "code" else text
            built.add(text, block.level, kind=block.kind, verbatim=block.is_verbatim, within=block.within)
        if page.hidden:
            metadata[HIDDEN] = page.hidden
    return name, metadata


def _stated(tree: LexborHTMLParser) -> dict[str, Any]:
    """Return what the page's head says of its date and version."""
    found: dict[str, Any] = {}
    for node in tree.css("meta[content]"):
        name = node.attributes.get("name") or node.attributes.get("property") or ""
        key, value = _STATED.get(name.lower()), (node.attributes.get("content") or "").strip()
        if key and 0 < len(value) <= _STATED_CHARS:
            found.setdefault(key, value)
    return found


def opened_elements(source: str) -> str:
    """Return a page of XHTML as HTML: with an end for each element that is closed in its first tag.

    >>> opened_elements("<title/><br/><a id='b'/>c")
    "<title></title><br/><a id='b'></a>c"
    """
    return _CLOSED.sub(r"<\1\2></\1>", source)


def decoded_page(data: bytes, stated: str | None) -> Decoded:
    """Return the source of a page, in the encoding that it states, or as `decode` reads it."""
    start = _COMMENT.sub(b"", data[:2048])
    named = _CHARSET.search(start) or _XML_ENCODING.search(start)
    # As browsers do: a byte order mark takes precedence over what the page says, `<meta charset>` over `<?xml …?>`, and
    # a page whose start can be read as single bytes is not UTF-16, whatever it says.
    if (
        named
        and not named[1].lower().startswith(b"utf-16")
        and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"))
    ):
        label = named[1].decode("ascii", "replace").lower()
        try:
            return decode(data.decode(WIDER_ENCODINGS.get(label, label)).encode())
        except (LookupError, UnicodeError):
            return decode(data, stated)
    return decode(data, stated)
