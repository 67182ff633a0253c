"""Means with 95 % bootstrap intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from state.values import Value

_DRAWS = 2_000
_SEED = 20_261
_AT_ONCE = 1_000_000
"""Numbers drawn at a time: it bounds the memory."""


class Estimate(Value):
    """A mean with the ends of its 95 % interval, and the number of questions that it is a mean over."""

    value: float
    low: float
    high: float
    count: int


def estimate(values: Sequence[float]) -> Estimate | None:
    """Return the mean of `values` with its interval, `None` if there are none.

    The interval is that of the percentile bootstrap over questions, with a fixed seed.
    """
    if not values:
        return None
    given = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(_SEED)
    step = max(1, _AT_ONCE // len(given))
    means = [
        given[random.integers(0, len(given), (min(step, _DRAWS - done), len(given)))].mean(axis=1)
        for done in range(0, _DRAWS, step)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Estimate(value=float(given.mean()), low=float(low), high=float(high), count=len(given))


def difference(ours: Sequence[float | None], others: Sequence[float | None]) -> Estimate | None:
    """Return the mean paired difference, ours minus theirs, over the questions for which both have a value."""
    pairs = zip(ours, others, strict=True)
    return estimate([mine - theirs for mine, theirs in pairs if mine is not None and theirs is not None])
