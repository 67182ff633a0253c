"""Routers, caps and what a run concludes: pure functions, without LangGraph."""

from __future__ import annotations

import pytest

from nodes.analyzer import route_analysis
from nodes.outcome import conclude, gaps_of, publishable
from nodes.rendering import mask_all, render_answer
from nodes.reviewer import route_review
from nodes.writer import draft_of_quotes, new_draft
from state.channels import ResearchState
from state.roles import Decision
from state.values import Claim, Draft, Finding, Gap, Mask, Quote, Status, Support, Verification
from tests.doubles.corpora import TEXTS, passage

FALCON = passage("falcon", TEXTS["falcon"])


@pytest.mark.parametrize(
    ("decision", "found", "gaps", "left", "to"),
    [
        (Decision.ENOUGH, True, True, 1, "writer"),
        (Decision.RESEARCH_MORE, True, True, 1, "researcher"),
        (Decision.RESEARCH_MORE, True, True, 0, "writer"),
        (Decision.RESEARCH_MORE, True, False, 1, "writer"),
        (Decision.NOTHING, False, True, 1, "researcher"),
        (Decision.NOTHING, False, True, 0, "publish"),
        (Decision.ENOUGH, False, True, 2, "publish"),
    ],
)
def test_the_analysis_routes(decision: Decision, found: bool, gaps: bool, left: int, to: str) -> None:
    assert route_analysis(decision, found, gaps, left) == to


@pytest.mark.parametrize(
    ("verdict", "left", "human", "to"),
    [
        ("approve", 1, False, "guard_output"),
        ("approve", 1, True, "human_review"),
        ("revise", 1, False, "writer"),
        ("revise", 0, False, "guard_output"),
        ("revise", 0, True, "human_review"),
        ("needs_human", 2, False, "guard_output"),
        ("needs_human", 2, True, "human_review"),
    ],
)
def test_the_review_routes(verdict: str, left: int, human: bool, to: str) -> None:
    assert route_review(verdict, left, human) == to  # type: ignore[arg-type]


def quote(text: str) -> Quote:
    at = FALCON.text.index(text)
    return Quote(evidence_id=FALCON.evidence_id, start=at, end=at + len(text), quote=text)


def answered(verdict: Support = Support.SUPPORTED) -> ResearchState:
    draft = Draft(markdown="The Falcon project started in 2019. [E1]", hash="h")
    claim = Claim(
        id="c1",
        text="The Falcon project started in 2019.",
        end=40,
        verdict=verdict,
        citations=(quote("started in 2019"),),
    )
    return {
        "draft": draft,
        "aliases": {"E1": FALCON.evidence_id},
        "claims": (claim,),
        "verification": Verification(draft_hash="h"),
        "stop_reason": "approved",
        "question": "q",
    }


def test_only_the_verified_draft_can_be_published() -> None:
    state = answered()
    assert len(publishable(state)) == 1
    assert publishable({**state, "verification": Verification(draft_hash="other")}) == ()


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        (answered(), Status.ANSWERED, "approved"),
        (answered(Support.UNVERIFIED), Status.PARTIAL, "unverified_claims"),
        (answered(Support.UNSUPPORTED), Status.ABSTAINED, "no_supported_claim"),
        ({"question": "q"}, Status.ABSTAINED, "no_evidence"),
        ({**answered(), "gaps": (Gap(sub_question="q1", missing="m"),)}, Status.PARTIAL, "gaps_left"),
        ({**answered(), "stop_reason": "revisions_exhausted"}, Status.PARTIAL, "revisions_exhausted"),
        ({**answered(), "status": Status.STOPPED, "stop_reason": "internal"}, Status.STOPPED, "internal"),
        ({**answered(), "status": Status.PARTIAL, "stop_reason": "budget_exceeded"}, Status.PARTIAL, "budget_exceeded"),
    ],
)
def test_a_run_concludes(state: ResearchState, status: Status, reason: str) -> None:
    assert conclude(state, publishable(state)) == (status, reason)


def test_an_abstention_names_what_is_missing() -> None:
    assert gaps_of({"question": "Who?"}, Status.ABSTAINED) == ("The corpus does not answer: Who?",)
    assert gaps_of({"question": "Who?"}, Status.ANSWERED) == ()


def test_masks_reach_the_text_and_the_quotes() -> None:
    state = answered()
    at = state["draft"].markdown.index("2019")
    state["masks"] = (Mask(start=at, end=at + 4, kind="DATE"),)
    rendered = render_answer(state["claims"], {FALCON.evidence_id: FALCON}, state)
    assert "2019" not in rendered.markdown
    assert rendered.claims[0].citations[0].quote == "started in ████"
    assert [rendered.markdown[m.start : m.end] for m in rendered.masks] == ["████"]
    assert mask_all("abc", ()) == "abc"


def test_the_findings_quotes_stand_in_for_a_draft() -> None:
    finding = Finding(id="f1", statement="s", sub_question="q1", quotes=(quote("The Falcon project started in 2019."),))
    update = draft_of_quotes((finding,), {"E1": FALCON.evidence_id})
    assert update["draft"].markdown == "The Falcon project started in 2019. [E1]"
    assert update["verification"].supported == len(update["claims"]) == 1
    assert update["verification"].draft_hash == update["draft"].hash
    assert new_draft("x", update["draft"]).revision == 1


def test_a_heading_does_not_stand_in_for_a_draft() -> None:
    heading = Quote(evidence_id=FALCON.evidence_id, start=0, end=9, quote="# Falcons")
    said = quote("Its budget was 40 million dollars.")
    finding = Finding(id="f1", statement="s", sub_question="q1", quotes=(heading, said))
    update = draft_of_quotes((finding,), {"E1": FALCON.evidence_id})
    assert update["draft"].markdown == "Its budget was 40 million dollars. [E1]"
    alone = finding.model_copy(update={"quotes": (heading,)})
    assert draft_of_quotes((alone,), {"E1": FALCON.evidence_id}) == {"draft": None}
