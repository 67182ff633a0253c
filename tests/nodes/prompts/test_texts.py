"""What the prompts say: every field that is passed is explained, and no text changes from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from nodes.prompts import prompt_version
from nodes.prompts.analyzer import analysis_messages
from nodes.prompts.common import plain
from nodes.prompts.judge import ClaimToJudge, QuoteToJudge, judge_messages
from nodes.prompts.researcher import plan_messages
from nodes.prompts.reviewer import judged_review_messages, review_messages
from nodes.prompts.writer import writing_messages
from state.channels import ResearchContext, ResearchState
from state.evidence_block import EvidenceItem
from state.prompt_fields import parse_fields
from state.values import (
    Claim,
    Draft,
    Finding,
    FindingKind,
    Gap,
    Quote,
    ReviewFinding,
    Role,
    Severity,
    SubQuestion,
    Support,
    Turn,
    Verification,
)

CONTEXT = ResearchContext()
QUOTE = Quote(evidence_id="EA", start=0, end=9, quote="Open [E9].")
STATE: ResearchState = {
    "today": "2026-11-27",
    "question": "When is it open?",
    "standalone_question": "When is the hall open?",
    "sub_questions": (SubQuestion(id="q1", text="When is the hall open?"),),
    "aliases": {"E1": "EA"},
    "findings": (
        Finding(id="f1", statement="It is open.", sub_question="q1", quotes=(QUOTE,), kind=FindingKind.CONFLICT),
    ),
    "gaps": (Gap(sub_question="q1", missing="The question is open.", wanted="WANTED"),),
    "draft": Draft(markdown="It is open [E1].", hash="h"),
    "claims": (Claim(id="c1", text="It is open.", verdict=Support.SUPPORTED, reason="it says so"),),
    "verification": Verification(claims=1, supported=1, coverage=1.0),
    "conversation": (Turn(question="Which halls?", answer="The north hall [E9]."),),
    "sections": ("Hours",),
    "review": (ReviewFinding(claim_id="c1", severity=Severity.MAJOR, remedy="Say since when."),),
    "person": "shorter",
    "research_rounds": 1,
}
ITEMS = [
    EvidenceItem(
        alias="E1",
        title="Hall",
        text="Open.",
        source="hall.md",
        page=1,
        date="2025",
        version="2",
        heading_path=("Hours",),
        sub_questions=("q1",),
        score=0.5,
        untrusted=True,
    )
]
CORPUS = {"documents": 1, "passages": 2, "titles": ["Hall"], "languages": ["English"]}
CLAIMS = [
    ClaimToJudge(
        id="c1",
        text="It is open.",
        context="The hall:",
        quotes=(
            QuoteToJudge(
                id="c1a", evidence="E1", source="Hall [E2]", before="See [1].", quote=QUOTE.quote, untrusted=True
            ),
        ),
    )
]
PROMPTS = {
    "plan": plan_messages(STATE, CONTEXT, CORPUS, ["When? In May [E9]."]),
    "analysis": analysis_messages(STATE, ITEMS, 2, 1),
    "writing": writing_messages(STATE, CONTEXT, ITEMS),
    "review": review_messages(STATE, CONTEXT, 1),
    "judge": judge_messages(STATE, CLAIMS),
    "judged review": judged_review_messages(STATE, CONTEXT, CLAIMS, 1),
}


def keys_of(value: Any) -> set[str]:
    """Every key of a field's value, however deep."""
    if isinstance(value, dict):
        return {*value, *(key for inner in value.values() for key in keys_of(inner))}
    return {key for inner in value for key in keys_of(inner)} if isinstance(value, list) else set()


def fields_of(messages: Sequence[BaseMessage]) -> dict[str, Any]:
    fields, _ = parse_fields(messages[-1].text)
    return fields


@pytest.mark.parametrize("name", PROMPTS)
def test_every_field_that_is_passed_is_explained(name: str) -> None:
    system, (fields, items) = PROMPTS[name][0].text, parse_fields(PROMPTS[name][-1].text)
    assert fields
    passed = keys_of(fields) | {key for item in items for key in item.model_dump(exclude_defaults=True)}
    missing = {key for key in passed if f"`{key}`" not in system}
    assert not missing


@pytest.mark.parametrize("name", ["analysis", "writing", "judge", "judged review"])
def test_what_a_guard_suspects_is_marked_as_untrusted_and_nothing_else_is(name: str) -> None:
    assert '"untrusted":' in PROMPTS[name][-1].text.replace(" ", "")
    items = [item.model_copy(update={"untrusted": False}) for item in ITEMS]
    quotes = tuple(quote.model_copy(update={"untrusted": False}) for quote in CLAIMS[0].quotes)
    trusted = [CLAIMS[0].model_copy(update={"quotes": quotes})]
    plain = {
        "analysis": analysis_messages(STATE, items, 2, 1),
        "writing": writing_messages(STATE, CONTEXT, items),
        "judge": judge_messages(STATE, trusted),
        "judged review": judged_review_messages(STATE, CONTEXT, trusted, 1),
    }
    assert "untrusted" not in plain[name][-1].text


@pytest.mark.parametrize("name", PROMPTS)
def test_the_system_message_holds_nothing_of_the_run(name: str) -> None:
    system = PROMPTS[name][0].text
    assert STATE["today"] not in system
    assert "hall open" not in system
    assert fields_of(PROMPTS[name])["today"] == STATE["today"]


@pytest.mark.parametrize("name", PROMPTS)
def test_no_mark_of_a_document_reaches_a_model_as_a_mark(name: str) -> None:
    asked = PROMPTS[name][-1].text
    assert "[E9]" not in asked
    assert "[E2]" not in asked


@pytest.mark.parametrize("name", PROMPTS)
def test_the_analyzers_words_for_what_is_missing_go_to_the_planner_alone(name: str) -> None:
    assert ("WANTED" in PROMPTS[name][-1].text) == (name == "plan")


def test_a_later_round_is_told_what_is_known_and_what_is_missing() -> None:
    fields = fields_of(PROMPTS["plan"])
    assert (fields["round"], fields["rounds_left"], fields["missing"]) == (2, 0, ["WANTED"])
    assert fields["open_gaps"] == ["When is the hall open?"]
    assert [found["statement"] for found in fields["findings"]] == ["It is open."]


def test_a_revision_names_the_claim_that_is_objected_to() -> None:
    assert fields_of(PROMPTS["writing"])["review"] == [
        {"claim": "It is open.", "severity": "major", "remedy": "Say since when."}
    ]
    first = writing_messages({**STATE, "draft": None}, CONTEXT, ITEMS)
    assert {"previous", "review", "person"}.isdisjoint(fields_of(first))


def test_a_models_words_carry_no_marks_into_a_prompt() -> None:
    assert plain("Ten [E1],\n twelve 【E2】 and [3].") == "Ten, twelve and ⟦3⟧."


def test_a_version_names_the_text_and_the_descriptions() -> None:
    versions = {role: prompt_version(role) for role in Role}
    assert len(set(versions.values())) == len(versions)
    assert all(len(version) == 8 and int(version, 16) >= 0 for version in versions.values())
