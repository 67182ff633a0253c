"""One search of the embedded backend: all its reads in one thread, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from retrieval.backend import Revision
from retrieval.embedded import reads
from retrieval.embedded.indexes import Opened
from retrieval.ranking.retrieving import Legs
from state.access import Held
from state.values import Passage

T = TypeVar("T")


class Snapshot:
    """The `SearchReads` of one state of a corpus. None of its methods waits, so `at_once` can run their callers.

    Args:
        connection: is in a read transaction.
        opened: the indexes that are searched.
        revision: the revision that `connection` sees.
    """

    def __init__(self, connection: sqlite3.Connection, opened: Opened, revision: Revision) -> None:
        self._connection, self._opened, self._revision = connection, opened, revision

    async def refresh(self, held: Held = None) -> tuple[Revision, bool]:
        """Return the revision and whether `held` may read a live passage."""
        readable = self._opened.vector.size if held is None else reads.has_readable(self._connection, held)
        return self._revision, bool(readable)

    async def legs(
        self,
        query: str | None,
        vector: Sequence[float] | None,
        depth: int,
        where: Mapping[str, Any] | None = None,
        held: Held = None,
    ) -> Legs:
        """Search the indexes, with `where` or `held` only among the rows that match them."""
        # SQLite evaluates `where` before the search: usearch cannot filter, and filtering a leg's result afterwards
        # would return too few rows.
        keyword, dense, only = self._opened.keyword, self._opened.vector, None
        if where or held is not None:
            only = self._opened.selections.get(self._connection, self._revision.generation, where or {}, held)
        # One after the other: both libraries hold Python's global lock while they search. Measured at 200,000 rows:
        # 4.7 ms so, and 4.7 ms with one of them in a thread of its own.
        return Legs(
            keyword.search(query, depth, only) if query is not None and keyword is not None else {},
            dense.search(vector, depth, only) if vector is not None else {},
        )

    async def live(self, rows: Iterable[int]) -> dict[int, Passage]:
        """Return those of the passages that are live, by row."""
        return reads.live(self._connection, rows)

    async def copies(
        self, evidence_ids: Iterable[str], where: Mapping[str, Any] | None = None, held: Held = None
    ) -> dict[str, list[Passage]]:
        """Return the live passages at the same place of other documents of the same text, by evidence id."""
        return reads.copies(self._connection, evidence_ids, where or {}, held)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing, without an event loop."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    work.close()
    raise RuntimeError("a search waits for something other than its reads")
