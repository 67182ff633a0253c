"""What of a run can be published, how it ended, and what stays open, all worded by code. Pure functions of the state.

No word of a model leaves here: a model's words about what is missing, or about a sentence that was left out, may come
from a document that the model obeyed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from policy import GUARD_UNAVAILABLE
from state.channels import ResearchState
from state.errors import SourceUnavailable
from state.values import (
    Claim,
    ClaimFault,
    ClaimKind,
    Draft,
    Finding,
    Quote,
    ReviewFinding,
    Severity,
    Status,
    Support,
    Verification,
)

DROPPED = "passage_dropped"
"""The kind of the event for a passage that no model reads; its detail is the passage's id and the category."""

SOURCE_FAILED = "source_failed"
"""The kind of the event for a managed source that did not answer; its detail begins with sub-question and name."""

SOURCE_UNAVAILABLE = SourceUnavailable.code
"""The stop reason of a run whose answer may lack what such a source knows."""

FAILED = (Support.CONTRADICTED, Support.UNSUPPORTED)
"""Verdicts that leave a claim out."""

GRAVE = (Severity.MAJOR, Severity.CRITICAL)
"""Severities for which a revision is worth its cost."""

NOT_REVIEWED = "not_reviewed"
"""The stop reason of a run whose settings leave out the reviewer."""

_APPROVED = ("", "approved", "approved_by_person", NOT_REVIEWED)
FAULT_WORDS = {
    ClaimFault.UNCITED: "no source is cited",
    ClaimFault.UNKNOWN_ALIAS: "the cited passage does not exist",
    ClaimFault.NO_STATEMENT: "only titles or headings are cited",
    ClaimFault.NUMBER: "a number is not in the sources",
    ClaimFault.UNIT: "a unit is another one than in the sources",
    ClaimFault.DATE: "a date is not in the sources",
    ClaimFault.NEGATION: "the source says the opposite",
    ClaimFault.OPPOSITE: "the source says the opposite",
    ClaimFault.ADDRESS: "an address is not in the quotes",
    ClaimFault.CODE: "the code is not in the source word for word",
    ClaimFault.HEADER: "the header of their table is not in the sources",
    ClaimFault.NOT_SAID: "the sources do not say it",
    ClaimFault.SAID_OTHERWISE: "the sources say otherwise",
}
"""Why a claim failed, in words of the program."""


