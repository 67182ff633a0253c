"""The scripted model: answers in order, misbehaves on request, and logs what it was asked."""

import asyncio

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import HumanMessage

from gateway.scripted import Answer, ScriptedChatModel, ScriptExhaustedError, digest, read_calls
from state.errors import ModelUnavailable, UnsupportedSchema
from state.roles import Decision, ResearchPlan, Review

PLAN = ResearchPlan(standalone_question="Why?", sub_questions=["Why?"])


def test_a_list_is_answered_in_order_and_then_exhausted():
    model = ScriptedChatModel(script=["one", Answer("two", usage=(10, 2))])
    assert model.invoke("a").text == "one"
    second = model.invoke("b")
    assert second.text == "two"
    assert second.usage_metadata == {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
    with pytest.raises(ScriptExhaustedError):
        model.invoke("c")
    assert model.calls == 3


def test_a_function_sees_the_messages_and_the_schema():
    seen = []

    def script(messages, schema):
        seen.append((messages[-1].text, schema))
        return PLAN if schema == "ResearchPlan" else {"verdict": "approve", "findings": []}

    model = ScriptedChatModel(script=script)
    assert model.with_structured_output(ResearchPlan).invoke("plan") == PLAN
    assert model.with_structured_output(Review).invoke("review").verdict == "approve"
    assert seen == [("plan", "ResearchPlan"), ("review", "Review")]


@pytest.mark.parametrize("answer", [Answer(PLAN, malformed=True), Answer(PLAN, truncated=True), Answer("no JSON")])
def test_a_malformed_answer_is_a_parsing_error(answer):
    model = ScriptedChatModel(script=[answer, answer])
    with pytest.raises(OutputParserException):
        model.with_structured_output(ResearchPlan).invoke("x")
    outcome = model.with_structured_output(ResearchPlan, include_raw=True).invoke("x")
    assert outcome["parsed"] is None
    assert isinstance(outcome["parsing_error"], OutputParserException)
    assert outcome["raw"].response_metadata["finish_reason"] == ("length" if answer.truncated else "stop")


async def test_the_log_tells_calls_in_flight_from_answered_ones(tmp_path):
    log = tmp_path / "calls.jsonl"
    model = ScriptedChatModel(script=[PLAN, Answer(raises=ModelUnavailable("down"))], log=log)
    await model.with_structured_output(ResearchPlan).ainvoke("x")
    with pytest.raises(ModelUnavailable):
        await model.ainvoke("y")
    calls = read_calls(log)
    assert [(call.event, call.ordinal, call.role_schema) for call in calls] == [
        ("asked", 0, "ResearchPlan"),
        ("answered", 0, "ResearchPlan"),
        ("asked", 1, ""),
    ]
    assert calls[0].sha256 == digest([HumanMessage("x")]) != calls[2].sha256
    assert read_calls(tmp_path / "none") == []


async def test_a_delay_can_be_cancelled():
    model = ScriptedChatModel(script=[Answer("late", delay=60)])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(model.ainvoke("x"), 0.05)
    assert model.calls == 1


def test_usage_can_be_withheld_and_other_schemas_are_refused():
    model = ScriptedChatModel(script=[Answer("x", reports_usage=False)])
    assert model.invoke("x").usage_metadata is None
    for schema in (Decision, {"type": "object"}):
        with pytest.raises(UnsupportedSchema):
            model.with_structured_output(schema)
