"""Keyword and vector index of one process: caches over the store, caught up whenever its revision moved."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from retrieval.store import Revision, Store

_WORD = re.compile(r"\w+")


class Indexes:
    """tantivy (BM25, `en_stem`) and an exact cosine scan, both in memory; safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._seen: Revision | None = None
        self._reset()

    @property
    def size(self) -> int:
        """How many live passages there are."""
        return len(self._ids)

    def refresh(self) -> None:
        """Catch up with the store: append new rows, or start over when passages were taken away."""
        with self._lock:
            revision = self._store.revision()
            if revision == self._seen:
                return
            if self._seen is None or revision.epoch != self._seen.epoch:
                self._reset()
            self._append(self._store.rows_after(int(self._ids[-1]) if self.size else 0))
            self._seen = revision

    def keyword(self, query: str, limit: int, only: set[int] | None = None) -> dict[int, float]:
        """Return BM25 scores of the best `limit` row ids that have any word of `query`."""
        words = " ".join(_WORD.findall(query.lower()))
        with self._lock:
            if not words or not self.size:
                return {}
            searcher = self._index.searcher()
            found = searcher.search(
                self._index.parse_query(words, ["text"]), self.size if only is not None else limit
            ).hits
            scored = ((int(searcher.doc(address)["id"][0]), float(score)) for score, address in found)
            return dict([(row, score) for row, score in scored if only is None or row in only][:limit])

    def dense(self, vector: Sequence[float], limit: int, only: set[int] | None = None) -> dict[int, float]:
        """Return cosine similarities of the nearest `limit` row ids."""
        with self._lock:
            ids, matrix = self._ids, self._matrix
        if only is not None:
            chosen = np.isin(ids, np.fromiter(only, dtype=np.int64, count=len(only)))
            ids, matrix = ids[chosen], matrix[chosen]
        if not len(ids):
            return {}
        scores = matrix @ _unit(np.asarray(vector, dtype=np.float32)[None, :])[0]
        best = np.lexsort((ids, -scores))[:limit]
        return {int(ids[index]): float(scores[index]) for index in best}

    def _reset(self) -> None:
        import tantivy

        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", stored=True)
        builder.add_text_field("text", stored=False, tokenizer_name="en_stem")
        self._index: Any = tantivy.Index(builder.build())
        self._ids: Any = np.zeros(0, dtype=np.int64)
        self._matrix: Any = np.zeros((0, 0), dtype=np.float32)

    def _append(self, rows: Sequence[Any]) -> None:
        if not rows:
            return
        import tantivy

        writer = self._index.writer(heap_size=50_000_000, num_threads=1)
        for row in rows:
            text = "\n".join((row["title"], *json.loads(row["heading_path"]), row["text"]))
            writer.add_document(tantivy.Document(id=row["id"], text=text))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        added = _unit(np.stack([np.frombuffer(row["vector"], dtype=np.float32) for row in rows]))
        self._matrix = np.concatenate((self._matrix, added)) if self.size else added
        self._ids = np.concatenate((self._ids, np.array([row["id"] for row in rows], dtype=np.int64)))


def _unit(matrix: Any) -> Any:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
