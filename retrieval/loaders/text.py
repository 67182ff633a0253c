"""Plain text."""

from __future__ import annotations

from collections.abc import Iterator

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document, read_text
from retrieval.loaders.source import Source


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document."""
    path = given.path
    read = read_text(given)
    yield document(path, read.text, parser="text", version="1", metadata=read.about)
