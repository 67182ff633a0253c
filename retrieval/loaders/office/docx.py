"""DOCX: all text of the body in reading order; headings are recognised by their outline level and style.

The XML is read as it is: python-docx knows neither Strict OOXML nor content controls, text boxes, notes and tracked
changes, and refuses a file that refers to a missing picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.office.docx_blocks import Blocks
from retrieval.loaders.office.docx_styles import NO_GROUND
from retrieval.loaders.office.package import Parts, child, parts_of, value
from retrieval.loaders.source import Source

_EMBEDDED = "a document that is embedded in it is not read; open and save it again with a word processor"


def load(given: Source) -> Iterator[LoadedDocument | FailedFile]:
    """Yield the file as one document with its headings; report documents that only a word processor would insert."""
    with parts_of(given, "a word processor") as parts:
        loaded, embedded = _document(given, parts)
    yield loaded
    if embedded:
        yield FailedFile(source=given.path.as_posix(), reason=_EMBEDDED)


def _document(given: Source, parts: Parts) -> tuple[LoadedDocument, int]:
    """Return the document, and how many others are embedded in it."""
    main = parts.main("word/document.xml")
    root = parts.root(main)
    body = None if root is None else child(root, "body")
    if root is None or body is None:
        raise KeyError(main)
    blocks = Blocks(parts, main, comments=given.settings.comments)
    built = TextBuilder()
    ground = value(child(root, "background"), "color") not in NO_GROUND
    for block in chain(blocks.margins(body, "header"), blocks.of(body, ground=ground), blocks.margins(body, "footer")):
        built.add(block.text, block.level, kind=block.kind, within=block.within)
    if blocks.embedded and not built.text:
        raise LoadFault(_EMBEDDED)
    properties = parts.root(parts.first("", "core-properties"))
    title = None if properties is None else child(properties, "title")
    loaded = document(
        given.path,
        built.text,
        parser="docx",
        version="4",
        title="" if title is None else title.text or "",
        headings=built.headings,
        blocks=built.blocks,
        metadata={HIDDEN: blocks.hidden} if blocks.hidden else {},
    )
    return loaded, blocks.embedded
