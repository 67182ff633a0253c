"""Embeddings that keep every vector on disk, so that ablations and baselines embed no text a second time."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings

from retrieval.embeddings import Portion, model_of


class StoredEmbeddings(Embeddings):
    """`inner`, with its vectors stored in a file.

    Args:
        inner: the embeddings.
        path: the SQLite file.
        reads: whether stored vectors are used. The whole graph does not use them, so that its seconds are real.
    """

    def __init__(self, inner: Embeddings, path: Path, *, reads: bool = True) -> None:
        self._inner, self._reads = inner, reads
        self.model_id = model_of(inner)
        self.texts_at_once, self.chars_at_once = Portion.of(inner)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
            "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
        )

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text."""
        return self._vectors("document", texts, self._inner.embed_documents)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        return self._vectors("query", [text], lambda texts: [self._inner.embed_query(each) for each in texts])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text."""
        return await asyncio.to_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        return await asyncio.to_thread(self.embed_query, text)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _vectors(
        self, kind: str, texts: list[str], embed: Callable[[list[str]], list[list[float]]]
    ) -> list[list[float]]:
        keys = [hashlib.sha256(f"{self.model_id}\0{kind}\0{text}".encode()).digest() for text in texts]
        known = {key: vector for key in keys if self._reads and (vector := self._stored(key)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        fresh = dict(zip(missing, embed(list(missing.values())), strict=True)) if missing else {}
        with self._lock:
            rows = [(key, np.asarray(vector, dtype=np.float32).tobytes()) for key, vector in fresh.items()]
            self._database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
        return [fresh[key] if key in fresh else known[key] for key in keys]

    def _stored(self, key: bytes) -> list[float] | None:
        with self._lock:
            found = self._database.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        return None if found is None else [float(each) for each in np.frombuffer(found[0], dtype=np.float32)]
