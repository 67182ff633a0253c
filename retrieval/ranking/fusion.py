"""The order of search results and the fusion of result lists; equal scores are ordered by id, so results never vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

Key = TypeVar("Key", int, str)


def min_max(legs: Sequence[Mapping[Key, float]]) -> dict[Key, float]:
    """Return the mean score per id, best first; each leg is scaled to 0…1 and counts 0 for an id it did not find."""
    # Measured on SciFact (nDCG@10): min-max 0.730, reciprocal-rank fusion (k = 20) 0.723, keyword leg alone 0.686,
    # dense leg alone 0.649.
    fused: dict[Key, float] = {}
    for leg in legs:
        for key, share in _shares(leg, len(legs)).items():
            fused[key] = fused.get(key, 0.0) + share
    return {key: fused[key] for key in ranked(fused)}


def ranked(scores: Mapping[Key, float]) -> list[Key]:
    """Return the ids by descending score; equal scores by ascending id."""
    # Two sorts by one key each, of which the second keeps the order of equal ones, take half the time of one by both.
    return sorted(sorted(scores), key=scores.__getitem__, reverse=True)


def ranked_places(ids: Any, scores: Any) -> Any:
    """Return the positions of two parallel arrays in the order of `ranked`."""
    # The vector scan ranks up to 20,000 rows per query; `ranked` over a mapping of them would cost more than the scan.
    import numpy as np  # here: only the vector scan, which has imported it, needs it

    return np.lexsort((ids, -scores))


def _shares(leg: Mapping[Key, float], legs: int) -> dict[Key, float]:
    if not leg:
        return {}
    low, high = min(leg.values()), max(leg.values())
    if high == low:
        return dict.fromkeys(leg, 1.0 / legs)
    width = high - low
    return {key: (score - low) / width / legs for key, score in leg.items()}
