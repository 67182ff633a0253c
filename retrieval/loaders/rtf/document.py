"""RTF: all text in reading order, headings, tables, notes and text boxes included; deleted and hidden text is left out.

Headers stand once before the body and footers once after it, notes below the paragraph that refers to them.
"""

from __future__ import annotations

from collections.abc import Iterator

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document, well_formed
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.rtf.flow import add_blocks
from retrieval.loaders.rtf.reader import Reader
from retrieval.loaders.source import Source

_START = b"{\\rtf"


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with its headings."""
    data = given.path.read_bytes().lstrip(b"\xef\xbb\xbf \r\n\t\0")
    if not data.startswith(_START):
        raise LoadFault("it is not RTF; open and save it again with a word processor, or name it after its format")
    read = Reader(data, comments=given.settings.comments)
    built = _built(read)
    yield document(
        given.path,
        well_formed(built.text),
        parser="rtf",
        version="1",
        title=read.title,
        headings=built.headings,
        blocks=built.blocks,
        metadata={HIDDEN: read.hidden} if read.hidden else {},
    )


def rtf_text(data: bytes) -> str:
    """Return the text of a document in RTF."""
    return _built(Reader(data)).text


def _built(read: Reader) -> TextBuilder:
    built = TextBuilder()
    for blocks in (read.headers, read.body, read.footers):
        add_blocks(built, blocks)
    return built
