"""The memo after a crash, the span of a call, and which model a role asks."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from langchain_core.messages import HumanMessage
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from gateway import Answer
from observability import configure_tracing
from settings import load_settings
from state.channels import ResearchContext
from state.errors import CredentialsRefused, ModelUnknown
from state.evidence_block import EvidenceItem
from state.prompt_fields import render_fields
from state.values import Role, Usage
from tests.gateway.asked import DOWN, MODEL, PLAN, PROMPT, RESERVED, SENT, Asked, StatusError


@pytest.fixture(autouse=True)
def _no_waiting(waits):
    """Take no time for back-off."""


# what comes back


def evidence(*texts):
    return [
        HumanMessage(render_fields({"question": "Why?"}, [EvidenceItem(alias="E1", title="T", text=t) for t in texts]))
    ]


async def test_after_a_crash_an_answered_call_is_neither_asked_nor_charged_again(tmp_path):
    before = Asked(tmp_path, Answer("no", usage=(10, 5)), Answer(PLAN, usage=(10, 5)))
    first, second = evidence("because"), evidence("because")
    assert first[0].text != second[0].text
    assert await before.plan(first) == PLAN
    after = Asked(tmp_path)
    assert await after.plan(second) == PLAN
    assert after.calls == 0
    assert await after.usage() == await before.usage()


@pytest.mark.parametrize("other", [{"task": "other"}, {"run": "other"}, {"prompt": evidence("other")}])
async def test_another_call_is_no_memo_hit(tmp_path, other):
    await Asked(tmp_path, PLAN).plan(evidence("because"))
    after = Asked(tmp_path, PLAN)
    await after.plan(**{"prompt": evidence("because"), **other})
    assert after.calls == 1


async def test_a_call_in_flight_at_the_crash_is_charged_and_asked_again(tmp_path):
    before = Asked(tmp_path, Answer(PLAN, delay=30))
    task = asyncio.create_task(before.plan())
    await before.first_call()
    after = Asked(tmp_path, Answer(PLAN, usage=(10, 5)))
    assert await after.plan() == PLAN
    assert await after.usage() == Usage(calls=2, input_chars=SENT, output_chars=len(PLAN.model_dump_json()),
                                        input_tokens=10, output_tokens=5, cost_micro_usd=RESERVED + 15)  # fmt: skip
    task.cancel()


async def test_an_ended_run_is_asked_anew(tmp_path):
    asked = Asked(tmp_path, PLAN, PLAN)
    await asked.plan()
    await asked.gateway.end_run("local", "run")
    await asked.plan()
    assert asked.calls == 2


# what is seen


@pytest.fixture
def spans(tmp_path):
    exporter = InMemorySpanExporter()
    configure_tracing(load_settings(home=tmp_path)).add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter.get_finished_spans
    exporter.shutdown()


async def test_a_call_s_span_says_what_was_asked_and_what_it_took(tmp_path, spans):
    await Asked(tmp_path, Answer(raises=DOWN), Answer(PLAN, usage=(10, 5))).plan()
    (span,) = (each for each in spans() if each.name == f"chat {MODEL}")
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "given",
        "gen_ai.request.model": MODEL,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.conversation.id": "thread",
        "gen_ai.response.model": "scripted",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "sixplane.role": "researcher",
        "sixplane.memo": "miss",
        "sixplane.attempts": 2,
        "sixplane.cost_micro_usd": 15,
    }
    assert dict(span.attributes) == expected


async def test_an_observed_call_names_its_span(tmp_path, spans):
    seen = []
    asked = Asked(tmp_path, PLAN)
    asked.gateway._governor._telemetry = SimpleNamespace(observe=seen.append)
    await asked.plan()
    (context,) = (each.get_span_context() for each in spans() if each.name == f"chat {MODEL}")
    expected = (format(context.trace_id, "032x"), format(context.span_id, "016x"))
    assert [(call.trace_id, call.span_id) for call in seen] == [expected]


async def test_a_memo_hit_says_so(tmp_path, spans):
    await Asked(tmp_path, PLAN).plan()
    await Asked(tmp_path).plan()
    assert [span.attributes["sixplane.memo"] for span in spans()] == ["miss", "hit"]
    assert "gen_ai.usage.input_tokens" not in spans()[1].attributes


async def test_a_failure_s_span_bears_its_code_and_not_its_text(tmp_path, spans):
    with pytest.raises(CredentialsRefused):
        await Asked(tmp_path, Answer(raises=StatusError(401, {"opc-request-id": "an-id"}))).plan()
    assert spans()[0].attributes["error.type"] == "credentials_refused"
    assert spans()[0].status.status_code is StatusCode.ERROR
    told = {"http.response.status_code": 401, "sixplane.request_id": "an-id"}
    assert told.items() <= spans()[0].attributes.items()
    attempt = {"attempt": 1, "reason": "it answered 401", "error.type": "credentials_refused", **told}
    assert [dict(event.attributes) for event in spans()[0].events] == [attempt]
    assert "what the server said" not in spans()[0].to_json()


@pytest.mark.parametrize("captured", [False, True])
async def test_content_is_seen_only_where_that_was_chosen(tmp_path, spans, captured):
    telemetry = {"jsonl": False, "capture_content": captured}
    secret = PLAN.model_copy(update={"standalone_question": "the secret answer"})
    await Asked(tmp_path, secret, telemetry=telemetry).plan([HumanMessage("the secret question")])
    seen = json.dumps([json.loads(span.to_json()) for span in spans()])
    assert ("the secret question" in seen, "the secret answer" in seen) == (captured, captured)


# which model


@pytest.mark.parametrize(
    ("context", "models", "expected"),
    [
        ({}, {}, "extractive"),
        ({}, {"default": "openai:d"}, "openai:d"),
        ({}, {"default": "openai:d", "roles": {"writer": "openai:r"}}, "openai:r"),
        ({"model": "openai:c"}, {"roles": {"writer": "openai:r"}}, "openai:c"),
        ({"model": "openai:c", "models": {"writer": "openai:w"}}, {}, "openai:w"),
        ({"models": {"judge": "openai:j"}}, {}, "extractive"),
    ],
)
def test_the_nearest_choice_of_a_model_counts(tmp_path, context, models, expected):
    gateway = Asked(tmp_path, **models).gateway
    assert gateway.model_id(Role.WRITER, ResearchContext(**context)) == expected


def test_where_a_model_writes_the_reviewers_model_judges_unless_another_was_chosen(tmp_path):
    gateway = Asked(tmp_path, default="openai:d").gateway
    assert gateway.judge_id(ResearchContext()) == "openai:d"
    assert gateway.judge_id(ResearchContext(model="openai:c")) == "openai:c"
    assert gateway.judge_id(ResearchContext(models={"reviewer": "openai:r"})) == "openai:r"
    assert gateway.judge_id(ResearchContext(models={"reviewer": "extractive"})) == ""
    assert gateway.judge_id(ResearchContext(models={"judge": "openai:j"})) == "openai:j"
    assert gateway.judge_id(ResearchContext(models={"judge": "extractive"})) == ""
    chosen = Asked(tmp_path, default="openai:d", roles={"judge": "openai:j"}).gateway
    assert chosen.judge_id(ResearchContext(model="openai:c")) == "openai:j"
    assert chosen.model_id(Role.JUDGE, ResearchContext(model="openai:c")) == "openai:j"


def test_what_the_extractive_model_writes_no_model_judges_unless_one_was_chosen(tmp_path):
    gateway = Asked(tmp_path).gateway
    assert gateway.judge_id(ResearchContext()) == ""
    assert gateway.model_id(Role.JUDGE, ResearchContext()) == "extractive"
    assert gateway.judge_id(ResearchContext(models={"reviewer": "openai:r"})) == ""
    assert gateway.judge_id(ResearchContext(models={"judge": "openai:j"})) == "openai:j"
    with pytest.raises(ModelUnknown):
        gateway.judge_id(ResearchContext(models={"judge": "opnai:j"}))


def test_an_unknown_model_is_known_to_be_so_before_a_call(tmp_path):
    gateway = Asked(tmp_path).gateway
    for lookup in (
        lambda: gateway.model_id(Role.WRITER, ResearchContext(model="gpt")),
        lambda: gateway.prompt_chars("gpt"),
    ):
        with pytest.raises(ModelUnknown):
            lookup()


def test_the_extractive_model_takes_large_prompts(tmp_path):
    gateway = Asked(tmp_path).gateway
    assert gateway.prompt_chars("extractive") > 2_000_000
    assert gateway.prompt_chars("openai:small") == (8_192 - 2_048) * 3 - 6_000
    assert gateway.prompt_chars("openai:small", 100_000) == 4_096 * 3 - 6_000


async def test_a_synchronous_call_works_where_a_loop_runs(tmp_path):
    asked = Asked(tmp_path, PLAN, PLAN)
    assert asked.model(task="one").invoke(PROMPT).text
    assert (await asked.model(task="two").ainvoke(PROMPT)).text
    assert (await asked.usage()).calls == 2
