"""`EmbeddedBackend`: the port over SQLite, tantivy and usearch; every call runs in a worker thread."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from filelock import FileLock, Timeout

from retrieval.backend import Batch, LiveVersion, May, Replaces, Revision, Search, StoredVersion
from retrieval.embedded import files, pending, reads, writes
from retrieval.embedded.database import Database, translated
from retrieval.embedded.graphs import Kind
from retrieval.embedded.indexes import Indexes, Opened, lock_path
from retrieval.embedded.snapshot import Snapshot, at_once
from retrieval.preparation import PreparedDocument
from retrieval.ranking.retrieving import Legs
from retrieval.roots import Root
from retrieval.roots.stamps import Noted
from settings.pools import CPU, IO
from state.access import Held, Labels
from state.errors import CorpusBusy
from state.values import Passage

P = ParamSpec("P")
T = TypeVar("T")


class EmbeddedBackend:
    """The corpus in `folder`, database and indexes; created if it does not exist.

    Args:
        folder: the folder of this corpus alone.
        tenant: the tenant that owns the corpus.
        name: the name of the corpus.
        lock_timeout_seconds: how long to wait for another writer before `CorpusBusy`.
        kind: how the vector index holds its numbers.
        memory: the bytes that one of its graphs may take while it is built.
    """

    def __init__(
        self,
        folder: Path,
        tenant: str,
        name: str,
        lock_timeout_seconds: float,
        kind: Kind = "f16",
        memory: int = 256 * 2**20,
    ) -> None:
        self.tenant, self.name = tenant, name
        self._timeout = lock_timeout_seconds
        self._database = Database(folder / "corpus.db")
        self._indexes = Indexes(self._database, kind, memory)
        self._lock_path = lock_path(folder)

    def loop(self) -> None:
        """Return `None`: each call opens its own connection in a worker thread, so any event loop may call."""
        return

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[EmbeddedBackend]:
        """Hold the lock file of the folder.

        Raises:
            CorpusBusy: another process still holds it after `lock_timeout_seconds`.
        """
        # A lock besides SQLite's: tantivy allows one writer, and SQLite's lock ends with each batch's transaction.
        # Not thread-local: the lock is acquired in a worker thread and released on the event loop's.
        lock = FileLock(self._lock_path, timeout=self._timeout, thread_local=False)
        with translated(self._lock_path):
            try:
                await asyncio.to_thread(lock.acquire)
            except Timeout as error:
                raise CorpusBusy(f"another process is writing to the corpus `{self.name}`") from error
        try:
            yield self
        finally:
            lock.release()

    async def kept(self, document: PreparedDocument, embedding_model: str) -> set[str]:
        """Return which passages have a vector from an interrupted ingestion."""
        return await self._change(pending.kept, document, embedding_model)

    async def keep(self, document_id: str, vectors: Mapping[str, Sequence[float]], embedding_model: str) -> None:
        """Keep vectors of a document, in one transaction."""
        await self._change(pending.keep, document_id, vectors, embedding_model)

    async def put(self, batch: Batch, embedding_model: str, replaces: Replaces) -> tuple[int, int]:
        """Store documents in one transaction."""
        return await self._change(writes.put, batch, embedding_model, replaces)

    async def record(self, roots: Sequence[Root]) -> None:
        """Store source roots."""
        await self._change(writes.record, roots)

    async def remember(self, notes: Sequence[Noted]) -> None:
        """Store what files gave."""
        await self._change(files.remember, notes)

    async def delete(self, document_ids: Sequence[str], may: May) -> None:
        """Take those of the documents that `may` allows out of search without replacing them."""
        await self._change(writes.delete, document_ids, may)

    async def prune(self, may: May) -> int:
        """Delete those superseded versions that `may` allows, from log and index files too."""
        removed: int = await self._change(writes.prune, may)
        await asyncio.to_thread(self._database.truncate_log)
        await self.build()  # the old files hold the words of what was deleted until they are replaced
        return removed

    async def build(self) -> None:
        """Bring the index files up to date with the database."""
        await asyncio.to_thread(self._indexes.build)

    async def refresh(self, held: Held = None) -> tuple[Revision, bool]:
        """Open the index files of the last revision, building them if needed."""
        return await self.searching(lambda reading: reading.refresh(held))

    async def searching(self, work: Search[T]) -> T:
        """Run `work` in one thread, in one transaction, after opening the index files of the last revision if needed.

        The indexes that it searches belong to that revision, unless a writer commits while they are opened.
        """
        found = await CPU.run(self._searched, work, None)
        if found is None:
            opened = await asyncio.to_thread(self._refreshed)
            found = await CPU.run(self._searched, work, opened)
        return found[0]  # type: ignore[index]

    def _refreshed(self) -> Opened:
        self._indexes.refresh()  # it may have to build them
        return self._indexes.opened

    def _searched(self, work: Search[T], opened: Opened | None) -> tuple[T] | None:
        """Return the result of `work`; `None` if no indexes are given and those that are open are out of date."""
        with self._database.read() as connection:
            revision = reads.revision(connection)
            current = opened or self._indexes.opened  # read once: another thread may open newer ones meanwhile
            if opened is None and revision != current.revision:
                return None
            return (at_once(work(Snapshot(connection, current, revision))),)

    async def legs(
        self,
        query: str | None,
        vector: Sequence[float] | None,
        depth: int,
        where: Mapping[str, Any] | None = None,
        held: Held = None,
    ) -> Legs:
        """Search the indexes that are open, with `where` or `held` only among the rows that match them."""
        search = partial(Snapshot.legs, query=query, vector=vector, depth=depth, where=where, held=held)
        legs = await CPU.run(self._searched, search, self._indexes.opened)
        return legs[0]  # type: ignore[index]

    async def revision(self) -> Revision:
        """Return the revision of the last committed write."""
        return await self._ask(reads.revision)

    async def live_versions(self, document_ids: Sequence[str]) -> Mapping[str, Sequence[LiveVersion]]:
        """Return the live documents by id."""
        return await self._ask(reads.live_versions, document_ids)

    async def remembered(self, names: Sequence[str]) -> Sequence[Noted]:
        """Return what is known of files."""
        return await self._ask(files.remembered, names)

    async def live(self, rows: Iterable[int]) -> dict[int, Passage]:
        """Return those of the passages that are live, by row."""
        return await self._ask(reads.live, rows)

    async def copies(
        self, evidence_ids: Iterable[str], where: Mapping[str, Any] | None = None, held: Held = None
    ) -> dict[str, list[Passage]]:
        """Return the live passages at the same place of other documents of the same text, by evidence id."""
        return await self._ask(reads.copies, evidence_ids, where or {}, held)

    async def live_by_document(self, document_ids: Iterable[str]) -> list[Passage]:
        """Return the live passages of the given documents."""
        return await self._ask(reads.live_by_document, document_ids)

    async def by_evidence(self, evidence_ids: Iterable[str]) -> dict[str, Passage]:
        """Return passages by evidence id, superseded ones included."""
        return await self._ask(reads.by_evidence, evidence_ids)

    async def neighbours(self, evidence_id: str, before: int, after: int) -> list[Passage]:
        """Return the passages before and after the given one, in reading order."""
        return await self._ask(reads.neighbours, evidence_id, before, after)

    async def canonical_text(self, document_id: str, text_hash: str, held: Held = None) -> str | None:
        """Return the text of one document version, if `held` may read it."""
        return await self._ask(reads.canonical_text, document_id, text_hash, held)

    async def live_texts(self, document_ids: Iterable[str], held: Held = None) -> list[str]:
        """Return the texts of those of the documents that are live and that `held` may read, in the order given."""
        return await self._ask(reads.live_texts, document_ids, held)

    async def version(
        self, document_id: str, text_hash: str, labels: Labels, splitting: str | None
    ) -> StoredVersion | None:
        """Return one document version with its passages and vectors."""
        return await self._ask(reads.version, document_id, text_hash, labels, splitting)

    async def roots(self) -> Sequence[Root]:
        """Return the source roots."""
        return await self._ask(reads.roots)

    async def earlier(self) -> Sequence[str]:
        """Return the ids of the live documents of earlier releases."""
        return await self._ask(reads.earlier)

    async def inventory(self) -> tuple[Revision, Sequence[Mapping[str, Any]]]:
        """Return the revision and every document version."""
        return await self._ask(reads.inventory)

    async def counts(self, held: Held = None) -> tuple[Revision, int, int]:
        """Return the revision and the numbers of live documents and passages that `held` may read."""
        return await self._ask(reads.counts, held)

    async def destroy(self, may: May) -> None:
        """Overwrite and delete the database, and delete the folder with its index files and its lock."""
        async with self.writer():
            await self._change(writes.clear, may)
            await asyncio.to_thread(self._database.truncate_log)
            self._database.close()
            with translated(self._lock_path):
                await asyncio.to_thread(shutil.rmtree, self._lock_path.parent)

    async def hash_key(self) -> bytes:
        """Return the random key of this corpus."""
        return await self._ask(reads.hash_key)

    async def _ask(self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **named: P.kwargs) -> T:
        return await IO.run(lambda: self._database.ask(query, *args, **named))

    async def _change(
        self, action: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        return await asyncio.to_thread(lambda: self._database.change(action, *args, **named))
