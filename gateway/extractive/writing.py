"""The extractive writer, reviewer and judge: verbatim sentences, and objections to them. Pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from gateway.extractive.ranking import content_terms, words
from state.evidence_block import EvidenceItem
from state.roles import Judgement, ProposedReviewFinding, Review, WrittenDraft
from state.values import Severity, Support

NO_FINDINGS = "The documents do not answer this question."
_NEWLINE = "\n"
_FOCUS = 0.5  # share of the best overlap with a person's words that a finding needs to stay; a chosen value
_SUPPORTED = 0.75
"""Least score of a supported claim. A chosen value: a verbatim sentence scores 1, a paraphrase seldom reaches it."""

_IDENTITY = re.compile(r"q\d+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NEGATING_WORDS = "cannot neither never no nobody none nor not nothing nowhere without"
_NEGATIONS = frozenset(_NEGATING_WORDS.split())
_NEGATED = re.compile(r"n['’]t\b", re.IGNORECASE)
_MARKERS = re.compile(r"\s*\[E?\d+\]")
_WRONG = {
    Support.CONTRADICTED: Severity.CRITICAL,
    Support.UNSUPPORTED: Severity.MAJOR,
    Support.UNVERIFIED: Severity.MAJOR,
}
_REMEDIES = {
    Support.CONTRADICTED: "Drop this claim: its sources say otherwise.",
    Support.UNSUPPORTED: "Drop this claim: its sources do not state it.",
    Support.UNVERIFIED: "Nothing could judge this claim; a person should look at its sources.",
}


def write(fields: Mapping[str, Any], evidence: Sequence[EvidenceItem] = ()) -> WrittenDraft:
    """Return the findings as Markdown lists, grouped by sub-question, every sentence with its citation markers.

    Each sentence gets its own list item, so that it stays one claim whatever characters it begins with. With the length
    `brief`, only the best finding of each sub-question is written.
    """
    kept = _focused(_once_each(_without_objected(fields)), str(fields.get("person") or ""))
    groups: dict[str, list[str]] = {}
    for finding in kept:
        lines = groups.setdefault(str(finding["sub_question"]), [])
        if not lines or fields.get("length") != "brief":
            lines.append(_sentence(finding))
    if not groups:
        return WrittenDraft(markdown=NO_FINDINGS)
    if len(groups) == 1:
        return WrittenDraft(markdown="\n".join(line for lines in groups.values() for line in lines))
    headings = _headings(kept, evidence)
    sections = [f"## {headings[key]}\n\n{_NEWLINE.join(lines)}" for key, lines in groups.items()]
    return WrittenDraft(markdown="\n\n".join(sections))


def review(fields: Mapping[str, Any]) -> Review:
    """Return `approve` if every claim is supported and cited, otherwise objections with remedies."""
    claims = [claim for claim in fields.get("claims") or [] if Support(claim["verdict"]) in _WRONG]
    findings = [_objection(claim) for claim in claims]
    if float(fields.get("coverage", 1.0)) < 1.0:
        remedy = "Cite a source for every sentence that states something, or drop the sentence."
        findings.append(ProposedReviewFinding(severity=Severity.MAJOR, remedy=remedy))
    return Review(verdict=_verdict(findings, claims, int(fields.get("revisions_left") or 0)), findings=findings)


def judge(fields: Mapping[str, Any], similarity: float) -> Judgement:
    """Return whether the quotes support the claim.

    Args:
        fields: `claim` and `quotes`.
        similarity: the cosine between the claim and the closest quote.
    """
    claim, quotes = _plain(str(fields.get("claim", ""))), [_plain(str(quote)) for quote in fields.get("quotes") or []]
    if any(claim.rstrip(" .") in quote for quote in quotes if claim.strip(" .")):
        return Judgement(verdict=Support.SUPPORTED, score=1.0)
    contained = max((_containment(claim, quote) for quote in quotes), default=0.0)
    score = max(0.0, min(1.0, 0.7 * contained + 0.3 * similarity))
    if score < _SUPPORTED:
        return Judgement(verdict=Support.UNSUPPORTED, score=round(score, 4))
    closest = max(quotes, key=lambda quote: _containment(claim, quote))
    if _disagrees(claim, closest):
        return Judgement(verdict=Support.CONTRADICTED, score=0.0)
    return Judgement(verdict=Support.SUPPORTED, score=round(score, 4))


def _without_objected(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the findings that no review objected to; they match by text, since claims quote findings verbatim."""
    grave = (Severity.MAJOR, Severity.CRITICAL)
    objected = [
        _plain(str(each.get("claim") or "")) for each in fields.get("review") or [] if each["severity"] in grave
    ]
    return [
        finding
        for finding in fields.get("findings") or []
        if not any(claim and claim in _plain(finding["statement"]) for claim in objected)
    ]


