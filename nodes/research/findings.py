"""Findings: located in the evidence, merged with those of earlier rounds, and the gaps they leave. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping

from nodes.prompts.common import plain
from nodes.quotes import locate, whole_quote, widest
from nodes.research.gap_words import missing_words
from state.channels import ResearchState
from state.citation_marks import ALIAS
from state.roles import Analysis, Decision, ProposedFinding
from state.values import Event, Finding, FindingKind, Gap, Passage, Quote, SubQuestion

_SUB_QUESTION = re.compile(r"\bq\d+\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"\w+")
_SAME = 0.6
"""The share of the shorter statement's words that two statements about one quote share if they say the same. A chosen
value: two facts of one sentence ("60 requests", "100,000 characters") share fewer, or differ in their numbers."""


def resolve_findings(
    analysis: Analysis, passages: Mapping[str, Passage], asked: tuple[SubQuestion, ...]
) -> tuple[tuple[Finding, ...], tuple[Event, ...]]:
    """Return the findings whose quotes stand in the evidence, and an event for each that was dropped or changed."""
    findings: list[Finding] = []
    events: list[Event] = []
    ids, latest = {question.id for question in asked}, [q.id for q in asked if q.round == asked[-1].round]
    for proposed in analysis.findings:
        quotes, kind = _quotes(proposed, passages), proposed.kind
        if not quotes or not proposed.statement.strip():
            events.append(Event(node="analyzer", kind="finding_dropped", detail="its quotes are not in the evidence"))
            continue
        if kind is FindingKind.CONFLICT and len(quotes) < 2:
            detail = "only one side of a conflict is quoted from the evidence"
            events.append(Event(node="analyzer", kind="conflict_with_one_side", detail=detail))
            kind = FindingKind.FACT
        findings.append(
            Finding(
                id=f"f{len(findings) + 1}",
                statement=plain(proposed.statement),
                sub_question=sub_question_id(proposed.sub_question, ids) or latest[0],
                quotes=quotes,
                kind=kind,
            )
        )
    return tuple(findings), tuple(events)


def merged(earlier: Iterable[Finding], new: Iterable[Finding], asked: Iterable[SubQuestion]) -> tuple[Finding, ...]:
    """Return the earlier findings with the new ones: none is lost, and one that was only told again stands once.

    Of two that say the same, the one with more quotes and numbers stays, under the earlier one's id. It belongs to the
    sub-question of the later round: that is the one which is still looked at.
    """
    known = {finding.id: finding for finding in earlier}
    before = list(known.values())
    round_of = {question.id: question.round for question in asked}
    for finding in new:
        same = next((each for each in before if _repeats(finding, each) or _repeats(each, finding)), None)
        if same is None:
            key = f"f{len(known) + 1}"  # free: no id was ever removed
            known[key] = finding.model_copy(update={"id": key})
            continue
        before.remove(same)
        fuller = finding if _repeats(finding, same) else same
        later = round_of.get(finding.sub_question, 0) > round_of.get(same.sub_question, 0)
        owner = finding.sub_question if later else same.sub_question
        if later:  # it takes its place among the findings of that sub-question, which are told best first
            del known[same.id]
        known[same.id] = fuller.model_copy(update={"id": same.id, "sub_question": owner})
    return tuple(known.values())


def open_questions(state: ResearchState, findings: Iterable[Finding], analysis: Analysis) -> tuple[Gap, ...]:
    """Return a gap for each sub-question that is not, or not wholly, answered.

    A sub-question that a later one repeats is settled by that one. One of an earlier round that none repeats is settled
    by the analyzer, which sees all findings: it is open unless the analyzer decided `enough` without naming it.
    """
    asked = state["sub_questions"]
    ids, latest = {question.id for question in asked}, max((question.round for question in asked), default=1)
    answered = {finding.sub_question for finding in findings}
    named = _named(analysis, ids, default=asked[-1].id)
    quoted = {finding.sub_question for finding in analysis.findings}
    again = {question.asks for question in asked if question.asks}
    settled = {q.asks for q in asked if q.asks and q.round == latest and q.id in answered}
    gaps = {}
    for question in asked:
        if question.round < latest and (question.asks or question.text) in again:
            continue
        trusted = analysis.decision is Decision.ENOUGH if question.round < latest else question.asks in settled
        if named.get(question.id) or not (question.id in answered or trusted):
            # A model that tells probabilities quotes what may answer, and names the gap all the same.
            perhaps = question.id in quoted and question.id in analysis.probabilities
            words = missing_words(state, question, partly=question.id in answered, perhaps=perhaps)
            gaps[question.id] = Gap(sub_question=question.id, missing=words, wanted=named.get(question.id, ""))
    return tuple(gaps.values())


def one_sided(findings: Iterable[Finding], told: Container[str]) -> tuple[Finding, ...]:
    """Return the conflicts of which a text tells one side only. `told` holds the evidence ids that it cites.

    A conflict that the text leaves out altogether is none of these, nor one whose sides stand in one passage.
    """
    sides = {finding: {quote.evidence_id for quote in finding.quotes} for finding in findings}
    return tuple(
        finding
        for finding, passages in sides.items()
        if finding.kind is FindingKind.CONFLICT and len(passages) > 1 and sum(key in told for key in passages) == 1
    )


def sub_question_id(written: str, ids: Iterable[str]) -> str:
    """Return the id that `written` names, as `q2`, `Q2:` or `[q2]`; empty if it names none of `ids`."""
    found = _SUB_QUESTION.search(written)
    return found[0].lower() if found and found[0].lower() in set(ids) else ""


def _named(analysis: Analysis, ids: set[str], default: str) -> dict[str, str]:
    """Return the analyzer's words for what is missing, by sub-question."""
    named: dict[str, list[str]] = {}
    for gap in analysis.gaps:
        # Under no known id: what the question needs and no sub-question asked for. But models also write that nothing
        # is missing.
        key = sub_question_id(gap.sub_question, ids) or (default if analysis.decision is not Decision.ENOUGH else "")
        if key:
            named.setdefault(key, []).append(plain(gap.missing))
    return {key: " ".join(filter(None, words)) for key, words in named.items()}


def _quotes(proposed: ProposedFinding, passages: Mapping[str, Passage]) -> tuple[Quote, ...]:
    located = (
        # A quoted list or block of code may begin or end with lines that state nothing: they belong to it.
        widest(passages[alias], whole_quote(quoted.quote, passages[alias]), locate(quoted.quote, passages[alias]))
        for quoted in proposed.quotes
        if (alias := _alias(quoted.evidence)) in passages
    )
    return tuple(dict.fromkeys(quote for quote in located if quote is not None))


def _alias(written: str) -> str:
    """Return the alias in `written`, as `E3`, `[E3]` or `e3`."""
    found = ALIAS.search(written.upper())
    return found[0] if found else ""


def _repeats(finding: Finding, earlier: Finding) -> bool:
    """Return whether `finding` says what `earlier` says: on the same quotes or more, with the same numbers or more."""
    if not set(earlier.quotes) <= set(finding.quotes) or earlier.kind is not finding.kind:
        return False
    if not set(_NUMBER.findall(earlier.statement)) <= set(_NUMBER.findall(finding.statement)):
        return False
    left, right = (set(_WORD.findall(each.statement.lower())) for each in (earlier, finding))
    return len(left & right) >= _SAME * min(len(left), len(right))
