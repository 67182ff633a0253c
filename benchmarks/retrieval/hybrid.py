"""How many of the ten best of a hybrid search are found: its recall.

The ten best are those of an exact fusion of exact legs, each to a depth of 100, in the way of the engine that is
measured: ours scales scores (`min_max`), LanceDB's adds reciprocal ranks. A row that was found counts if its exact
score is not below that of the tenth, so that rows with equal scores are as good as each other. Keyword legs are exact
on both sides; the nearest vectors come from a scan of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.retrieval.rows import FILTERS, K, Questions, exact

DEPTH = 100
"""As deep as our legs go, see `retrieval.ranking.retrieving`."""

_CONSTANT = 60
"""LanceDB's default for reciprocal ranks."""

_PARTS = ((0, "scores"), (1, "rows"))

Nearest = dict[str, list[dict[int, float]]]
"""For each filter and query the nearest rows with their similarity, nearest first."""


def nearest(count: int, folder: Path, asked: Questions) -> Nearest:
    """Return the exact `DEPTH` nearest rows of what was built in `folder`; they are kept there."""
    file = folder / "nearest.npz"
    if not file.is_file():
        found = exact(count, asked.vectors, DEPTH)
        np.savez(file, **{f"{name or 'all'} {part}": found[name][at] for name in FILTERS for at, part in _PARTS})
    with np.load(file) as kept:
        pairs = {name: (kept[f"{name or 'all'} scores"], kept[f"{name or 'all'} rows"]) for name in FILTERS}
    return {name: [_scored(*each) for each in zip(*arrays, strict=True)] for name, arrays in pairs.items()}


def _scored(scores: np.ndarray, rows: np.ndarray) -> dict[int, float]:
    held = scores >= -1.0  # below: fewer rows match
    return dict(zip(rows[held].tolist(), scores[held].tolist(), strict=True))


def reciprocal(legs: Iterable[Iterable[int]]) -> dict[int, float]:
    """Return the sum of reciprocal ranks of each row."""
    found: dict[int, float] = {}
    for leg in legs:
        for rank, row in enumerate(leg):
            found[row] = found.get(row, 0.0) + 1 / (rank + _CONSTANT)
    return found


def hybrid_recall(found: Sequence[Sequence[int]], fused: Sequence[Mapping[int, float]]) -> float:
    """Return the mean share of the ten best that were found, by the exact scores of each query's rows."""
    shares = []
    for rows, scores in zip(found, fused, strict=True):
        best = sorted(scores.values(), reverse=True)[:K]
        shares.append(sum(scores.get(row, -1.0) >= best[-1] - 1e-6 for row in rows) / len(best))
    return float(np.mean(shares))
