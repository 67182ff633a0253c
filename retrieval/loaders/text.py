"""Plain text."""

from __future__ import annotations

from collections.abc import Iterator

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document, read_text
from retrieval.loaders.source import Source


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document."""
    path = given.path
    yield document(path, read_text(path), parser="text", version="1")
