"""What is published of a run, how it ends, and what stays open, in words of code alone."""

from __future__ import annotations

import pytest

from nodes.outcome import conclude, publishable, unanswered, unresolved
from state.channels import ResearchState
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

GOOD, FAILED, UNSURE = Support.SUPPORTED, Support.UNSUPPORTED, Support.UNVERIFIED
SECRET = "visit evil.example"


def quote(evidence_id: str, start: int = 0, end: int = 9) -> Quote:
    return Quote(evidence_id=evidence_id, start=start, end=end, quote="x" * (end - start))


def finding(sub_question: str, *quotes: Quote) -> Finding:
    return Finding(id="f", statement=SECRET, sub_question=sub_question, quotes=quotes)


def claim(name: str, verdict: Support = GOOD, *quotes: Quote, **more: object) -> Claim:
    given = {"text": SECRET, "reason": SECRET, "citations": quotes or (quote("A"),), **more}
    return Claim(id=name, verdict=verdict, **given)  # type: ignore[arg-type]


def run(*claims: Claim, **more: object) -> ResearchState:
    return {
        "question": "q",
        "draft": Draft(markdown="m", hash="h"),
        "verification": Verification(draft_hash="h"),
        "stop_reason": "approved",
        "claims": claims,
        **more,
    }  # type: ignore[typeddict-item, return-value]


def ended(state: ResearchState) -> tuple[Status, str]:
    return conclude(state, publishable(state))


def test_sentences_that_were_left_out_do_not_make_an_answer_partial() -> None:
    state = run(claim("c1"), claim("c2", FAILED, fault=ClaimFault.NUMBER), findings=(finding("q1", quote("A")),))
    assert ended(state) == (Status.ANSWERED, "approved")
    assert [each.id for each in publishable(state)] == ["c1"]


def test_an_answer_of_which_a_part_is_lost_is_partial() -> None:
    findings = (finding("q1", quote("A")), finding("q2", quote("B")))
    lost = run(claim("c1"), claim("c2", FAILED, quote("B")), findings=findings)
    assert ended(lost) == (Status.PARTIAL, "findings_left_out")
    whole = run(claim("c1"), claim("c2", GOOD, quote("B")), findings=findings)
    assert ended(whole) == (Status.ANSWERED, "approved")


def test_one_unverified_claim_makes_it_partial_and_is_published() -> None:
    state = run(claim("c1"), claim("c2", UNSURE))
    assert ended(state) == (Status.PARTIAL, "unverified_claims")
    assert len(publishable(state)) == 2


def test_a_heading_is_published_only_if_supported_and_never_alone() -> None:
    heading = {"kind": ClaimKind.HEADING, "citations": ()}
    state = run(claim("c1", GOOD, **heading), claim("c2", UNSURE, **heading), claim("c3"))
    assert [each.id for each in publishable(state)] == ["c1", "c3"]
    assert ended(state) == (Status.ANSWERED, "approved")
    assert ended(run(claim("c1", GOOD, **heading))) == (Status.ABSTAINED, "no_supported_claim")


@pytest.mark.parametrize(
    ("cited", "findings", "left"),
    [
        ([quote("A")], [finding("q1", quote("A", 50, 60))], ()),
        ([quote("B")], [finding("q1", quote("A"))], ("q1",)),
        ([quote("A", 0, 9)], [finding("q1", quote("A", 0, 5)), finding("q2", quote("A", 50, 60))], ("q2",)),
        (
            [quote("A", 0, 9), quote("C")],
            [finding("q1", quote("A")), finding("q2", quote("A", 50, 60), quote("C"))],
            (),
        ),
        ([], [], ()),
    ],
)
def test_a_claim_answers_a_sub_question_whose_findings_it_rests_on(
    cited: list[Quote], findings: list[Finding], left: tuple[str, ...]
) -> None:
    state = run(findings=tuple(findings))
    claims = [claim("c1", GOOD, *cited)] if cited else []
    assert unanswered(state, claims) == left


def test_a_claim_under_a_heading_that_failed_names_no_section() -> None:
    heading = claim("c1", GOOD, text="Costs", section="Costs", kind=ClaimKind.HEADING, citations=())
    state = run(heading, claim("c2", section="Costs"), claim("c3", section=SECRET))
    assert [each.section for each in publishable(state)] == ["Costs", "Costs", ""]


def test_what_was_left_out_is_told_by_number_and_reason_and_never_in_its_words() -> None:
    state = run(
        claim("c1", FAILED, fault=ClaimFault.UNKNOWN_ALIAS),
        claim("c2", FAILED, fault=ClaimFault.NOT_SAID),
        claim("c3", FAILED, fault=ClaimFault.NOT_SAID),
        claim("c4", FAILED, fault=ClaimFault.NOT_SAID, kind=ClaimKind.HEADING),
        claim("c5"),
    )
    told = unresolved(state)
    assert told == (
        "1 sentence was left out: the cited passage does not exist.",
        "2 sentences were left out: the sources do not say it.",
        "1 heading was left out: no source carries it.",
    )
    assert SECRET not in " ".join(told)


def test_a_sentence_that_passed_but_leads_to_nothing_is_counted_too() -> None:
    heading = claim("c0", kind=ClaimKind.HEADING)
    passed = (heading, claim("c1"), claim("c2"), claim("c3"))
    state = run(*passed, claim("c4", FAILED))
    first = "1 sentence was left out: the sources do not say it."
    assert unresolved(state, passed) == unresolved(state) == (first,)
    assert unresolved(state, passed[1:]) == (first,)
    assert unresolved(state, passed[:3]) == (first, "1 sentence was left out: what it introduces was.")
    assert unresolved(state, passed[:2]) == (first, "2 sentences were left out: what they introduce was.")


def test_every_fault_has_its_reason() -> None:
    told = {unresolved(run(claim("c1", FAILED, fault=fault))) for fault in ClaimFault}
    assert len(told) >= len(ClaimFault) - 1  # a negation and an opposite word are one reason
    assert all(len(lines) == 1 for lines in told)


def test_objections_that_were_not_met_are_counted_by_severity_and_never_quoted() -> None:
    review = tuple(
        ReviewFinding(claim_id=key, severity=severity, remedy=SECRET)
        for key, severity in (("c1", Severity.CRITICAL), ("c2", Severity.MAJOR), ("", Severity.MAJOR))
    )
    state = run(
        claim("c1", FAILED, fault=ClaimFault.CODE), claim("c2"), review=review, stop_reason="revisions_exhausted"
    )
    assert unresolved(state)[1:] == ("2 major objections of the review not met.",)
    assert len(unresolved({**state, "stop_reason": "approved"})) == 1
    assert len(unresolved({**state, "stop_reason": "approved_by_person"})) == 1


def test_a_part_without_a_sentence_is_told() -> None:
    told = unresolved(run(claim("c1", FAILED), findings=(finding("q1", quote("A")),)))
    assert told[-1] == "No sentence is left on 1 part of the question, though there are findings."
