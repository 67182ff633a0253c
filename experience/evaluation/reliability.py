"""Whether the probability that a report gives for its answer is worth its number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from experience.evaluation.intervals import Estimate, estimate
from state.report import Report
from state.values import Value

KIND = "answer_probability"
"""The kind of the events that name a probability, `q1: 0.83`: that the quoted excerpts answer this sub-question."""

_BINS = 10
_TOLD = re.compile(r"(q\d+): ([01](?:\.\d+)?)")


class Judged(NamedTuple):
    """The probability of a report, and whether it holds the answer."""

    probability: float
    right: bool


class Bin(Value):
    """The reports whose probability lies between two tenths: its mean, and the share that hold the answer."""

    low: float
    high: float
    probability: float
    right: Estimate


class Reliability(Value):
    """How probabilities and answers agree.

    Args:
        bins: by tenths; tenths without reports are left out.
        error: the mean distance of probability and share of right answers over the bins, weighted by their reports.
        brier: the mean squared distance of the probability from 1 for a right answer and 0 for another.
        count: the number of reports.
    """

    bins: tuple[Bin, ...]
    error: float
    brier: float
    count: int


def probability_of(report: Report) -> float | None:
    """Return the highest probability of the report's sub-questions, by the last event of each; `None` without one."""
    last = {
        found[1]: float(found[2])
        for event in report.events
        if event.kind == KIND and (found := _TOLD.fullmatch(event.detail))
    }
    return max(last.values(), default=None)


def reliability(judged: Iterable[Judged]) -> Reliability | None:
    """Return how probabilities and answers agree, `None` if there are none."""
    given = list(judged)
    if not given:
        return None
    bins = [each for number in range(_BINS) if (each := _bin(number, given)) is not None]
    distances = sum(each.right.count * abs(each.probability - each.right.value) for each in bins)
    return Reliability(
        bins=tuple(bins),
        error=distances / len(given),
        brier=sum((each.probability - each.right) ** 2 for each in given) / len(given),
        count=len(given),
    )


def _bin(number: int, given: Sequence[Judged]) -> Bin | None:
    inside = [each for each in given if min(_BINS - 1, int(each.probability * _BINS)) == number]
    right = estimate([float(each.right) for each in inside])
    if right is None:
        return None
    mean = sum(each.probability for each in inside) / len(inside)
    return Bin(low=number / _BINS, high=(number + 1) / _BINS, probability=mean, right=right)
