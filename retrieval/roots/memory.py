"""Which files an ingestion need not read, because the corpus remembers what they gave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from retrieval.roots import SourceRoots
from retrieval.roots.conditions import Conditions
from retrieval.roots.stamps import Content, Noted, fingerprint, stamp_of
from state.access import Labels

if TYPE_CHECKING:
    from settings import Settings


class Asked(NamedTuple):
    """The names of files that are about to be read: `Memory.known` is to hold what the corpus remembers of them."""

    files: tuple[str, ...]


class Unchanged(NamedTuple):
    """The documents of files that were not read, and notes with their new times where these alone have changed."""

    documents: tuple[Content, ...]
    notes: tuple[Noted, ...] = ()


class Begun(NamedTuple):
    """A file is read from here on; if a `Noted` follows its documents, these are all that it holds."""

    file: str


class Looked(NamedTuple):
    """The `fingerprint` of a file, taken before it was read."""

    stamp: str
    trusted: str
    digest: str


class Memory:
    """What the corpus remembers, during one ingestion.

    `known` holds the files of the last `Asked` whose documents are stored as they were when they were read. With
    `rereads`, nothing is asked: every file is read, and noted anew.
    """

    def __init__(self, settings: Settings, *, rereads: bool = False) -> None:
        self.rereads = rereads
        self.known: dict[str, Noted] = {}
        self._conditions, self._under = Conditions(settings), dict[Labels | None, str]()
        self._most, self._trusts = settings.data.max_file_bytes, settings.data.trust_file_times
        self._prints: dict[Path, tuple[str, str, str]] = {}

    def unchanged(self, path: Path, name: str, labels: Labels | None, roots: SourceRoots) -> tuple[Noted, bool] | None:
        """Return what is remembered of the file `name`, and whether its times are new; `None` if it must be read.

        Its bytes are compared where its times have changed, or are not to be trusted.
        """
        noted = self.known.get(name)
        if noted is None or noted.conditions != self._now(labels):
            return None
        if any(roots.earlier(path, each.document_id.removeprefix(name)) for each in noted.documents):
            return None
        if self._trusts and noted.stamp and noted.stamp == stamp_of(path):
            return noted, False
        found = fingerprint(path, self._most)
        if found[2] != noted.digest:
            self._prints[path] = found
            return None
        return noted._replace(stamp=found[1]), noted.stamp != found[1]

    def look(self, path: Path, looked: Looked | None = None) -> None:
        """Take the fingerprint of a file that is about to be read, or the one that was taken where it was read."""
        if looked is not None:
            self._prints[path] = looked
        elif path not in self._prints:
            self._prints[path] = fingerprint(path, self._most)

    def noted(self, path: Path, labels: Labels | None, name: str) -> Noted | None:
        """Return what is to be remembered of a file that was read; nothing if it has changed since it was looked at."""
        stamp, trusted, digest = self._prints.pop(path)
        return Noted(name, trusted, digest, self._now(labels)) if stamp and stamp == stamp_of(path) else None

    def _now(self, labels: Labels | None) -> str:
        if labels not in self._under:
            self._under[labels] = self._conditions.under(labels)
        return self._under[labels]
