"""Leaves out the files that have not changed since the corpus read them, and notes what the others give."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from retrieval.documents import FailedFile
from retrieval.loaders.folder_labels import label_of_folder
from retrieval.roots import SourceRoots
from retrieval.roots.memory import Asked, Begun, Looked, Memory, Unchanged
from retrieval.roots.stamps import Content, Noted
from state.access import Labels

if TYPE_CHECKING:
    from settings import Settings

Item = TypeVar("Item")

_AT_ONCE = 512
"""Files of which the corpus is asked at once. A chosen value: it bounds the memory, at two queries each."""

_SECONDS = 0.2
"""How long files are compared before that is told: whoever waits sees it go on, and may give it up."""


class Sieve(NamedTuple):
    """What an ingestion remembers of files, if anything, and what else decides whether they are read.

    `audience` is the access label of all documents that bring none, `None` if their folder gives it.
    """

    memory: Memory | None
    settings: Settings
    audience: Labels | None
    roots: SourceRoots

    def sifted(
        self, files: Iterator[Path | FailedFile], opened: Callable[[Path], None] | None
    ) -> Iterator[Path | FailedFile | Asked | Unchanged]:
        """Yield what `files` yields, in that order, with an `Unchanged` in the place of files that need not be read.

        `opened` is called with each of those.
        """
        if self.memory is None or self.memory.rereads:
            yield from files
            return
        while ahead := list(islice(files, _AT_ONCE)):
            names = {each: self.roots.name(each) for each in ahead if isinstance(each, Path)}
            yield Asked(tuple(names.values()))
            kept: list[tuple[Noted, bool]] = []
            since = time.monotonic()
            for each in ahead:
                found = (
                    self.memory.unchanged(each, names[each], self.labels(each), self.roots) if each in names else None
                )
                if found is not None and isinstance(each, Path):
                    kept.append(found)
                    self.roots.note(each, failed=False)
                    if opened is not None:
                        opened(each)
                if kept and (found is None or time.monotonic() - since > _SECONDS):
                    yield _together(kept)
                    kept, since = [], time.monotonic()
                if found is None:
                    yield each
            if kept:
                yield _together(kept)

    def read(
        self, path: Path, items: Iterator[Item | FailedFile], looked: Looked | None = None
    ) -> Iterator[Item | FailedFile | Begun | Noted]:
        """Yield the items of a file; before them, that it begins, and after them what to remember, if it was read.

        `looked` is its fingerprint, where another process has read it.
        """
        if self.memory is None:
            yield from items
            return
        self.memory.look(path, looked)
        yield Begun(self.roots.name(path))
        whole = True
        for item in items:
            whole = whole and not isinstance(item, FailedFile)
            yield item
        noted = self.memory.noted(path, self.labels(path), self.roots.name(path))
        if whole and noted is not None:
            yield noted

    def labels(self, path: Path) -> Labels | None:
        """Return the access label of the documents of a file that bring none."""
        return label_of_folder(path, self.settings) if self.audience is None else self.audience


def _together(kept: list[tuple[Noted, bool]]) -> Unchanged:
    documents: list[Content] = [each for noted, _ in kept for each in noted.documents]
    return Unchanged(tuple(documents), tuple(noted for noted, anew in kept if anew))
