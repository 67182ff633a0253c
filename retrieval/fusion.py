"""Fusion of ranked lists: pure functions, deterministic on ties (by id)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", int, str)


def min_max(legs: Sequence[Mapping[Key, float]]) -> dict[Key, float]:
    """Return the mean of the scores, each leg scaled to 0…1, best first; a leg without an id gives it 0."""
    fused: dict[Key, float] = {}
    for leg in legs:
        for key, score in _scaled(leg).items():
            fused[key] = fused.get(key, 0.0) + score / len(legs)
    return {key: fused[key] for key in ranked(fused)}


def ranked(scores: Mapping[Key, float]) -> list[Key]:
    """Return the ids by descending score, ties by id."""
    return sorted(scores, key=lambda key: (-scores[key], key))


def _scaled(leg: Mapping[Key, float]) -> dict[Key, float]:
    if not leg:
        return {}
    low, high = min(leg.values()), max(leg.values())
    return {key: (score - low) / (high - low) if high > low else 1.0 for key, score in leg.items()}
