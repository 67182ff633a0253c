"""The figures of one question, from its outcome and from what is known about its answer. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from experience.evaluation.answers import contains, normalised, opening, token_recall
from experience.evaluation.gold import Gold
from experience.evaluation.outcomes import Outcome, Spot
from experience.evaluation.questions import Question
from experience.evaluation.reliability import probability_of
from state.report import Report, ReportClaim
from state.values import Status

TOP = 10
"""The number of documents of which the evidence's recall is taken."""

Figures = dict[str, float]


def figures_of(question: Question, gold: Sequence[Gold], outcome: Outcome) -> Figures:
    """Return the figures of a question by name. A figure that means nothing for the question is left out.

    Without a report, because the run failed, there are only those that say so.
    """
    report = outcome.report
    if report is None:
        return dict(_ending(question, None))
    return {
        **dict(_ending(question, report.status)),
        **dict(_evidence(gold, outcome)),
        **dict(_answer(question, gold, report)),
        **dict(_grounding(report, outcome)),
        **dict(_effort(report, outcome)),
    }


def text_figures(question: Question, gold: Sequence[Gold], text: str, status: Status) -> Figures:
    """Return the figures of an answer that is no report: a text and how sure whoever gives it is, as a status."""
    words = {"words": float(len(text.split()))} if text else {}
    found = {**dict(_ending(question, status)), **dict(_held(question, gold, text)), **words}
    wrong = _wrong(question, gold, text, False) if status is Status.ANSWERED and not _only_gold(question) else None
    return found if wrong is None else {**found, "answered_wrong": float(wrong)}


def _only_gold(question: Question) -> bool:
    """Return whether only citations tell if an answer is right; a bare text has none."""
    return question.answerable and not question.answers


def claims_text(report: Report) -> str:
    """Return the claims that state something, in the order of the report."""
    return "\n".join(claim.text for claim in stating(report))


def stating(report: Report) -> list[ReportClaim]:
    """Return the claims of `report` that state something: headings only name."""
    return sorted((claim for claim in report.claims if claim.kind.states), key=lambda claim: claim.start)


def _ending(question: Question, status: Status | None) -> Iterator[tuple[str, float]]:
    kind = "answerable" if question.answerable else "absent"
    for each in (Status.ANSWERED, Status.PARTIAL, Status.ABSTAINED):
        yield f"{kind}_{each.value}", float(status is each)
    yield f"{kind}_failed", float(status not in (Status.ANSWERED, Status.PARTIAL, Status.ABSTAINED))


def _evidence(gold: Sequence[Gold], outcome: Outcome) -> Iterator[tuple[str, float]]:
    if not gold:
        return
    for number, read in enumerate(outcome.read, 1):
        yield f"evidence_round_{number}", _share(gold, read)
    last = outcome.read[-1] if outcome.read else ()
    yield "evidence_read", _share(gold, last)
    first = list(dict.fromkeys(spot.document_id for spot in last))[:TOP]
    yield "evidence_read@10", _share(gold, [spot for spot in last if spot.document_id in first])
    yield "evidence_quoted", _share(gold, outcome.quoted)


def _share(gold: Sequence[Gold], spots: Sequence[Spot]) -> float:
    """Return the share of gold documents, or of gold spans where there are some, that one of `spots` touches."""
    touched = [any(each.overlaps(spot.document_id, spot.start, spot.end) for spot in spots) for each in gold]
    return sum(touched) / len(touched)


def _answer(question: Question, gold: Sequence[Gold], report: Report) -> Iterator[tuple[str, float]]:
    claims, text = stating(report), claims_text(report)
    yield from _held(question, gold, text)
    on_gold = [_cites(claim, report, gold) for claim in claims]
    if gold and claims:
        yield "claims_on_gold", sum(on_gold) / len(on_gold)
    wrong = _wrong(question, gold, text, any(on_gold))
    if claims and wrong is not None:
        yield "published_right", float(not wrong)
        if (probability := probability_of(report)) is not None:
            yield "probability", probability
    if report.status is Status.ANSWERED and wrong is not None:
        yield "answered_wrong", float(wrong)


def _held(question: Question, gold: Sequence[Gold], text: str) -> Iterator[tuple[str, float]]:
    if question.answers:
        yield "answer_in_claims", float(contains(text, question.answers))
        yield "answer_in_opening", float(contains(opening(text), question.answers))
        yield "answer_recall", token_recall(text, question.answers)
    spans = [each for each in gold if each.text]
    if spans:
        words = f" {normalised(text)} "
        yield "gold_in_claims", sum(f" {normalised(each.text)} " in words for each in spans) / len(spans)


def _wrong(question: Question, gold: Sequence[Gold], text: str, on_gold: bool) -> bool | None:
    """Return whether an answer is wrong; `None` if nothing is known about the right one."""
    if not question.answerable:
        return True
    if question.answers:
        return not contains(text, question.answers)
    return not on_gold if gold else None


def _cites(claim: ReportClaim, report: Report, gold: Sequence[Gold]) -> bool:
    documents = {item.id: item.document_id for item in report.evidence}
    return any(
        each.overlaps(documents.get(cited.evidence_id, ""), cited.start, cited.end)
        for cited in claim.citations
        for each in gold
    )


def _grounding(report: Report, outcome: Outcome) -> Iterator[tuple[str, float]]:
    checked = report.verification
    if checked.claims:
        for name in ("supported", "contradicted", "unsupported", "unverified"):
            yield f"claims_{name}", getattr(checked, name) / checked.claims
    if report.claims:
        yield "quotes_exact", float(outcome.exact == "verified")


def _effort(report: Report, outcome: Outcome) -> Iterator[tuple[str, float]]:
    yield "seconds", outcome.seconds
    yield "cost_micro_usd", float(report.usage.cost_micro_usd)
    yield "rounds", float(report.research_rounds)
    if report.claims:
        yield "words", float(len(claims_text(report).split()))


def retrieval_figures(measured: Mapping[str, Mapping[str, float]]) -> Figures:
    """Return the measures of retrieval, by search mode and measure, as figures of a question."""
    return {f"{mode}_{name}": value for mode, values in measured.items() for name, value in values.items()}
