"""The result of an evaluation: figures by question, and their means with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from experience.evaluation.gold import Gold
from experience.evaluation.intervals import Estimate, difference, estimate
from experience.evaluation.measures import MEASURES
from experience.evaluation.outcomes import Outcome, Spot
from experience.evaluation.questions import Question
from experience.evaluation.ranking import retrieval_measures
from experience.evaluation.reliability import Judged, Reliability, reliability
from experience.evaluation.scoring import Figures, figures_of, retrieval_figures
from state.values import Value

ALL = "all"

Measured = dict[str, dict[str, dict[str, float]]]


class Scored(Value):
    """The figures of one question."""

    id: str
    group: str = ""
    status: str = ""
    figures: dict[str, float] = Field(default_factory=dict)


class Group(Value):
    """The means over a group of questions, with the median and the 95th percentile of the seconds."""

    name: str
    questions: int
    figures: dict[str, Estimate]
    seconds_p50: float | None = None
    seconds_p95: float | None = None


class Evaluation(Value):
    """What `sixplane evaluate` measured.

    Args:
        corpus: the corpus.
        corpus_version: its version.
        models: the model of each role.
        asked: how many questions have an outcome.
        questions: how many there are.
        failed: errors by code.
        cost_micro_usd: the cost of all.
        groups: the group of all questions, then the named ones.
        scored: the figures of each question.
        reliability: how the probabilities of the reports agree with their answers, if the reports give any.
    """

    corpus: str
    corpus_version: int
    models: dict[str, str]
    asked: int
    questions: int
    failed: dict[str, int] = Field(default_factory=dict)
    cost_micro_usd: int = 0
    groups: tuple[Group, ...] = ()
    scored: tuple[Scored, ...] = ()
    reliability: Reliability | None = None

    def values(self, figure: str) -> dict[str, float]:
        """Return a figure by question, for the questions that have it."""
        return {each.id: each.figures[figure] for each in self.scored if figure in each.figures}

    def against(self, other: Evaluation) -> dict[str, Estimate]:
        """Return the differences to `other`, this minus other, over the questions that both have asked."""
        shared = [each.id for each in self.scored if each.id in {one.id for one in other.scored}]
        found: dict[str, Estimate] = {}
        for measure in MEASURES:
            mine, theirs = self.values(measure.key), other.values(measure.key)
            told = difference([mine.get(key) for key in shared], [theirs.get(key) for key in shared])
            if told is not None:
                found[measure.key] = told
        return found


def evaluated(
    questions: Sequence[Question], gold: Mapping[str, Sequence[Gold]], outcomes: Mapping[str, Outcome], **named: Any
) -> Evaluation:
    """Return the figures of all questions with an outcome. `named` are the fields that tell what was evaluated."""
    measured = _measured(questions, gold, outcomes)
    asked = [each for each in questions if each.id in outcomes]
    scored = tuple(_scored(each, gold[each.id], outcomes[each.id], measured) for each in asked)
    failed: dict[str, int] = {}
    for each in outcomes.values():
        if each.error is not None:
            failed[each.error.code] = failed.get(each.error.code, 0) + 1
    reports = {each.key: each.report for each in outcomes.values() if each.report}
    return Evaluation(
        asked=len(scored),
        questions=len(questions),
        failed=failed,
        cost_micro_usd=sum(report.usage.cost_micro_usd for report in reports.values()),
        groups=groups_of(scored),
        scored=scored,
        reliability=reliability_of(scored),
        **named,
    )


def reliability_of(scored: Iterable[Scored]) -> Reliability | None:
    """Return how the probabilities of the reports agree with their answers, `None` if no report gives one."""
    told = [each.figures for each in scored if {"probability", "published_right"} <= each.figures.keys()]
    return reliability(Judged(each["probability"], bool(each["published_right"])) for each in told)


def groups_of(scored: Sequence[Scored]) -> tuple[Group, ...]:
    """Return the group of all questions, and the named groups in the order of the questions, if there are any."""
    names = list(dict.fromkeys(each.group for each in scored if each.group))
    named = [_group(name, [each.figures for each in scored if each.group == name]) for name in names]
    return (_group(ALL, [each.figures for each in scored]), *named)


def _group(name: str, figures: Sequence[Figures]) -> Group:
    means = {key: estimate([each[key] for each in figures if key in each]) for key in _keys(figures)}
    seconds = [each["seconds"] for each in figures if "seconds" in each]
    p50, p95 = np.percentile(seconds, [50, 95]) if seconds else (None, None)
    return Group(
        name=name,
        questions=len(figures),
        figures={key: mean for key, mean in means.items() if mean is not None},
        seconds_p50=p50,
        seconds_p95=p95,
    )


def _keys(figures: Iterable[Figures]) -> list[str]:
    """Return the figures that tables show: in their order, without those of later rounds than the first."""
    present = {key for each in figures for key in each}
    return [measure.key for measure in MEASURES if measure.key in present]


def _scored(question: Question, gold: Sequence[Gold], outcome: Outcome, measured: Measured) -> Scored:
    ranked = {mode: values[question.id] for mode, values in measured.items() if question.id in values}
    return Scored(
        id=question.id,
        group=question.group,
        status=outcome.report.status.value if outcome.report else "failed",
        figures={**retrieval_figures(ranked), **figures_of(question, gold, outcome)},
    )


def _measured(
    questions: Sequence[Question], gold: Mapping[str, Sequence[Gold]], outcomes: Mapping[str, Outcome]
) -> Measured:
    """Return the measures of retrieval by search mode, question and measure."""
    judged = [each.id for each in questions if gold[each.id] and each.id in outcomes and outcomes[each.id].found]
    modes = outcomes[judged[0]].found if judged else ()
    rankings: dict[str, dict[str, Sequence[Spot]]] = {
        mode: {name: outcomes[name].found[mode] for name in judged} for mode in modes
    }
    return {mode: retrieval_measures(each, gold) for mode, each in rankings.items()}
