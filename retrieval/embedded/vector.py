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


class VectorIndex:
    """Finds row ids by vectors.

    Args:
        size: the number of rows.
        load: reads the unit vectors of row ids; without ids, of the rows that are in no graph.
        graphs: find the nearest of their rows; those that are in none are scanned.
    """

    def __init__(self, size: int, load: Callable[[Any], Loaded], graphs: Sequence[Any] = ()) -> None:
        self.size = size
        self._load = load
        self._graphs = graphs
        self._loose = size - sum(map(len, graphs))
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
            depth = max(limit, RESCORED) if self._is_rough else limit
            rows, gaps, _ = self._near(asked, [depth] * len(self._graphs))
            return self._joined(asked, limit, rows, gaps)
        if len(only) <= HELD_ROWS:
            return _nearest(only.vectors, asked, limit)
        return self._among(asked, limit, only)

    def _among(self, asked: Any, limit: int, only: Selection) -> dict[int, float]:
        """Search the graphs deeper than `limit`, as far as the share of `only` says; at last, read all of `only`."""
        for deeper in _DEEPER:
            depth = int(limit * deeper * self.size / len(only))
            shares = [max(limit, depth * len(graph) // self.size) for graph in self._graphs]
            rows, gaps, reach = self._near(asked, shares)
            kept = only.has(rows) & (gaps <= reach)
            found = self._joined(asked, limit, rows[kept], gaps[kept], only)
            if len(found) == limit and min(found.values()) >= 1.0 - reach:
                return found
        best: dict[int, float] = {}
        for start in range(0, len(only), _PART):
            best = _best(best | _nearest(self._load(only.ids[start : start + _PART]), asked, limit), limit)
        return best

    def _near(self, asked: Any, depths: Sequence[int]) -> tuple[Any, Any, float]:
        """Return the rows that each graph finds at its depth, nearest first, their distances, and which is complete.

        Beyond the nearest of the last hits of the graphs, one of them may have rows that it did not return.
        """
        found = [graph.search(asked, min(each, len(graph))) for graph, each in zip(self._graphs, depths, strict=True)]
        rows = np.concatenate([each.keys for each in found]).astype(np.int64)
        gaps = np.concatenate([each.distances for each in found])
        order = np.argsort(gaps, kind="stable")
        ends = [float(each.distances[-1]) for each, of in zip(found, self._graphs, strict=True) if len(each) < len(of)]
        return rows[order], gaps[order], min(ends, default=np.inf)

    def _joined(self, asked: Any, limit: int, rows: Any, gaps: Any, only: Selection | None = None) -> dict[int, float]:
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
