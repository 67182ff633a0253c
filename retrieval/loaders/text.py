"""Plain text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document, read_text


def load(path: Path) -> Iterator[LoadedDocument]:
    """Yield the file as one document."""
    yield document(path, read_text(path), parser="text", version="1")
