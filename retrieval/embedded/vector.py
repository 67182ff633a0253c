"""The vector index: an exact scan of small corpora, usearch's HNSW graph for larger ones, both by cosine similarity."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.ranking.fusion import ranked_places

EXACT_BELOW = 20_000
"""Corpora with fewer rows are scanned: a scan of that many takes some 2 ms and misses nothing."""

CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 96, 192
"""HNSW parameters. `benchmarks.search` measured a recall of 0.998 at 20,000 and of 1.000 at 200,000 rows with them, see
docs/measurements.md; a lower `EXPANSION_SEARCH` is faster and misses more."""

_SMALL = 5_000
"""Fewer rows than this are added by one thread: several threads can leave unreachable nodes in a nearly empty graph."""

_PART = 8_192
"""Rows that are read and added to a graph at a time. A chosen value: 12 MB of vectors of 384 numbers."""

Loaded = tuple[Any, Any]
"""Row ids (int64) and their unit vectors (float32), in one order."""


class VectorIndex:
    """Finds row ids by vectors. `load` reads all rows from the database; the first scan calls it."""

    def __init__(self, size: int, load: Callable[[], Loaded], graph: Any = None) -> None:
        self.size = size
        self._load = load
        self._graph = graph
        self._rows: Loaded | None = None

    def search(self, vector: Sequence[float], limit: int, only: set[int] | None = None) -> dict[int, float]:
        """Return cosine similarities of the nearest `limit` row ids; with `only`, an exact search among those ids."""
        if not self.size:
            return {}
        asked = unit(np.asarray(vector, dtype=np.float32)[None, :])[0]
        if only is None and self._graph is not None:
            found = self._graph.search(asked, limit)
            return {int(row): 1.0 - float(gap) for row, gap in zip(found.keys, found.distances, strict=True)}
        return self._scan(asked, limit, only)

    def _scan(self, asked: Any, limit: int, only: set[int] | None) -> dict[int, float]:
        if self._rows is None:
            self._rows = self._load()
        ids, matrix = self._rows
        if only is not None:
            chosen = np.isin(ids, np.fromiter(only, dtype=np.int64, count=len(only)))
            ids, matrix = ids[chosen], matrix[chosen]
        if not len(ids):
            return {}
        scores = matrix @ asked
        best = ranked_places(ids, scores)[:limit]
        return {int(ids[index]): float(scores[index]) for index in best}


def unit(matrix: Any) -> Any:
    """Return the rows of `matrix`, scaled to length one."""
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)


def unit_rows(rows: Iterable[Any]) -> Loaded:
    """Return ids and unit vectors of rows with `id` and `vector` (float32 blob)."""
    ids, vectors = [], bytearray()  # one buffer: an object for each vector takes as much memory again
    for row in rows:
        ids.append(row["id"])
        vectors += row["vector"]
    if not ids:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    return np.array(ids, dtype=np.int64), unit(np.frombuffer(vectors, dtype=np.float32).reshape(len(ids), -1))


def open_graph(path: Path) -> Any:
    """Open a graph file, mapped into memory. Published files never change; a newer graph has another name."""
    from usearch.index import Index

    found = Index.metadata(path)
    if found is None:
        raise ValueError(f"{path.name} is not a usearch index")
    graph = Index(ndim=int(found["dimensions"]), metric="cos", dtype="f32", expansion_search=EXPANSION_SEARCH)
    graph.view(path)
    return graph


def write_graph(path: Path, added: Iterable[Any], before: Path | None) -> None:
    """Write a graph with the rows of `before` and `added`, which is read in parts, to `path`: whole or not at all."""
    from usearch.index import Index

    graph = Index.restore(before) if before is not None else None
    rows = iter(added)
    while part := list(islice(rows, _PART)):
        ids, vectors = unit_rows(part)
        if graph is None:
            graph = Index(
                ndim=vectors.shape[1],
                metric="cos",
                dtype="f32",
                connectivity=CONNECTIVITY,
                expansion_add=EXPANSION_ADD,
                expansion_search=EXPANSION_SEARCH,
            )
        graph.add(ids.astype(np.uint64), vectors, threads=1 if len(ids) < _SMALL else 0)
    if graph is None:
        raise ValueError("there is nothing to write")
    partial = path.with_suffix(".partial")
    graph.save(partial)
    # Synced before it is renamed: after a power failure, the new name must not point to an empty file.
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(path)
