"""The learned ranker: which sentences answer, whether they do, and whether the evidence speaks of the question at all.

Three logistic regressions over the features of `features`. `python -m gateway.extractive.train` writes the weights to
`ranker.json`; `ranker_card.md` says what they were trained on and what they are worth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from gateway.extractive.features import ANSWER_FEATURES, IN_SECTION, SENTENCE_FEATURES, Array
from state.errors import DependencyUnavailable

FORMAT = 2
WEIGHTS = "ranker.json"
_CLIP = 4.0  # deviations; a feature far outside what was seen in training must not decide alone


@dataclass(frozen=True)
class Head:
    """One logistic regression over some of the columns of a table of features."""

    names: tuple[str, ...]
    means: Array
    deviations: Array
    weights: Array
    bias: float

    def log_odds(self, rows: Array, columns: Sequence[str]) -> Array:
        """Return the log odds of each of `rows`, whose columns are named by `columns`."""
        own = rows[:, [columns.index(name) for name in self.names]]
        scaled = np.clip((own - self.means) / self.deviations, -_CLIP, _CLIP)
        result: Array = scaled @ self.weights + self.bias
        return result


@dataclass(frozen=True)
class Ranker:
    """The heads and the thresholds.

    `answered` is the probability from which a sub-question counts as answered, `answered_in_section` the one if its
    best sentence stands under headings, and `about` the one from which the evidence counts as speaking of it.
    """

    sentence: Head
    answer: Head
    topic: Head
    answered: float
    answered_in_section: float
    about: float

    def scores(self, rows: Array) -> list[float]:
        """Return the log odds of each sentence that it answers or leads to the answer."""
        return [float(each) for each in self.sentence.log_odds(rows, SENTENCE_FEATURES)] if len(rows) else []

    def probability(self, row: Array) -> float:
        """Return the probability that the quoted excerpts answer the sub-question."""
        return probability(float(self.answer.log_odds(row[None, :], ANSWER_FEATURES)[0]))

    def answers(self, row: Array) -> bool:
        """Return whether that probability is high enough to say that they do."""
        needed = self.answered_in_section if row[ANSWER_FEATURES.index(IN_SECTION)] else self.answered
        return self.probability(row) >= needed

    def speaks_of(self, row: Array) -> float:
        """Return the probability that the evidence speaks of what is asked."""
        return probability(float(self.topic.log_odds(row[None, :], ANSWER_FEATURES)[0]))


def probability(log_odds: float) -> float:
    """Return the probability of which `log_odds` are the log odds."""
    return float(1 / (1 + np.exp(-np.clip(log_odds, -30, 30))))


@cache
def trained_ranker() -> Ranker:
    """Return the ranker that this version ships.

    Raises:
        DependencyUnavailable: its file is missing, or of another version.
    """
    try:
        card = _checked(json.loads(files("gateway.extractive").joinpath(WEIGHTS).read_text(encoding="utf-8")))
        sentence, answer, topic = (_head(card["heads"][name]) for name in ("sentence", "answer", "topic"))
        thresholds = (float(card[name]) for name in ("answered", "answered_in_section", "about"))
        return Ranker(sentence, answer, topic, *thresholds)
    except (OSError, ValueError, KeyError) as error:
        raise DependencyUnavailable(f"`{WEIGHTS}` cannot be used: {error}", hint="reinstall `sixplane`") from error


def _checked(card: dict[str, Any]) -> dict[str, Any]:
    """Return `card` if it was trained for the features of this version."""
    known = {*SENTENCE_FEATURES, *ANSWER_FEATURES}
    if card["format"] != FORMAT or any(not known.issuperset(head["features"]) for head in card["heads"].values()):
        raise ValueError("it was trained for other features")
    return card


def _head(stored: Mapping[str, Any]) -> Head:
    means, deviations, weights = (
        np.asarray(stored[key], dtype=np.float64) for key in ("means", "deviations", "weights")
    )
    return Head(tuple(stored["features"]), means, deviations, weights, float(stored["bias"]))
