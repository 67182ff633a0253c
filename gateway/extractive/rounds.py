"""What the analysis of one round keeps: what closes a hop, not more sentences for what was answered before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.extractive.asking.sides import CHOOSES, sides
from gateway.extractive.bridges import is_titled, relations
from gateway.extractive.descriptions import family
from gateway.extractive.named_terms import names
from gateway.extractive.overview import overviews
from gateway.extractive.plan import reworded, split
from gateway.extractive.ranking import words
from gateway.extractive.terms.asked import kinds_of
from state.evidence_block import EvidenceItem
from state.roles import Analysis, Decision, ProposedFinding, ProposedGap

_LATER = 6  # findings of all questions of a later round together: they are alternatives
_ALIKE = re.compile(
    r"\b(?:alike|both|different|differ|equal(?:ly)?|identical|same|beide[ns]?|gleich\w*|dieselbe[nrs]?|verschieden\w*"
    r"|les deux|même)\b",
    re.IGNORECASE,
)
_CHOOSES = re.compile(rf"\b(?:{CHOOSES})\b", re.IGNORECASE)


def of_round(analysis: Analysis, fields: Mapping[str, Any], evidence: Sequence[EvidenceItem]) -> Analysis:
    """Return `analysis` with the overviews that were asked for, and without what the round does not need."""
    analysis = _with_open_conclusion(_with_overviews(analysis, fields, evidence), str(fields.get("question") or ""))
    if int(fields.get("round") or 1) > 1:
        return analysis.model_copy(update={"findings": _of_later_round(analysis, fields, evidence)})
    return analysis


def _with_open_conclusion(analysis: Analysis, question: str) -> Analysis:
    """Return `analysis` with a gap if the question is whether two things are alike, or which is more of something.

    Not if a sentence says it of both. Excerpts tell of each side. Whether the sides agree, and which is first, is for
    the reader to conclude: this model draws no conclusion, and must not call the question answered.
    """
    parts = split(question)
    compared = [each for each in sides(question) if each.asks in parts]
    alike = "yes_no" in kinds_of(question) and _ALIKE.search(question)
    if analysis.gaps or len(compared) < 2 or not (alike or _CHOOSES.search(question)):
        return analysis
    concludes = _ALIKE if alike else _CHOOSES
    named = [frozenset(words(each.name)) for each in compared]
    said = (frozenset(words(finding.statement)) for finding in analysis.findings if concludes.search(finding.statement))
    if any(all(side <= statement for side in named) for statement in said):
        return analysis
    asked = dict.fromkeys(finding.sub_question for finding in analysis.findings)
    gaps = [ProposedGap(sub_question=each, missing=f"No passage says it of both: {question}") for each in asked]
    return analysis.model_copy(update={"gaps": gaps})


def _of_later_round(
    analysis: Analysis, fields: Mapping[str, Any], evidence: Sequence[EvidenceItem]
) -> list[ProposedFinding]:
    """Return the best findings of each question of this round in turn, and those of earlier ones that had none."""
    asked = fields.get("sub_questions") or []
    latest = {str(each["id"]): str(each["text"]) for each in asked if each.get("round") == fields["round"]}
    earlier = fields.get("findings") or []
    settled = {str(each["sub_question"]) for each in earlier}
    # Words of an earlier question, asked again, find its best sentences again: these stay where they were.
    again = {reworded(str(each["text"])) for each in asked if str(each["id"]) not in latest}
    known = {" ".join(str(each.get("statement", "")).split()) for each in earlier}
    items = {item.alias: item for item in evidence}
    by_question: dict[str, list[ProposedFinding]] = {}
    for finding in analysis.findings:
        key = finding.sub_question
        if key in latest and _leads_only(finding, str(fields.get("question") or ""), latest[key], items):
            continue
        if latest.get(key) in again and finding.statement in known:
            continue
        if key in latest or key not in settled:
            by_question.setdefault(key, []).append(finding)
    ranked = [(rank, finding) for found in by_question.values() for rank, finding in enumerate(found)]
    chosen = {id(finding) for _, finding in sorted(ranked, key=lambda each: each[0])[:_LATER]}
    return [finding for found in by_question.values() for finding in found if id(finding) in chosen]


def _leads_only(finding: ProposedFinding, question: str, asked: str, items: Mapping[str, EvidenceItem]) -> bool:
    """Return whether a finding only says again what led to `asked`.

    It stands in the document of something that `question` names and `asked` does not, and has no other word of `asked`.
    """
    left = [name for name in names(question) if name.text not in asked]
    passages = [items[quote.evidence] for quote in finding.quotes if quote.evidence in items]
    if not any(is_titled(item, name) for item in passages for name in left):
        return False
    said = {family(word) for word in words(finding.statement)}
    return said.isdisjoint(family(word) for word in relations(asked, names(asked)))


def _with_overviews(analysis: Analysis, fields: Mapping[str, Any], evidence: Sequence[EvidenceItem]) -> Analysis:
    told = overviews(fields, evidence)
    if not told:
        return analysis
    findings = [each for each in analysis.findings if each.sub_question not in told]
    findings += [each for found in told.values() for each in found]
    gaps = [each for each in analysis.gaps if not told.get(each.sub_question)]
    enough = Decision.ENOUGH if findings else Decision.NOTHING
    return analysis.model_copy(
        update={"findings": findings, "gaps": gaps, "decision": analysis.decision if gaps else enough}
    )
