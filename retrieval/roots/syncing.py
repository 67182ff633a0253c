"""Finds documents whose files are gone. What cannot be known for certain counts as still there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from retrieval.documents import FailedFile
from retrieval.roots import SourceRoots


class Gone(NamedTuple):
    """The ids of documents whose files are gone, and what looks as if a disk were missing."""

    ids: tuple[str, ...]
    doubts: tuple[FailedFile, ...]


def gone(roots: SourceRoots, paths: Sequence[Path], live: Iterable[str], seen: set[str]) -> Gone:
    """Return the documents of `paths` that are no longer there, after these were read.

    Args:
        roots: the source roots, with what was read and what failed.
        paths: the files and folders that were ingested.
        live: the ids of the documents that are stored.
        seen: the ids of the documents that were found this time.
    """
    ids: list[str] = []
    empty: dict[Path, int] = {}
    for name, place in {scope: None for path in paths for scope in roots.scopes(path)}:
        for each in live:
            if each in seen or not (each == name or each.startswith((f"{name}/", f"{name}#", f"{name}!/"))):
                continue
            file = place.parent / f"{place.name}{each[len(name) :]}"
            if not _is_gone(roots, each, file):
                continue
            folder = next(parent for parent in file.parents if parent.is_dir())
            if _is_empty(folder):
                empty[folder] = empty.get(folder, 0) + 1
            else:
                ids.append(each)
    return Gone(tuple(ids), tuple(_doubt(roots, folder, count) for folder, count in empty.items()))


def _is_gone(roots: SourceRoots, document_id: str, file: Path) -> bool:
    """Return whether a document's file is gone, or is there and was read without failure, but no longer holds it."""
    if _may_exist(file):
        return False
    for holder, name in zip(_holders(file.as_posix()), _holders(document_id), strict=True):
        if _may_exist(Path(holder)):
            return roots.was_read(name)
    return True


def _holders(path: str) -> Iterator[str]:
    """Yield the files of which `path` may be a record or a member."""
    for mark in ("#", "!/"):
        at = path.find(mark)
        while at >= 0:
            yield path[:at]
            at = path.find(mark, at + 1)


def _may_exist(file: Path) -> bool:
    try:
        os.lstat(file)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):  # no permission, a network that is down, a name that the system does not accept
        return True
    return True


def _is_empty(folder: Path) -> bool:
    """Return whether a folder has no entry at all, as is left of a disk that is not mounted, or cannot be listed."""
    try:
        return not any(folder.iterdir())
    except OSError:
        return True


def _doubt(roots: SourceRoots, folder: Path, count: int) -> FailedFile:
    name = roots.name(folder)
    reason = (
        f"this folder is empty, and the corpus has {count} documents of it, which were kept: is a disk not mounted? "
        f"If not, remove them: `sixplane corpus remove CORPUS {name}`"
    )
    return FailedFile(source=name, reason=reason)
