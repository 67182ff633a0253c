"""Logistic regression by Newton's method, and what a fit is worth. Pure functions.

`policy.training.fit` fits too, for wide sparse tables; the planes of policy and models do not import each other.
"""

from __future__ import annotations

import hashlib

import numpy as np

from gateway.extractive.features import IN_SECTION, Array
from gateway.extractive.ranker import Head

FOLDS = 5
_STEPS = 30
_SMALL = 1e-6


def rising(
    names: tuple[str, ...], rows: Array, labels: Array, importance: Array, penalty: float, up: frozenset[str]
) -> Head:
    """Return the fitted head, without those features of `up` to which it would give a negative weight.

    More of what is asked must not count against a sentence, although in some set the answer often follows the sentence
    that names the subject.
    """
    head = fitted(names, rows, labels, importance, penalty)
    while falling := _falling(head, up):
        kept = tuple(name for name in head.names if name not in falling)
        head = fitted(kept, rows[:, [names.index(name) for name in kept]], labels, importance, penalty)
    return head


def _falling(head: Head, up: frozenset[str]) -> set[str]:
    """Return what counts against a sentence everywhere, or in a section together with what counts everywhere."""
    slopes = dict(zip(head.names, head.weights / head.deviations, strict=True))
    alone = {name for name in up & slopes.keys() if slopes[name] < 0}
    inside = {f"{name}_{IN_SECTION}": max(0.0, slopes.get(name, 0.0)) for name in up}
    return alone | {name for name, base in inside.items() if name in slopes and base + slopes[name] < 0}


def fitted(names: tuple[str, ...], rows: Array, labels: Array, importance: Array, penalty: float) -> Head:
    """Return the head that minimises the weighted logistic loss over `rows`, with an L2 penalty on its weights."""
    means, deviations = rows.mean(axis=0), rows.std(axis=0)
    deviations = np.where(deviations < _SMALL, 1.0, deviations)
    table = np.column_stack([(rows - means) / deviations, np.ones(len(rows))])
    strength = np.diag([penalty] * len(names) + [_SMALL])
    weights = np.zeros(len(names) + 1)
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
        slope = table.T @ (importance * (likely - labels)) + strength @ weights
        curve = (table * (importance * likely * (1 - likely))[:, None]).T @ table + strength
        step = np.linalg.solve(curve, slope)
        weights = weights - step
        if float(np.abs(step).max()) < _SMALL:
            break
    return Head(names, means, deviations, weights[:-1], float(weights[-1]))


def area(labels: Array, scores: Array) -> float:
    """Return the area under the ROC curve; 0.5 if only one label occurs. Ties count half."""
    positive, negative = scores[labels > 0], scores[labels <= 0]
    if not len(positive) or not len(negative):
        return 0.5
    below = np.searchsorted(np.sort(negative), positive, side="left")
    upto = np.searchsorted(np.sort(negative), positive, side="right")
    return float((below + upto).mean() / 2 / len(negative))


def fold_of(question: str) -> int:
    """Return the fold of cross-validation that a question is left out in. Its sub-questions are in the same one."""
    return int(hashlib.sha256(question.encode()).hexdigest(), 16) % FOLDS