def _once_each(findings: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return each statement once: a sentence that answers two sub-questions stays under the first."""
    return list({_plain(each["statement"]): each for each in reversed(findings)}.values())[::-1]


def _focused(findings: list[Mapping[str, Any]], person: str) -> list[Mapping[str, Any]]:
    """Return the findings closest to a person's words, closest first; all findings if none is close."""
    wanted = frozenset(content_terms(person))
    shared = {id(each): len(wanted & frozenset(content_terms(each["statement"]))) for each in findings}
    best = max(shared.values(), default=0)
    if not best:
        return findings
    near = [each for each in findings if shared[id(each)] >= _FOCUS * best]
    return sorted(near, key=lambda each: -shared[id(each)])


def _headings(findings: Sequence[Mapping[str, Any]], evidence: Sequence[EvidenceItem]) -> dict[str, str]:
    """Return the heading of each sub-question: its text, or if only its id is known, its most cited title."""
    titles = {item.alias: item.title for item in evidence}
    cited: dict[str, Counter[str]] = {}
    for finding in findings:
        key = str(finding["sub_question"])
        cited.setdefault(key, Counter()).update(filter(None, (titles.get(alias) for alias in finding["evidence"])))
    return {key: _heading(key, counted) for key, counted in cited.items()}


def _heading(key: str, titles: Counter[str]) -> str:
    text = titles.most_common(1)[0][0] if titles and _IDENTITY.fullmatch(key) else key
    return " ".join(text.split()).lstrip("# ") or key


def _sentence(finding: Mapping[str, Any]) -> str:
    statement = " ".join(str(finding["statement"]).split())
    ended = statement if re.search(r"[.!?…。！？][\"'”’»)\]）」』]*$", statement) else f"{statement}."
    return " ".join(["-", ended, *(f"[{alias}]" for alias in dict.fromkeys(finding["evidence"]))])


def _objection(claim: Mapping[str, Any]) -> ProposedReviewFinding:
    verdict = Support(claim["verdict"])
    return ProposedReviewFinding(claim_id=str(claim["id"]), severity=_WRONG[verdict], remedy=_REMEDIES[verdict])


def _verdict(
    findings: Sequence[ProposedReviewFinding], claims: Sequence[Mapping[str, Any]], revisions_left: int
) -> Literal["approve", "revise", "needs_human"]:
    if not findings:
        return "approve"
    revisable = not claims or any(Support(claim["verdict"]) is not Support.UNVERIFIED for claim in claims)
    return "revise" if revisions_left > 0 and revisable else "needs_human"


def _plain(text: str) -> str:
    return " ".join(_MARKERS.sub("", text).split()).casefold()


def _containment(claim: str, quote: str) -> float:
    wanted = content_terms(claim)
    return len(set(wanted) & set(content_terms(quote))) / len(wanted) if wanted else 0.0


def _disagrees(claim: str, quote: str) -> bool:
    numbers = set(_NUMBER.findall(claim)) - set(_NUMBER.findall(quote))
    return bool(numbers) or _is_negated(claim) != _is_negated(quote)


def _is_negated(text: str) -> bool:
    return bool(_NEGATED.search(text)) or not _NEGATIONS.isdisjoint(words(text))
