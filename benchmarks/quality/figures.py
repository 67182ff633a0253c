"""The result of the benchmark: what the documentation shows, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.quality.variants import Variant
from experience.evaluation import Estimate, Evaluation, Group, Reliability, Scored, difference
from experience.evaluation.result import groups_of
from state.values import Value

SHOWN = (
    "hybrid_ndcg@10",
    "hybrid_recall@10",
    "hybrid_recall@100",
    "evidence_round_1",
    "evidence_read",
    "evidence_read@10",
    "evidence_quoted",
    "answer_in_claims",
    "answer_in_opening",
    "answer_recall",
    "gold_in_claims",
    "claims_on_gold",
    "answered_wrong",
    "published_right",
    "answerable_answered",
    "answerable_partial",
    "answerable_abstained",
    "absent_answered",
    "absent_partial",
    "absent_abstained",
    "claims_supported",
    "quotes_exact",
    "rounds",
    "words",
    "seconds",
    "cost_micro_usd",
)
"""The figures that are kept, of all groups."""

COMPARED = ("answer_in_claims", "gold_in_claims", "answer_recall", "answered_wrong", "words")
"""The figures that are compared with baselines: those that a bare text has too."""

SWITCHED = (
    "evidence_read",
    "answer_in_claims",
    "answered_wrong",
    "answerable_abstained",
    "absent_abstained",
    "words",
    "rounds",
)
"""The figures that are compared with ablations; not the seconds, because ablations use stored vectors."""


class Compared(Value):
    """A baseline or an ablation beside the whole graph, on the same questions.

    Args:
        name: how the page calls it.
        switch: the option or setting of an ablation.
        questions: the number of questions.
        groups: its own figures.
        differences: for each group, the whole graph minus it, paired.
    """

    name: str
    switch: str = ""
    questions: int
    groups: tuple[Group, ...]
    differences: dict[str, dict[str, Estimate]]


class SetResult(Value):
    """The figures of one set."""

    name: str
    questions: int
    sampled: bool
    groups: tuple[Group, ...]
    baselines: tuple[Compared, ...]
    ablations: tuple[Compared, ...] = ()
    reliability: Reliability | None = None


class QualityResult(Value):
    """The figures of all sets, when and with what they were made."""

    date: str
    machine: str
    sets: tuple[SetResult, ...]


def set_result(
    name: str,
    whole: Evaluation,
    baselines: Mapping[str, Sequence[Scored]],
    ablations: Sequence[tuple[Variant, Evaluation]],
    *,
    sampled: bool,
) -> SetResult:
    """Return the figures of a set."""
    return SetResult(
        name=name,
        questions=whole.questions,
        sampled=sampled,
        groups=_shown(whole.groups, SHOWN),
        baselines=tuple(compared(each, "", whole.scored, scored, COMPARED) for each, scored in baselines.items()),
        ablations=tuple(
            compared(variant.title, variant.switch, whole.scored, result.scored, SWITCHED)
            for variant, result in ablations
        ),
        reliability=whole.reliability,
    )


def compared(
    name: str, switch: str, whole: Sequence[Scored], other: Sequence[Scored], figures: Sequence[str]
) -> Compared:
    """Return `other` beside the whole graph on the questions of `other`."""
    ours = {each.id: each for each in whole}
    groups = groups_of(other)[: None if not switch else 1]  # of ablations, samples of groups would be too small
    differences = {}
    for group in groups:
        members = [each for each in other if group.name in ("all", each.group)]
        told = {key: _difference(key, [ours[each.id] for each in members], members) for key in figures}
        differences[group.name] = {key: value for key, value in told.items() if value is not None}
    return Compared(
        name=name,
        switch=switch,
        questions=len(other),
        groups=_shown(groups, (*figures, "answerable_answered", "absent_abstained", "answerable_abstained")),
        differences=differences,
    )


def _difference(key: str, ours: Sequence[Scored], theirs: Sequence[Scored]) -> Estimate | None:
    return difference([each.figures.get(key) for each in ours], [each.figures.get(key) for each in theirs])


def _shown(groups: Sequence[Group], keys: Sequence[str]) -> tuple[Group, ...]:
    return tuple(
        Group(
            name=group.name,
            questions=group.questions,
            figures={key: _rounded(value) for key, value in group.figures.items() if key in keys},
            seconds_p50=group.seconds_p50,
            seconds_p95=group.seconds_p95,
        )
        for group in groups
    )


def _rounded(figure: Estimate) -> Estimate:
    ends = {name: round(getattr(figure, name), 4) for name in ("value", "low", "high")}
    return Estimate(**ends, count=figure.count)
