"""The embedded backend: SQLite is the truth, tantivy and usearch search; every call runs in a worker thread."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from retrieval.backend import Legs, StoredVersion, Vectors
from retrieval.embedded.indexes import Indexes, lock_path
from retrieval.embedded.store import Revision, Store, translated
from retrieval.preparation import PreparedDocument, PreparedPassage
from retrieval.reports import ManifestEntry
from state.errors import CorpusBusy
from state.values import Passage

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import VectorStore


class EmbeddedBackend:
    """The corpus database in `folder` with its indexes; made if it does not exist.

    Args:
        folder: of the corpus.
        name: of the corpus, for messages.
        lock_timeout_seconds: how long to wait for another writer.
    """

    def __init__(self, folder: Path, name: str, lock_timeout_seconds: float) -> None:
        self._name, self._timeout = name, lock_timeout_seconds
        self._store = Store(folder / "corpus.db")
        self._indexes = Indexes(self._store)
        self._lock_path = lock_path(folder)

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[EmbeddedBackend]:
        """Hold the lock file of the folder."""
        lock = FileLock(self._lock_path, timeout=self._timeout, thread_local=False)
        with translated(self._lock_path):
            try:
                await asyncio.to_thread(lock.acquire)
            except Timeout as error:
                raise CorpusBusy(f"another process is writing to the corpus `{self._name}`") from error
        try:
            yield self
        finally:
            lock.release()

    async def put(self, batch: Sequence[tuple[PreparedDocument, Vectors]], embedding_model: str) -> tuple[int, int]:
        """Store documents in one transaction."""
        return await asyncio.to_thread(self._store.put, batch, embedding_model)

    async def delete(self, document_ids: Sequence[str]) -> None:
        """Supersede documents without a successor."""
        await asyncio.to_thread(self._store.delete, document_ids)

    async def build(self) -> None:
        """Bring the index files up to the database."""
        await asyncio.to_thread(self._indexes.build)

    async def prune(self) -> int:
        """Delete superseded versions."""
        return await asyncio.to_thread(self._store.prune)

    async def refresh(self) -> tuple[Revision, bool]:
        """Open the index files of the last revision, or build them."""
        revision = await asyncio.to_thread(self._indexes.refresh)
        return revision, bool(self._indexes.size)

    async def revision(self) -> Revision:
        """Return the revision of the last committed write."""
        return await asyncio.to_thread(self._store.revision)

    async def is_current(self, document: PreparedDocument) -> bool:
        """Whether the live version of the document has this text, by this parser."""
        return await asyncio.to_thread(self._store.is_current, document)

    async def legs(
        self, query: str | None, vector: Sequence[float] | None, depth: int, where: Mapping[str, Any] | None = None
    ) -> Legs:
        """Search both indexes; `where` is run once, in SQLite, and both search among what fits."""
        return await asyncio.to_thread(self._legs, query, vector, depth, where)

    def _legs(
        self, query: str | None, vector: Sequence[float] | None, depth: int, where: Mapping[str, Any] | None
    ) -> Legs:
        only = self._store.matching(where) if where else None
        return Legs(
            self._indexes.keyword(query, depth, only) if query is not None else {},
            self._indexes.dense(vector, depth, only) if vector is not None else {},
        )

    async def live(self, rows: Iterable[int]) -> dict[int, Passage]:
        """Return the live passages among rows."""
        return await asyncio.to_thread(self._store.live, rows)

    async def by_evidence(self, evidence_ids: Iterable[str]) -> dict[str, Passage]:
        """Return the passages of evidence ids."""
        return await asyncio.to_thread(self._store.by_evidence, evidence_ids)

    async def neighbours(self, evidence_id: str, before: int, after: int) -> list[Passage]:
        """Return the passages around one."""
        return await asyncio.to_thread(self._store.neighbours, evidence_id, before, after)

    async def canonical_text(self, document_id: str, text_hash: str) -> str | None:
        """Return the text of one document version."""
        return await asyncio.to_thread(self._store.canonical_text, document_id, text_hash)

    async def version(self, document_id: str, text_hash: str) -> StoredVersion | None:
        """Return one document version with its passages and vectors."""
        found = await asyncio.to_thread(self._store.version, document_id, text_hash)
        return None if found is None else _stored(*found)

    async def inventory(self) -> tuple[Revision, Sequence[Mapping[str, Any]]]:
        """Return the revision and every document version."""
        revision, rows = await asyncio.to_thread(self._store.inventory)
        return revision, [{name: row[name] for name in ManifestEntry.model_fields} for row in rows]

    async def counts(self) -> tuple[Revision, int, int]:
        """Return the revision and the numbers of live documents and passages."""
        return await asyncio.to_thread(self._store.counts)

    def vector_store(self, embeddings: Embeddings) -> VectorStore:
        """Return the corpus as a LangChain vector store."""
        from retrieval.vector_store import EmbeddedVectorStore

        return EmbeddedVectorStore(self._store, self._indexes, embeddings)


_DOCUMENT = ("document_id", "source", "title", "text", "text_hash", "parser", "parser_version", "pages", "ingested_at")
_PASSAGE = ("evidence_id", "start", "end", "page", "page_end")


def _stored(row: sqlite3.Row, rows: Sequence[sqlite3.Row]) -> StoredVersion:
    passages = tuple(
        PreparedPassage(**{name: each[name] for name in _PASSAGE}, heading_path=tuple(json.loads(each["heading_path"])))
        for each in rows
    )
    metadata = tuple(json.loads(each["metadata"]) for each in rows)
    document = PreparedDocument(
        **{name: row[name] for name in _DOCUMENT}, passages=passages, metadata=metadata[0] if metadata else {}
    )
    vectors = [np.frombuffer(each["vector"], dtype=np.float32).tolist() for each in rows]
    return StoredVersion(document, vectors, tuple(each["text"] for each in rows), metadata)