def stating(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return the claims that state something: all but headings and headers of tables."""
    return tuple(claim for claim in claims if claim.kind.states)


def tally(claims: Sequence[Claim], draft: Draft, judge: str) -> Verification:
    """Count the verdicts on what the draft states, headings aside. Coverage is the share that cites something."""
    stated = stating(claims)
    counts = Counter(claim.verdict for claim in stated)
    return Verification(
        claims=len(stated),
        supported=counts[Support.SUPPORTED],
        contradicted=counts[Support.CONTRADICTED],
        unsupported=counts[Support.UNSUPPORTED],
        unverified=counts[Support.UNVERIFIED],
        coverage=round(sum(bool(claim.citations) for claim in stated) / len(stated), 4) if stated else 0.0,
        judge=judge,
        draft_hash=draft.hash,
    )


def publishable(state: ResearchState) -> tuple[Claim, ...]:
    """Return the claims that may be published: supported ones, and unverified ones, which the text marks.

    A heading is published only if it is supported: a mark of doubt on it would not say what is in doubt. A table's
    header that nobody verified stays, since its rows cannot be read without it and are marked themselves.
    """
    # Only if the verification belongs to exactly this draft: a last revision must not escape its check.
    draft, verification = state.get("draft"), state.get("verification") or Verification()
    if draft is None or verification.draft_hash != draft.hash:
        return ()
    return kept(state.get("claims", ()))


def kept(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return the claims that did not fail, each without a section whose heading did."""
    stay = [claim for claim in claims if _stays(claim)]
    headings = {claim.text for claim in stay if claim.kind is ClaimKind.HEADING}
    return tuple(claim if claim.section in headings else claim.model_copy(update={"section": ""}) for claim in stay)


def unanswered(state: ResearchState, claims: Sequence[Claim]) -> tuple[str, ...]:
    """Return the ids of the sub-questions that have findings, but no claim among `claims` that rests on these."""
    findings = state.get("findings", ())
    cited = [quote for claim in stating(claims) for quote in claim.citations]
    asked = dict.fromkeys(finding.sub_question for finding in findings)
    return tuple(key for key in asked if not _rests_on(cited, key, findings))


def conclude(state: ResearchState, claims: Sequence[Claim]) -> tuple[Status, str]:
    """Return the status of the run and its reason. Sentences that were left out do not make an answer partial."""
    reason = state.get("stop_reason") or ""
    ended, stated = state.get("status"), stating(claims)
    if ended is not None:
        return (Status.PARTIAL, reason) if ended is Status.PARTIAL and stated else (_without_claims(ended), reason)
    if not stated:
        unknown = _unknown(state)
        if unknown:
            return Status.STOPPED, unknown
        return Status.ABSTAINED, "no_evidence" if not state.get("draft") else "no_supported_claim"
    if reason not in _APPROVED:
        return Status.PARTIAL, reason
    draft = state.get("draft")
    if draft is not None and draft.cut_off:
        return Status.PARTIAL, "draft_truncated"
    if state.get("gaps"):
        return Status.PARTIAL, "gaps_left"
    if failed_sources(state):
        return Status.PARTIAL, SOURCE_UNAVAILABLE
    if any(claim.verdict is Support.UNVERIFIED for claim in stated):
        return Status.PARTIAL, "unverified_claims"
    if unanswered(state, stated):
        return Status.PARTIAL, "findings_left_out"
    return Status.ANSWERED, reason or "approved"


def _unknown(state: ResearchState) -> str:
    """Return why nobody knows whether the corpus answers the question; empty where it is known that it does not."""
    if unscreened(state):
        return GUARD_UNAVAILABLE
    return SOURCE_UNAVAILABLE if failed_sources(state) else ""


def unscreened(state: ResearchState) -> bool:
    """Whether a passage was dropped only because a guard could not answer."""
    return any(
        each.kind == DROPPED and each.detail.endswith(f": {GUARD_UNAVAILABLE}") for each in state.get("events", ())
    )


def failed_sources(state: ResearchState) -> dict[str, int]:
    """Return for how many parts of the question each managed source did not answer, by name."""
    failed = (each.detail.split(": ", 2) for each in state.get("events", ()) if each.kind == SOURCE_FAILED)
    return dict(sorted(Counter(name for _, name, *_ in failed).items()))


def gaps_of(state: ResearchState, status: Status) -> tuple[str, ...]:
    """Return the texts of the gaps, each once. An abstention always names at least one."""
    gaps = tuple(dict.fromkeys(gap.missing for gap in state.get("gaps", ())))
    if gaps or status is not Status.ABSTAINED:
        return gaps
    return (f"The corpus does not answer: {state.get('question') or ''}",)


def unresolved(state: ResearchState, shown: Iterable[Claim] | None = None) -> tuple[str, ...]:
    """Return what was left out and why, and how many objections of the reviewer no revision met.

    `shown` are the claims of the report; without them, all that pass are taken to be shown.
    """
    failed = [claim for claim in state.get("claims", ()) if not _stays(claim)]
    reasons = Counter(FAULT_WORDS[claim.fault or ClaimFault.NOT_SAID] for claim in stating(failed))
    lines = [f"{_many(count, 'sentence')} left out: {reason}." for reason, count in reasons.items()]
    headings = len(failed) - len(stating(failed))
    if headings:
        lines.append(f"{_many(headings, 'heading')} left out: no source carries {'them' if headings > 1 else 'it'}.")
    bare = len(stating(publishable(state))) - len(stating(shown)) if shown is not None else 0
    if bare > 0:
        lines.append(
            f"{_many(bare, 'sentence')} left out: what {'they introduce' if bare > 1 else 'it introduces'} was."
        )
    lost = len(unanswered(state, publishable(state))) if state.get("claims") else 0
    if lost:
        lines.append(
            f"No sentence is left on {lost} part{'s' * (lost > 1)} of the question, though there are findings."
        )
    for name, parts in failed_sources(state).items():
        lines.append(f"The source {name} did not answer for {parts} part{'s' * (parts > 1)} of the question.")
    return (*lines, *_unmet(state, failed))


def _unmet(state: ResearchState, failed: Iterable[Claim]) -> Iterable[str]:
    """Yield the count of the objections that stand, without those to claims that were left out."""
    if state.get("stop_reason") in _APPROVED:
        return
    gone = {claim.id for claim in failed}
    open_: list[ReviewFinding] = [each for each in state.get("review", ()) if each.claim_id not in gone]
    for severity, count in sorted(Counter(each.severity for each in open_).items()):
        yield f"{count} {severity.value} objection{'s' * (count > 1)} of the review not met."


def _rests_on(cited: Sequence[Quote], sub_question: str, findings: Sequence[Finding]) -> bool:
    """Whether one of `cited` overlaps a quote of its findings, or is of a passage that these alone quote."""
    own = [quote for finding in findings if finding.sub_question == sub_question for quote in finding.quotes]
    others = {q.evidence_id for finding in findings if finding.sub_question != sub_question for q in finding.quotes}
    exclusive = {quote.evidence_id for quote in own} - others
    return any(
        quote.evidence_id in exclusive
        or any(
            quote.evidence_id == other.evidence_id and quote.start < other.end and other.start < quote.end
            for other in own
        )
        for quote in cited
    )


def _stays(claim: Claim) -> bool:
    if claim.kind is ClaimKind.HEADING:
        return claim.verdict is Support.SUPPORTED
    return claim.verdict not in FAILED and (bool(claim.citations) or not claim.kind.states)


def _without_claims(status: Status) -> Status:
    return Status.STOPPED if status is Status.PARTIAL else status


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s were' if count > 1 else ' was'}"
