"""reStructuredText: the canonical text is what its reader sees, without marks, adornment, roles and targets."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document, read_text
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.source import Source
from retrieval.loaders.sphinx.directives import parsed
from retrieval.loaders.sphinx.doctree import Walk


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with its headings."""
    read = read_text(given)
    built = TextBuilder()
    walk = Walk(built, given.settings.limits.nesting)
    try:
        walk.add(parsed(read.text))
    except RecursionError as error:
        raise LoadFault("its blocks are nested too deep; save it again with fewer levels") from error
    yield document(
        given.path,
        built.text,
        parser="docutils",
        version=f"3 on {version('docutils')}",
        headings=built.headings,
        blocks=built.blocks,
        metadata={**read.about, **({HIDDEN: walk.hidden} if walk.hidden else {})},
    )
