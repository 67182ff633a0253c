"""Uploaded files: loaded from a temporary folder, and named without its path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from settings import Settings


def load_uploads(folder: Path, settings: Settings) -> Iterator[LoadedDocument | FailedFile]:
    """Yield the documents of the folders within `folder`.

    Each upload is stored in a folder of its own, so that two of them may have one name. The folder is removed from ids
    and sources: documents keep the names they were uploaded with, and evidence ids do not depend on where they lay.
    """
    for place in sorted(folder.iterdir()):
        for item in load_paths([place], settings):
            if isinstance(item, LoadedDocument):
                root = f"{place.name}/"
                named = {"document_id": item.document_id.removeprefix(root), "source": item.source.removeprefix(root)}
            else:
                named = {"source": item.source.removeprefix(f"{place.as_posix()}/")}
            yield item.model_copy(update=named)
