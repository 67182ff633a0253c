"""Logistic regression with L-BFGS, in numpy: a sparse matrix of n-gram counts, one weight a slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from policy.classifier.features import SLOTS, Array, grams

Row: TypeAlias = tuple[Array, Array]

_MEMORY = 8
_STEPS = 40
_TOLERANCE = 1e-5
_NEWTON_STEPS = 15


class Matrix:
    """The features of some texts: for each of its slots, its count over the root of all counts of its table."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.count = len(rows)
        self._rows = np.repeat(np.arange(self.count), [len(slots) for slots, _ in rows])
        self._slots = np.concatenate([slots for slots, _ in rows])
        self._values = np.concatenate([values for _, values in rows])

    def scores(self, weights: Array) -> Array:
        """Return each text's score; the last of `weights` is the bias."""
        given = self._values * weights[self._slots]
        return np.bincount(self._rows, weights=given, minlength=self.count) + weights[-1]

    def gradient(self, errors: Array) -> Array:
        """Return what `errors`, one for each text, say about each weight."""
        back = np.bincount(self._slots, weights=self._values * errors[self._rows], minlength=2 * SLOTS)
        return np.concatenate([back, [errors.sum()]])


@lru_cache(maxsize=100_000)
def row_of(text: str) -> Row:
    """Return the features of a text: its slots, and the value of each."""
    slots, values = [], []
    for sizes in grams(text):
        every = np.concatenate([each.slots for each in sizes])
        found, counts = np.unique(every, return_counts=True)
        slots.append(found)
        values.append(counts / np.sqrt(max(1, len(every))))
    return np.concatenate(slots).astype(np.int32), np.concatenate(values).astype(np.float32)


def fitted(matrix: Matrix, labels: Array, importance: Array, penalty: float, start: Array | None = None) -> Array:
    """Return the weights that minimise the weighted logistic loss with an L2 penalty; the last one is the bias."""
    strength = np.full(2 * SLOTS + 1, penalty)
    strength[-1] = 0.0

    def loss(weights: Array) -> tuple[float, Array]:
        raw = matrix.scores(weights)
        likely = 1.0 / (1.0 + np.exp(-np.clip(raw, -60, 60)))
        total = float((importance * (np.logaddexp(0.0, raw) - labels * raw)).sum())
        total += 0.5 * float((strength * weights * weights).sum())
        return total, matrix.gradient(importance * (likely - labels)) + strength * weights

    return _minimised(loss, np.zeros(2 * SLOTS + 1) if start is None else start)


def fitted_dense(features: Array, labels: Array, importance: Array, penalty: float) -> Array:
    """Return the weights of a logistic regression on dense features, by Newton's method."""
    weights = np.zeros(features.shape[1])
    for _ in range(_NEWTON_STEPS):
        likely = 1.0 / (1.0 + np.exp(-np.clip(features @ weights, -60, 60)))
        slope = features.T @ (importance * (likely - labels)) + penalty * weights
        bent = (features * (importance * likely * (1 - likely))[:, None]).T @ features
        weights = weights - np.linalg.solve(bent + penalty * np.eye(len(weights)), slope)
    return weights


def _minimised(loss: Callable[[Array], tuple[float, Array]], at: Array) -> Array:
    """Return where `loss` is least, found with limited-memory BFGS and a halving step."""
    value, slope = loss(at)
    past: list[tuple[Array, Array]] = []
    for _ in range(_STEPS):
        towards = -_direction(slope, past)
        step, (there, new_slope) = 1.0, loss(at + towards)
        while there > value + 1e-4 * step * float(slope @ towards) and step > 1e-8:
            step /= 2
            there, new_slope = loss(at + step * towards)
        moved, turned = step * towards, new_slope - slope
        small = value - there < _TOLERANCE * abs(value)
        at, value, slope = at + moved, there, new_slope
        if small:
            break
        if moved @ turned > 1e-10:
            past = [*past, (moved, turned)][-_MEMORY:]
    return at


def _direction(slope: Array, past: list[tuple[Array, Array]]) -> Array:
    """Return the slope times the inverse of the curvature that `past` steps show (the two-loop recursion)."""
    if not past:
        return slope / max(1.0, float(np.linalg.norm(slope)))
    found, shares = slope.copy(), []
    for moved, turned in reversed(past):
        share = (moved @ found) / (turned @ moved)
        shares.append(share)
        found -= share * turned
    moved, turned = past[-1]
    found *= (moved @ turned) / (turned @ turned)
    for (moved, turned), share in zip(past, reversed(shares), strict=True):
        found += moved * (share - (turned @ found) / (turned @ moved))
    return found
