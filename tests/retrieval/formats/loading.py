"""What the tests of formats share."""

from __future__ import annotations

from pathlib import Path

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from settings import Settings


def saved(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def loaded(path: Path, **data: object) -> list[LoadedDocument | FailedFile]:
    """Return all that a file holds."""
    return list(load_paths([path], Settings(data=data)))


def one(path: Path, **data: object) -> LoadedDocument:
    """Return the only document of a file."""
    (found,) = loaded(path, **data)
    assert isinstance(found, LoadedDocument), found
    return found


def refused(path: Path, **data: object) -> str:
    """Return why a file is refused."""
    (found,) = loaded(path, **data)
    assert isinstance(found, FailedFile), found
    assert found.source == path.as_posix()
    return found.reason


def headings(document: LoadedDocument) -> list[tuple[int, str]]:
    """Return level and title of each heading."""
    return [(heading.level, heading.title) for heading in document.headings]


def blocks(document: LoadedDocument) -> list[tuple[str, str]]:
    """Return kind and text of each block that is no prose."""
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]
