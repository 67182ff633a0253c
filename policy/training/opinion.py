"""The second opinion: a logistic regression on the embedding of a text's likeliest window and its raw score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from policy.classifier.features import Array
from policy.training.fit import fitted_dense
from policy.training.learn import FOLDS, NOTHING, Likeliest, fold_of
from policy.training.sources import Text

GATE = -1.0
"""Windows below it are surely harmless. In cross-validation 1 in 25 hostile prompts stays below, and 9 in 10 pieces of
manuals do."""

_PENALTY = 10.0
_STRETCH = 3.0
"""Vectors have length 1; stretched, the penalty weighs less on them than on the raw score."""


@dataclass(frozen=True)
class Opinion:
    """The weights of the second opinion, and each text's score by weights that did not see it or its group."""

    weights: Array
    trust: float
    bias: float
    left_out: Array


def second_opinion(
    texts: Sequence[Text], found: Sequence[Likeliest], embed: Callable[[list[str]], Sequence[Sequence[float]]]
) -> Opinion:
    """Fit the second opinion on the texts whose likeliest window passes the gate."""
    passed = [at for at, each in enumerate(found) if each.raw > GATE]
    vectors = np.array(embed([found[at].window for at in passed]), dtype=np.float64)
    raw = np.array([[found[at].raw] for at in passed])
    features = np.concatenate([raw, _STRETCH * vectors, np.ones((len(passed), 1))], axis=1)
    labels = np.array([texts[at].hostile for at in passed], dtype=np.float64)
    importance = np.where(labels == 1, 2.0, 1.0)
    folds = np.array([fold_of(texts[at].group) for at in passed])
    scores = np.full(len(texts), NOTHING)
    for without in range(FOLDS):
        seen, unseen = folds != without, folds == without
        weights = fitted_dense(features[seen], labels[seen], importance[seen], _PENALTY)
        scores[np.array(passed)[unseen]] = features[unseen] @ weights
    weights = fitted_dense(features, labels, importance, _PENALTY)
    return Opinion(_STRETCH * weights[1:-1], float(weights[0]), float(weights[-1]), scores)
