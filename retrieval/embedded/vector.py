"""The vector index: an exact scan of small corpora, usearch's HNSW graph for larger ones, both by cosine similarity."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from retrieval.embedded.selection import HELD_ROWS, Loaded, Selection
from retrieval.ranking.fusion import ranked, ranked_places

EXACT_BELOW = 5_000
"""Corpora with fewer rows are scanned: a scan of that many takes some 0.3 ms and misses nothing."""

CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 96, 192
"""HNSW parameters. `benchmarks.search` measured a recall of 0.998 at 20,000 and of 1.000 at 200,000 rows with them, see
docs/measurements.md; a lower `EXPANSION_SEARCH` is faster and misses more."""

_SMALL = 5_000
"""Fewer rows than this are added by one thread: several threads can leave unreachable nodes in a nearly empty graph."""

_PART = 8_192
"""Rows that are read and added to a graph at a time. A chosen value: 12 MB of vectors of 384 numbers."""

RESCORED = 100
"""How many of the nearest, at least, get their exact similarity where the graph holds numbers of one byte. Measured on
SciFact's vectors: recall of the ten nearest 0.998 with it and 0.959 without; with two bytes 0.998 without."""

_DEEPER = (1.5, 6.0)
"""By how much a filtered search of the graph goes deeper than the share of its rows asks for, before it reads the
vectors of all of them. Chosen values: with the first, a filter that has nothing to do with the meaning finds enough."""

Kind = Literal["f32", "f16", "i8"]
"""How the graph holds a number: in 4, 2 or 1 bytes. The database always holds 4, of which `i8` needs a second look."""


class VectorIndex:
    """Finds row ids by vectors.

    Args:
        size: the number of rows.
        load: reads the unit vectors of row ids, or of all rows; the first scan of a small corpus calls it for all.
        graph: finds the nearest rows; without it, all are scanned.
    """

    def __init__(self, size: int, load: Callable[[Any], Loaded], graph: Any = None) -> None:
        self.size = size
        self._load = load
        self._graph = graph
        self._is_rough = graph is not None and kind_of(graph) == "i8"
        self._rows: Loaded | None = None

    def search(self, vector: Sequence[float], limit: int, only: Selection | None = None) -> dict[int, float]:
        """Return cosine similarities of the nearest `limit` row ids, with `only` of the nearest among those."""
        if not self.size or (only is not None and not len(only)):
            return {}
        asked = unit(np.asarray(vector, dtype=np.float32)[None, :])[0]
        if self._graph is None:
            return _nearest(self._all(only), asked, limit)
        if only is None:
            return self._walk(asked, limit, limit)
        if len(only) <= HELD_ROWS:
            return _nearest(only.vectors, asked, limit)
        return self._among(asked, limit, only)

    def _among(self, asked: Any, limit: int, only: Selection) -> dict[int, float]:
        """Search the graph deeper than `limit`, as far as the share of `only` says; at last, read all of `only`."""
        depth = limit * self.size // len(only)
        for deeper in _DEEPER:
            found = self._walk(asked, limit, min(int(depth * deeper), self.size), only)
            if len(found) == min(limit, len(only)):
                return found
        best: dict[int, float] = {}
        for start in range(0, len(only), _PART):
            best |= _nearest(self._load(only.ids[start : start + _PART]), asked, limit)
            best = {row: best[row] for row in ranked(best)[:limit]}
        return best

    def _walk(self, asked: Any, limit: int, depth: int, only: Selection | None = None) -> dict[int, float]:
        found = self._graph.search(asked, max(depth, RESCORED) if self._is_rough else depth)
        rows = found.keys.astype(np.int64)
        gaps = found.distances
        if only is not None:
            kept = only.has(rows)
            rows, gaps = rows[kept], gaps[kept]
        rows, gaps = rows[: max(limit, RESCORED)], gaps[: max(limit, RESCORED)]
        if self._is_rough:
            return _nearest(self._load(rows), asked, limit)
        return dict(zip(rows[:limit].tolist(), (1.0 - gaps[:limit]).tolist(), strict=True))

    def _all(self, only: Selection | None) -> Loaded:
        if self._rows is None:
            self._rows = self._load(None)
        ids, matrix = self._rows
        if only is None:
            return self._rows
        kept = only.has(ids)
        return ids[kept], matrix[kept]


def _nearest(loaded: Loaded, asked: Any, limit: int) -> dict[int, float]:
    ids, matrix = loaded
    if not len(ids):
        return {}
    # Not `matrix @ asked`: OpenBLAS shares that out to threads, which wait for each other for 8 ms on a busy machine.
    scores = np.vecdot(matrix, asked)
    if len(ids) > limit:
        kept = scores >= np.partition(scores, -limit)[-limit]
        ids, scores = ids[kept], scores[kept]
    best = ranked_places(ids, scores)[:limit]
    return dict(zip(ids[best].tolist(), scores[best].tolist(), strict=True))


def unit(matrix: Any) -> Any:
    """Return the rows of `matrix`, scaled to length one."""
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))  # four times as fast as `np.linalg.norm`
    return matrix / np.maximum(lengths, 1e-12)[:, None]


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
    dimensions, kind = int(found["dimensions"]), found["kind_scalar"]
    graph = Index(ndim=dimensions, metric="cos", dtype=kind, expansion_search=EXPANSION_SEARCH)
    graph.view(path)
    return graph


def kind_of(graph: Any) -> Kind:
    """Return how a graph holds its numbers."""
    return str(graph.dtype).rpartition(".")[2].lower()  # type: ignore[return-value]


def write_graph(path: Path, added: Iterable[Any], before: Path | None, kind: Kind) -> None:
    """Write a graph with the rows of `before` and `added`, which is read in parts, to `path`: whole or not at all.

    A new graph is of `kind`, one that is added to stays what it is.
    """
    from usearch.index import Index

    graph = Index.restore(before) if before is not None else None
    rows = iter(added)
    while part := list(islice(rows, _PART)):
        ids, vectors = unit_rows(part)
        if graph is None:
            graph = Index(
                ndim=vectors.shape[1],
                metric="cos",
                dtype=kind,
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
