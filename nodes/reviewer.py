"""`reviewer`: approves the verified draft, requests a revision, or requests a person's decision.

A revision costs a call and begins the checks anew, so there must be something that it can mend. A sentence that failed
is left out without one, and a claim that nobody could verify is not verified by writing it again.
"""

from __future__ import annotations

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from nodes.collaborators import Collaborators, context_of
from nodes.outcome import FAILED, GRAVE, NOT_REVIEWED, kept, stating, unanswered
from nodes.prompts.reviewer import review_messages
from nodes.research.findings import one_sided
from state.channels import ResearchContext, ResearchState
from state.roles import ProposedReviewFinding, Review
from state.values import Claim, DraftReview, Finding, ReviewFinding, Role, Severity

Verdict = Literal["approve", "revise", "needs_human"]


class Reviewer:
    """Reviews each draft. `revisions` is increased here and nowhere else: a loop has one counter."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(
        self, state: ResearchState, runtime: Runtime[ResearchContext]
    ) -> Command[Literal["writer", "human_review", "guard_output"]]:
        context = context_of(runtime)
        if not self._to.review:
            goto = route_review("approve", 0, context.human_review)
            return Command(update={"review": (), "stop_reason": NOT_REVIEWED}, goto=goto)
        left = await self._to.rounds_left(runtime, context.max_revisions - state.get("revisions", 0))
        review = given_review(state)
        if review is None:
            review = await self._to.ask(runtime, Role.REVIEWER, Review, review_messages(state, context, left))
        verdict, findings = checked_review(review, state)
        goto = route_review(verdict, left, context.human_review)
        revisions = state.get("revisions", 0) + (goto == "writer")
        update = {"review": findings, "revisions": revisions, "stop_reason": _stop_reason(verdict, goto)}
        return Command(update=update, goto=goto)


def given_review(state: ResearchState) -> Review | None:
    """Return the review that the judge of this very draft gave with its verdicts."""
    draft, given = state.get("draft"), state.get("draft_review")
    if draft is None or given is None or given.draft_hash != draft.hash:
        return None
    return review_of(given)


def review_of(given: DraftReview) -> Review:
    """Return a stored review as the reviewer's answer."""
    findings = [ProposedReviewFinding(**finding.model_dump()) for finding in given.findings]
    return Review(verdict=given.verdict, findings=findings)


def route_review(
    verdict: Verdict, revisions_left: int, human_review: bool
) -> Literal["writer", "human_review", "guard_output"]:
    """Return the next node. This is the cap of the loop: without revisions left, the draft goes on as it is."""
    if verdict == "revise" and revisions_left > 0:
        return "writer"
    return "human_review" if human_review else "guard_output"


def checked_review(review: Review, state: ResearchState) -> tuple[Verdict, tuple[ReviewFinding, ...]]:
    """Return verdict and findings, checked by code.

    Findings name existing claims. A wish for a revision counts with a major or critical finding only. A draft of which
    nothing is left, or which tells only one side of a conflict, is revised even if approved. The writer is then told of
    every failed claim, and of each part of the question on which nothing is left.
    """
    claims = state["claims"]
    told = stating(kept(claims))
    conflicts = one_sided(state.get("findings", ()), {quote.evidence_id for each in told for quote in each.citations})
    known = {claim.id for claim in claims}
    findings = tuple(
        ReviewFinding(claim_id=found.claim_id, severity=found.severity, remedy=found.remedy)
        for found in review.findings
        if not found.claim_id or found.claim_id in known
    )
    verdict: Verdict = review.verdict
    if verdict == "revise" and not any(found.severity in GRAVE for found in findings):
        verdict = "approve"
    if verdict == "approve" and (conflicts or not told):
        verdict = "revise"
    if verdict != "revise":
        return verdict, findings
    named = {found.claim_id for found in findings}
    failed = [claim for claim in claims if claim.verdict in FAILED and claim.id not in named]
    more = (*map(_to_tell, conflicts), *map(_to_mend, failed), *map(_to_say, unanswered(state, kept(claims))))
    return verdict, (*findings, *more)


def _to_mend(claim: Claim) -> ReviewFinding:
    why = f"{claim.verdict.value}, {claim.fault.value}" if claim.fault else claim.verdict.value
    return ReviewFinding(claim_id=claim.id, severity=Severity.CRITICAL, remedy=f"remove or mend: {why}")


def _to_tell(conflict: Finding) -> ReviewFinding:
    # A source that is contradicted by another, told as if it were alone, misleads although every sentence is true.
    remedy = f"tell both sides of {conflict.id}, each with its own citation: the draft cites one of them only"
    return ReviewFinding(claim_id="", severity=Severity.CRITICAL, remedy=remedy)


def _to_say(sub_question: str) -> ReviewFinding:
    remedy = f"say what the findings of {sub_question} say: no sentence about it stood the check"
    return ReviewFinding(claim_id="", severity=Severity.MAJOR, remedy=remedy)


def _stop_reason(verdict: Verdict, goto: str) -> str:
    if goto == "writer":
        return ""
    return {"approve": "approved", "revise": "revisions_exhausted", "needs_human": "needs_human"}[verdict]
