"""When a draft is revised: only where a revision can mend something."""

from __future__ import annotations

import pytest

from nodes.reviewer import checked_review, given_review
from state.channels import ResearchState
from state.roles import ProposedReviewFinding, Review
from state.values import (
    Claim,
    ClaimFault,
    Draft,
    DraftReview,
    Finding,
    FindingKind,
    Quote,
    ReviewFinding,
    Severity,
    Support,
)

QUOTES = {key: Quote(evidence_id=key, start=0, end=9, quote="x" * 9) for key in "AB"}


def state(*verdicts: Support, findings: str = "A") -> ResearchState:
    """Return a state whose claims cite passage A, but for the last of several, which cites B."""
    cited = ["A"] * max(1, len(verdicts) - 1) + ["B"]
    claims = tuple(
        Claim(id=f"c{n}", text="t", verdict=verdict, citations=(QUOTES[key],), fault=_fault(verdict))
        for n, (verdict, key) in enumerate(zip(verdicts, cited, strict=False), 1)
    )
    found = (Finding(id=key, statement="s", sub_question=f"q{key}", quotes=(QUOTES[key],)) for key in findings)
    return {"claims": claims, "findings": tuple(found)}


def _fault(verdict: Support) -> ClaimFault | None:
    return ClaimFault.NOT_SAID if verdict is Support.UNSUPPORTED else None


def review(verdict: str, *severities: Severity) -> Review:
    findings = [ProposedReviewFinding(claim_id="c1", severity=each, remedy="r") for each in severities]
    return Review(verdict=verdict, findings=findings)  # type: ignore[arg-type]


GOOD, BAD, UNSURE = Support.SUPPORTED, Support.UNSUPPORTED, Support.UNVERIFIED


@pytest.mark.parametrize(
    ("said", "verdicts", "findings", "verdict"),
    [
        # A failed claim is left out: nothing to mend while each part of the question keeps a sentence.
        (review("approve"), (GOOD, BAD, GOOD), "AB", "approve"),
        (review("revise"), (GOOD, BAD, GOOD), "AB", "approve"),
        (review("revise", Severity.MINOR), (GOOD, BAD, GOOD), "AB", "approve"),
        # The reviewer asks for it with a grave objection.
        (review("revise", Severity.MAJOR), (GOOD, GOOD), "AB", "revise"),
        (review("revise", Severity.MINOR, Severity.CRITICAL), (GOOD, GOOD), "AB", "revise"),
        # What nobody could verify is not verified by writing it again.
        (review("approve"), (UNSURE, UNSURE), "AB", "approve"),
        (review("revise"), (UNSURE, UNSURE), "AB", "approve"),
        # A reviewer that has seen the verdicts may let a part of the question go: the report tells it.
        (review("approve"), (GOOD, BAD), "AB", "approve"),
        (review("revise", Severity.MAJOR), (GOOD, BAD), "AB", "revise"),
        # Nothing is left.
        (review("approve"), (BAD, BAD), "AB", "revise"),
        (review("approve"), (BAD,), "", "revise"),
        (review("approve"), (), "", "revise"),
        (review("needs_human"), (GOOD, GOOD), "AB", "needs_human"),
    ],
)
def test_a_revision_needs_something_to_mend(
    said: Review, verdicts: tuple[Support, ...], findings: str, verdict: str
) -> None:
    assert checked_review(said, state(*verdicts, findings=findings))[0] == verdict


def test_a_revision_tells_the_writer_what_failed_and_what_is_lost() -> None:
    _, findings = checked_review(review("revise", Severity.MAJOR), state(GOOD, BAD, findings="AB"))
    assert [(each.claim_id, each.severity) for each in findings] == [
        ("c1", Severity.MAJOR),
        ("c2", Severity.CRITICAL),
        ("", Severity.MAJOR),
    ]
    assert findings[1].remedy == "remove or mend: unsupported, not_said"
    assert "qB" in findings[2].remedy


@pytest.mark.parametrize(
    ("verdicts", "verdict"), [((GOOD, GOOD), "approve"), ((GOOD, BAD), "revise"), ((BAD, GOOD), "revise")]
)
def test_a_conflict_of_which_only_one_side_is_left_is_revised(verdicts: tuple[Support, ...], verdict: str) -> None:
    conflict = Finding(
        id="f7", statement="s", sub_question="qA", quotes=tuple(QUOTES.values()), kind=FindingKind.CONFLICT
    )
    said, findings = checked_review(review("approve"), {**state(*verdicts), "findings": (conflict,)})
    assert said == verdict
    told = [each for each in findings if not each.claim_id]
    assert [(each.severity, "both sides of f7" in each.remedy) for each in told] == (
        [(Severity.CRITICAL, True)] if verdict == "revise" else []
    )


def test_findings_on_claims_that_do_not_exist_are_dropped() -> None:
    foreign = Review(
        verdict="revise", findings=[ProposedReviewFinding(claim_id="c9", severity=Severity.CRITICAL, remedy="r")]
    )
    assert checked_review(foreign, state(GOOD, GOOD, findings="AB")) == ("approve", ())


def test_a_given_review_counts_for_its_own_draft_only() -> None:
    given = DraftReview(
        draft_hash="h",
        verdict="revise",
        findings=(ReviewFinding(claim_id="c1", severity=Severity.MAJOR, remedy="r"),),
    )
    found = given_review({"draft": Draft(markdown="m", hash="h"), "draft_review": given})
    assert found is not None
    assert (found.verdict, found.findings[0].remedy) == ("revise", "r")
    assert given_review({"draft": Draft(markdown="m", hash="other"), "draft_review": given}) is None
    assert given_review({"draft": Draft(markdown="m", hash="h"), "draft_review": None}) is None
