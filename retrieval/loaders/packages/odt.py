"""ODT: all text in reading order. Headers stand once before the body, footers once after it, notes below their mark."""

from __future__ import annotations

from collections.abc import Iterator

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document
from retrieval.loaders.packages.odf import Odf, opened
from retrieval.loaders.packages.odf_blocks import Block, Blocks
from retrieval.loaders.source import Source


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with its headings."""
    with opened(given) as odf:
        loaded = _document(given, odf)
    yield loaded


def _document(given: Source, odf: Odf) -> LoadedDocument:
    blocks, built = Blocks(odf, comments=given.settings.comments), TextBuilder()
    for block in (*_margins(odf, blocks, "header"), *blocks.of(odf.body("text")), *_margins(odf, blocks, "footer")):
        built.add(block.text, block.level, kind=block.kind, within=block.within)
    return document(
        given.path,
        built.text,
        parser="odf",
        version="2",
        title=odf.title,
        headings=built.headings,
        blocks=built.blocks,
        metadata={HIDDEN: blocks.hidden} if blocks.hidden else {},
    )


def _margins(odf: Odf, blocks: Blocks, name: str) -> list[Block]:
    """Return what stands at the top or bottom of pages, once."""
    found: list[Block] = []
    for root in odf.roots:
        for margin in root.iter(f"{{*}}{name}", f"{{*}}{name}-left", f"{{*}}{name}-first"):
            found += [block for block in blocks.of(margin) if block.text and block not in found]
    return found
