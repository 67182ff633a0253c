"""The vector index: usearch's HNSW graphs and an exact scan of the rows that are in none, both by cosine similarity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrieval.embedded.graphs import kind_of, unit
from retrieval.embedded.selection import HELD_ROWS, Loaded, Selection
from retrieval.ranking.fusion import ranked, ranked_places

EXACT_BELOW = 5_000
"""While fewer rows are in no graph, they are scanned: a scan of that many takes some 0.3 ms and misses nothing."""

_PART = 8_192
"""Rows of a filter that are read at a time. A chosen value: 12 MB of vectors of 384 numbers."""

RESCORED = 100
"""How many of the nearest, at least, get their exact similarity where the graph holds numbers of one byte. Measured on
SciFact's vectors: recall of the ten nearest 0.998 with it and 0.959 without; with two bytes 0.998 without."""

_DEEPER = (1.5, 6.0)
"""By how much a filtered search of the graph goes deeper than the share of its rows asks for, before it reads the
vectors of all of them. Chosen values: with the first, a filter that has nothing to do with the meaning finds enough."""

_NONE = np.zeros(0, dtype=np.int64)


class VectorIndex:
    """Finds row ids by vectors.

    Args:
        size: the number of rows.
        load: reads the unit vectors of row ids; without ids, of the rows that are in no graph.
        graphs: find the nearest of their rows; those that are in none are scanned.
        dead: the ids of rows in graphs that are no rows any more (int64, ascending).
    """

    def __init__(self, size: int, load: Callable[[Any], Loaded], graphs: Sequence[Any] = (), dead: Any = _NONE) -> None:
        self.size = size
        self._load = load
        self._graphs, self._in_graphs, self._dead = graphs, sum(map(len, graphs)), dead
        self._loose = size - self._in_graphs + len(dead)
        self._is_rough = any(kind_of(graph) == "i8" for graph in graphs)
        self._scanned: Loaded | None = None

    def search(self, vector: Sequence[float], limit: int, only: Selection | None = None) -> dict[int, float]:
        """Return cosine similarities of the nearest `limit` row ids, with `only` of the nearest among those."""
        if not self.size or (only is not None and not len(only)):
            return {}
        asked = unit(np.asarray(vector, dtype=np.float32)[None, :])[0]
        if not self._graphs:
            return self._scan(asked, limit, only)
        if only is None:
            return self._of_all(asked, limit)
        if len(only) <= HELD_ROWS:
            return _nearest(only.vectors, asked, limit)
        return self._among(asked, limit, only)

    def _of_all(self, asked: Any, limit: int) -> dict[int, float]:
        """Search the graphs to `limit`, and deeper while too many of the hits are dead."""
        depth = max(limit, RESCORED) if self._is_rough else limit
        depth = depth * (self._in_graphs + 2 * len(self._dead)) // self._in_graphs
        while (found := self._walk(asked, limit, [depth] * len(self._graphs))) is None:
            depth *= 4
        return found

    def _among(self, asked: Any, limit: int, only: Selection) -> dict[int, float]:
        """Search the graphs deeper than `limit`, as far as the share of `only` says; at last, read all of `only`."""
        for deeper in _DEEPER:
            depth = int(limit * deeper * self.size / len(only))
            shares = [max(limit, depth * len(graph) // self.size) for graph in self._graphs]
            if (found := self._walk(asked, limit, shares, only)) is not None:
                return found
        best: dict[int, float] = {}
        for start in range(0, len(only), _PART):
            best = _best(best | _nearest(self._load(only.ids[start : start + _PART]), asked, limit), limit)
        return best

    def _walk(
        self, asked: Any, limit: int, depths: Sequence[int], only: Selection | None = None
    ) -> dict[int, float] | None:
        """Search each graph to its depth, and the rows that are in none; `None` if that is not deep enough."""
        found = [graph.search(asked, min(deep, len(graph))) for graph, deep in zip(self._graphs, depths, strict=True)]
        # A graph may have rows beyond its last hit that are nearer than hits of others there.
        ends = [
            float(hits.distances[-1])
            for hits, graph, deep in zip(found, self._graphs, depths, strict=True)
            if deep < len(graph)
        ]
        reach = min(ends, default=np.inf)
        rows = np.concatenate([hits.keys for hits in found]).astype(np.int64)
        gaps = np.concatenate([hits.distances for hits in found])
        kept = np.flatnonzero((gaps <= reach) & (self._alive(rows) if only is None else only.has(rows)))
        if len(kept) < limit and ends:
            return None
        order = kept[np.argsort(gaps[kept], kind="stable")]
        return self._joined(asked, limit, rows[order], gaps[order], only)

    def _alive(self, rows: Any) -> Any:
        if not len(self._dead):
            return True
        places = np.minimum(np.searchsorted(self._dead, rows), len(self._dead) - 1)
        return self._dead[places] != rows

    def _joined(self, asked: Any, limit: int, rows: Any, gaps: Any, only: Selection | None) -> dict[int, float]:
        """Return the nearest of what the graphs found, nearest first, and of the rows that are in none."""
        if self._is_rough:
            best = _nearest(self._load(rows[: max(limit, RESCORED)]), asked, limit)
        else:
            best = dict(zip(rows[:limit].tolist(), (1.0 - gaps[:limit]).tolist(), strict=True))
        return _best(best | self._scan(asked, limit, only), limit) if self._loose else best

    def _scan(self, asked: Any, limit: int, only: Selection | None) -> dict[int, float]:
        """Return the nearest of the rows that are in no graph."""
        if self._scanned is None:
            self._scanned = self._load(None)
        ids, matrix = self._scanned
        if only is not None:
            kept = only.has(ids)
            ids, matrix = ids[kept], matrix[kept]
        return _nearest((ids, matrix), asked, limit)


def _best(found: dict[int, float], limit: int) -> dict[int, float]:
    return {row: found[row] for row in ranked(found)[:limit]}


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
