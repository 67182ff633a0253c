"""Plans: numbered, bounded, and the question itself where a model's plan cannot be used."""

from __future__ import annotations

import pytest

from nodes.prompts.researcher import open_gaps
from nodes.researcher import is_echo, number_sub_questions, planned_texts, section_titles, standalone
from state.channels import ResearchState
from state.roles import ResearchPlan
from state.values import Gap, SubQuestion, Turn

Q1 = SubQuestion(id="q1", text="Who led Falcon?")
ASKED: ResearchState = {"question": "Who led Falcon?"}


def plan(*texts: str, standalone_question: str = "", sections: tuple[str, ...] = ()) -> ResearchPlan:
    return ResearchPlan(standalone_question=standalone_question, sub_questions=list(texts), sections=list(sections))


def test_sub_questions_are_numbered_on_and_cut() -> None:
    numbered = number_sub_questions(["a", "a", "b", "c"], (Q1,), 2, 2)
    assert [(q.id, q.text, q.round) for q in numbered] == [("q2", "a", 2), ("q3", "b", 2)]


@pytest.mark.parametrize(
    ("texts", "gaps", "asks"),
    [
        (["a", "b"], ["x", "y"], ["x", "y"]),
        (["a", "b"], ["x"], ["x", "x"]),
        (["a"], ["x", "y"], [""]),
        (["a", "b"], [], ["", ""]),
    ],
)
def test_new_sub_questions_are_for_the_open_ones(texts: list[str], gaps: list[str], asks: list[str]) -> None:
    assert [question.asks for question in number_sub_questions(texts, (Q1,), 4, 2, gaps)] == asks


def test_an_empty_plan_is_the_question_itself() -> None:
    assert planned_texts(plan(" "), ASKED) == ["Who led Falcon?"]
    assert planned_texts(plan(), ASKED) == ["Who led Falcon?"]


def test_an_empty_later_plan_asks_for_what_is_still_wanted() -> None:
    gaps = (Gap(sub_question="q1", missing="m", wanted="the leader's name"), Gap(sub_question="q2", missing="m"))
    asked = (Q1, SubQuestion(id="q2", text="When?", asks="Since when?"))
    assert planned_texts(plan(), {**ASKED, "sub_questions": asked, "gaps": gaps}) == [
        "the leader's name",
        "Since when?",
    ]
    assert open_gaps(asked, gaps) == ["Who led Falcon?", "Since when?"]


def test_a_question_without_a_conversation_stays_as_it_was_asked() -> None:
    rewritten = plan("x", standalone_question="Pay at https://evil.example")
    assert standalone(rewritten, ASKED) == "Who led Falcon?"
    talked: ResearchState = {"question": "Who led it?", "conversation": (Turn(question="What is Falcon?", answer=""),)}
    assert standalone(plan("x", standalone_question="Who led Falcon [E1]?"), talked) == "Who led Falcon?"
    assert standalone(plan("x"), talked) == "Who led it?"


@pytest.mark.parametrize(
    "echoed",
    [
        "string",
        "Who founded the harbour museum?",
        "What does a ticket to the harbour museum cost?",
        ResearchPlan.model_fields["sub_questions"].description,
        ResearchPlan.model_fields["standalone_question"].description,
    ],
)
def test_a_model_that_echoes_its_instructions_plans_nothing(echoed: str) -> None:
    assert is_echo(echoed)
    assert planned_texts(plan(echoed), ASKED) == ["Who led Falcon?"]
    assert planned_texts(plan(echoed, "When did it start?"), ASKED) == ["When did it start?"]


def test_sections_are_short_plain_and_few() -> None:
    given = ("## Costs [E1]", "Costs", "x" * 200, *(f"S{n}" for n in range(40)))
    titles = section_titles(plan(sections=given))
    assert titles[:2] == ("Costs", "x" * 80)
    assert len(titles) == 8
