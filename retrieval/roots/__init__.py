"""Source roots: the folders that were ingested, under names that stand for them in ids.

A file is named `ROOT/path/in/it`, by where it truly is: however a path is written, and through whichever link it is
reached, it is one document, and files of two folders are two. The folders themselves are private to the machine: they
are stored with the corpus and shown nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

LONGEST_FOLDER = 1000
"""Characters of the longest folder that can be a root: the size of the column in Oracle Database."""

_FOLDERS = 10_000
"""Folders whose place is kept in memory. A chosen value."""

NO_FILES = ("langchain", "vector_store")
"""The parsers of documents whose ids the caller chose: they are no files, whatever their ids look like."""


class Root(NamedTuple):
    """A root: its name, unique in the corpus, and its resolved folder."""

    name: str
    folder: str


class SourceRoots:
    """The roots of one corpus, during an ingestion.

    Args:
        recorded: the roots that the corpus knows.
        taken: further names that a new root must not get.
        earlier: ids that earlier releases gave to documents.
        prefixes: folders, each with what those ids have in place of it.
    """

    def __init__(
        self,
        recorded: Iterable[Root] = (),
        *,
        taken: Iterable[str] = (),
        earlier: Iterable[str] = (),
        prefixes: Iterable[tuple[Path, str]] = (),
    ) -> None:
        self._names = {root.folder: root.name for root in recorded}
        self._taken = {*self._names.values(), *taken}
        self._fresh: list[Root] = []
        self._earlier = frozenset(earlier)
        self._read: set[str] = set()
        self._failed: set[str] = set()
        self._real: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._prefixes = [(Path(os.path.abspath(folder)), prefix) for folder, prefix in prefixes]  # noqa: PTH100 - links stay

    def scopes(self, path: Path) -> list[tuple[str, Path]]:
        """Return the ids and places that `path` stands for: itself, and the roots within it."""
        place = _place(path)
        inner = [(name, Path(folder)) for folder, name in self._names.items() if Path(folder).is_relative_to(place)]
        return list(dict.fromkeys([(self.name(path), place), *inner]))

    def note(self, path: Path, *, failed: bool) -> None:
        """Remember that a file was read to its end, or that something in it failed."""
        (self._failed if failed else self._read).add(self.name(path))

    def was_read(self, name: str) -> bool:
        """Return whether the file of this id was read, and nothing in it failed."""
        return name in self._read and name not in self._failed

    def holds(self, path: Path) -> bool:
        """Return whether a file or folder lies within a root that is known."""
        return self._above(_place(path)) is not None

    def take_fresh(self) -> list[Root]:
        """Return the roots that were made since the last call."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def name(self, path: Path) -> str:
        """Return the id of a file, or of a folder that is about to be read.

        Where it lies outside of all roots, its folder becomes one: itself, or the folder that holds the file.
        """
        return self._quick_name(path) or self._name(path)

    def _quick_name(self, path: Path) -> str:
        """Return the id of what is no link and lies in a folder that was named before; empty if there is none.

        To follow the links above each file would take most of the time of an ingestion that has nothing to read.
        """
        folder, last = os.path.split(path)
        if last in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114 - a path is made of each string otherwise
            return ""
        if folder not in self._real:
            if len(self._real) >= _FOLDERS:
                self._real.clear()
                self._ids.clear()
            self._real[folder] = os.path.realpath(folder)
        real = self._real[folder]
        place = f"{real.rstrip('/')}/{last}"
        if place in self._names:
            return self._names[place]
        if real not in self._ids:
            root = self._above(Path(real))
            if root is None:
                return ""
            relative = Path(real).relative_to(root).as_posix()
            self._ids[real] = self._names[root.as_posix()] + ("" if relative == "." else f"/{relative}")
        return f"{self._ids[real]}/{last}"

    def _name(self, path: Path) -> str:
        place = _place(path)
        if self._above(place) is None:
            self._add(place if path.is_dir() else place.parent)
        root = self._above(place)
        assert root is not None  # `_add` has made one
        relative = place.relative_to(root).as_posix()
        return self._names[root.as_posix()] if relative == "." else f"{self._names[root.as_posix()]}/{relative}"

    def earlier(self, path: Path, member: str = "") -> tuple[str, ...]:
        """Return the ids that an earlier release gave to a file, or to a document in it, and that are still in use."""
        if not self._prefixes:
            return ()
        place = Path(os.path.abspath(path))  # noqa: PTH100 - such a release did not follow links
        found = [
            f"{prefix}{place.relative_to(folder).as_posix()}{member}"
            for folder, prefix in self._prefixes
            if place.is_relative_to(folder)
        ]
        return tuple(dict.fromkeys(each for each in found if each in self._earlier))

    def _above(self, place: Path) -> Path | None:
        """Return the innermost root that holds `place`."""
        return next((each for each in (place, *place.parents) if each.as_posix() in self._names), None)

    def _add(self, folder: Path) -> None:
        # The topmost folder has no name, and others may have one that is not UTF-8.
        wanted = folder.name.encode("utf-8", "replace").decode() or "files"
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}-{number}"
        self._taken.add(name)
        self._names[folder.as_posix()] = name
        self._ids.clear()  # those within the new root have other names now
        self._fresh.append(Root(name, folder.as_posix()))


def _place(path: Path) -> Path:
    """Return where a file or folder truly is.

    A link to a file in a hidden folder stays what it is: such folders hold contents under names that no person gave,
    and that change with every version (ConfigMaps of Kubernetes, git-annex).
    """
    real = Path(os.path.realpath(path))
    beside = Path(os.path.realpath(path.parent), path.name)
    common = os.path.commonpath([real, beside])
    hidden = any(part.startswith(".") for part in real.relative_to(common).parts)
    return beside if hidden and path.name not in ("", "..") and not real.is_dir() else real
