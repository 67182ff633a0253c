"""Uploaded files: loaded from the folder that they were put into, and named without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from settings import Settings


def load_uploads(
    folder: Path, settings: Settings, metadata: Mapping[str, str]
) -> Iterator[LoadedDocument | FailedFile]:
    """Yield the documents of the folders within `folder`, with `metadata` added.

    They are named as they were uploaded: what lies in a folder of its own is called as if it lay alone.
    """
    for place in sorted(folder.iterdir()):
        prefix = f"{place.as_posix()}/"
        for item in load_paths([place], settings):
            named = {"source": item.source.removeprefix(prefix)}
            if isinstance(item, LoadedDocument):
                named["document_id"] = item.document_id.removeprefix(prefix)
                yield item.model_copy(update={**named, "metadata": {**item.metadata, **metadata}})
            else:
                yield item.model_copy(update=named)
