"""The governed call: memo, budget, one deadline, one retry owner, accounting and spans."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from gateway import Answer
from gateway.governed import said_of
from gateway.governor import wait_seconds
from gateway.metering import worst_usage
from gateway.provider_error import ProviderFailure
from state.errors import (
    BudgetExceeded,
    CredentialsRefused,
    ModelOutputInvalid,
    ModelUnavailable,
    PromptTooLong,
    UnsupportedSchema,
)
from state.roles import ResearchPlan
from state.values import Usage
from tests.gateway.asked import DOWN, PLAN, PROMPT, RESERVED, SENT, Asked, StatusError


@pytest.fixture(autouse=True)
def _no_waiting(waits):
    """Take no time for back-off."""


# what comes back


async def test_an_answer_is_a_schema_instance_and_priced_calls_sum(tmp_path):
    asked = Asked(tmp_path, Answer(PLAN, usage=(10, 5)), Answer(PLAN, usage=(20, 7)))
    assert await asked.plan(task="a") == PLAN
    assert await asked.plan(task="b") == PLAN
    usage = await asked.usage()
    assert (usage.calls, usage.input_tokens, usage.output_tokens, usage.cost_micro_usd) == (2, 30, 12, 42)
    assert (usage.input_chars, usage.output_chars) == (2 * SENT, 2 * len(PLAN.model_dump_json()))


async def test_what_the_provider_does_not_report_is_counted(tmp_path):
    asked = Asked(tmp_path, Answer(PLAN, reports_usage=False))
    await asked.plan()
    usage = await asked.usage()
    assert (usage.input_tokens, usage.output_tokens) == (-(-SENT // 3), -(-len(PLAN.model_dump_json()) // 3))
    assert usage.cost_micro_usd == usage.input_tokens + usage.output_tokens


async def test_plain_chat_is_governed_too(tmp_path):
    asked = Asked(tmp_path, Answer("Hello.", usage=(3, 2)))
    assert (await asked.model().ainvoke("Hi")).text == "Hello."
    assert (await asked.usage()).cost_micro_usd == 5


def test_the_synchronous_way_is_the_same_way(tmp_path):
    asked = Asked(tmp_path, Answer("Hello.", usage=(3, 2)))
    assert asked.model().invoke("Hi").text == "Hello."
    assert asyncio.run(asked.usage()).calls == 1


@pytest.mark.parametrize("wrong", [Answer(PLAN, malformed=True), Answer(PLAN, truncated=True), "no", {"other": 1}])
async def test_a_malformed_answer_is_repaired_once_and_charged(tmp_path, wrong):
    asked = Asked(tmp_path, wrong, Answer(PLAN))
    assert await asked.plan() == PLAN
    assert asked.calls == (await asked.usage()).calls == 2


async def test_a_truncated_answer_counts_as_malformed_even_where_it_parses(tmp_path):
    whole = PLAN.model_dump_json()
    cut = Answer(whole + " " * len(whole), truncated=True)
    assert cut.text == whole
    with pytest.raises(ModelOutputInvalid, match="cut off"):
        await Asked(tmp_path, cut, cut).plan()


async def test_what_is_malformed_twice_is_an_error(tmp_path):
    asked = Asked(tmp_path, "I will not", "I will not", PLAN)
    with pytest.raises(ModelOutputInvalid, match=r"researcher.*'scripted:one'.*not JSON") as caught:
        await asked.plan()
    assert asked.calls == 2
    assert "I will not" not in f"{caught.value} {caught.value.hint}"


async def test_the_repair_tells_the_model_what_was_wrong(tmp_path):
    seen = []
    asked = Asked(tmp_path)
    asked.scripted.script = lambda messages, schema: seen.append(messages) or ({"a": 1} if len(seen) == 1 else PLAN)
    await asked.plan()
    assert [message.type for message in seen[1]] == ["system", "human", "ai", "human"]
    assert "sub_questions: Field required" in seen[1][-1].text


def test_a_synchronous_caller_gets_a_schema_too(tmp_path):
    asked = Asked(tmp_path, "I will not", PLAN)
    assert asked.model().with_structured_output(ResearchPlan).invoke(PROMPT) == PLAN
    assert asked.calls == 2


@pytest.mark.parametrize("schema", [{"type": "object"}, dict, str])
def test_only_pydantic_schemas_are_taken(tmp_path, schema):
    with pytest.raises(UnsupportedSchema):
        Asked(tmp_path).model().with_structured_output(schema)


def test_options_of_structured_output_are_refused(tmp_path):
    with pytest.raises(UnsupportedSchema):
        Asked(tmp_path).model().with_structured_output(ResearchPlan, include_raw=True)


# what fails


@pytest.mark.parametrize(
    "error", [DOWN, ConnectionError("x"), httpx.ConnectError("x"), StatusError(503), StatusError(429)]
)
async def test_a_transient_failure_is_tried_again(tmp_path, error):
    asked = Asked(tmp_path, Answer(raises=error), Answer(raises=error), PLAN)
    assert await asked.plan() == PLAN
    assert asked.calls == 3


async def test_attempts_end(tmp_path, waits):
    asked = Asked(tmp_path, *[Answer(raises=DOWN)] * 4, max_attempts=4)
    with pytest.raises(ModelUnavailable, match="4 times: it cannot be reached") as caught:
        await asked.plan()
    assert (asked.calls, len(waits.attempts)) == (4, 3)
    assert caught.value.__cause__ is DOWN
    assert await asked.usage() == Usage(calls=4)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ModelUnavailable),
        (401, CredentialsRefused),
        (403, ModelUnavailable),
        (404, ModelUnavailable),
        (413, PromptTooLong),
        (422, ModelUnavailable),
    ],
)
async def test_a_refused_request_is_not_tried_again_and_is_free(tmp_path, status, kind):
    asked = Asked(tmp_path, Answer(raises=StatusError(status)))
    with pytest.raises(kind, match=f"failed: .*{status}") as caught:
        await asked.plan()
    assert asked.calls == 1
    assert caught.value.hint
    assert "what the server said" not in str(caught.value)
    assert (await asked.usage()).cost_micro_usd == 0


@pytest.mark.parametrize(("header", "seconds"), [("12", 12.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("-3", 0.0)])
async def test_retry_after_pauses_everybody_who_calls_the_model(tmp_path, waits, header, seconds):
    await Asked(tmp_path, Answer(raises=StatusError(429, {"retry-after": header})), PLAN).plan()
    assert waits.throttled == [seconds]


async def test_retry_after_may_be_a_date(tmp_path, waits):
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    await Asked(tmp_path, Answer(raises=StatusError(429, {"retry-after": header})), PLAN).plan()
    assert 80 < waits.throttled[0] <= 90


async def test_a_retry_after_beyond_the_deadline_is_not_waited_for(tmp_path):
    asked = Asked(tmp_path, Answer(raises=StatusError(503, {"retry-after": "900"})), PLAN)
    with pytest.raises(ModelUnavailable, match="failed: it answered 503"):
        await asked.plan()
    assert asked.calls == 1


@pytest.mark.parametrize(("attempt", "low", "high"), [(1, 0.25, 0.5), (2, 0.5, 1.0), (3, 1.0, 2.0), (50, 10.0, 20.0)])
def test_waits_are_jittered_grow_and_end(attempt, low, high):
    waits = [wait_seconds(attempt, ProviderFailure("x", True, False)) for _ in range(200)]
    assert low <= min(waits) < max(waits) <= high
    assert wait_seconds(attempt, ProviderFailure("x", True, False, retry_after=high + 1)) == high + 1


async def test_what_no_provider_causes_goes_on_as_it_is_and_is_charged(tmp_path):
    asked = Asked(tmp_path, Answer(raises=ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        await asked.plan()
    assert asked.calls == 1
    assert (await asked.usage()).cost_micro_usd == RESERVED


async def test_a_call_past_its_deadline_is_given_up_and_every_attempt_charged(tmp_path):
    asked = Asked(tmp_path, *[Answer(PLAN, delay=30)] * 2, timeout_seconds=0.05, max_attempts=2)
    with pytest.raises(ModelUnavailable, match="did not answer in time"):
        await asked.plan()
    assert await asked.usage() == Usage(calls=2, cost_micro_usd=2 * RESERVED)


async def test_a_retry_that_the_budget_does_not_cover_is_not_made(tmp_path):
    asked = Asked(tmp_path, *[Answer(PLAN, delay=30)] * 3, timeout_seconds=0.05)
    with pytest.raises(BudgetExceeded):
        await asked.plan(limit=2 * RESERVED + 40)
    assert asked.calls == 2
    assert (await asked.usage()).cost_micro_usd == 2 * RESERVED


async def test_a_call_that_the_budget_does_not_cover_is_not_made(tmp_path):
    asked = Asked(tmp_path, PLAN)
    with pytest.raises(BudgetExceeded):
        await asked.plan(limit=RESERVED - 1)
    assert asked.calls == 0
    assert await asked.plan(limit=RESERVED) == PLAN


async def test_a_repair_that_the_budget_does_not_cover_is_not_made(tmp_path):
    asked = Asked(tmp_path, Answer("no", usage=(3, 90)), PLAN)
    with pytest.raises(BudgetExceeded):
        await asked.plan(limit=RESERVED + 40)
    assert asked.calls == 1


async def test_a_free_model_runs_within_a_budget_of_nothing(tmp_path):
    assert await Asked(tmp_path, PLAN, price=(0, 0)).plan(limit=0) == PLAN


async def test_equal_calls_at_once_are_one_call(tmp_path):
    asked = Asked(tmp_path, Answer(PLAN, usage=(10, 5), delay=0.05))
    assert await asyncio.gather(*(asked.plan() for _ in range(4))) == [PLAN] * 4
    assert asked.calls == 1
    assert (await asked.usage()).cost_micro_usd == 15


async def test_tools_are_part_of_what_is_reserved_and_of_what_makes_calls_equal(tmp_path):
    model = Asked(tmp_path, "a", "b", "c").model()
    most = [worst_usage(model.entry, PROMPT, 100, beside=said_of(options)) for options in ({}, {"tools": [PLAN]})]
    assert most[1].cost_micro_usd > most[0].cost_micro_usd
    keys = {model._key(PROMPT, "", 0, said_of(options)) for options in ({}, {"tools": None}, {"stop": ["x"]})}
    assert len(keys) == 2


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
OTHER = {"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}}


def calls_tool(**args):
    return AIMessage("", tool_calls=[{"name": "search", "args": args, "id": "drawn at random"}])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (HumanMessage(["See", IMAGE]), HumanMessage(["See", OTHER])),
        (HumanMessage(["See", IMAGE]), HumanMessage("See")),
        (calls_tool(q="a"), calls_tool(q="b")),
        (calls_tool(q="a"), AIMessage("")),
        (ToolMessage("x", tool_call_id="1", name="a"), ToolMessage("x", tool_call_id="1", name="b")),
    ],
)
def test_images_and_tool_calls_make_calls_different(tmp_path, one, other):
    model = Asked(tmp_path).model()
    assert model._key([one], "", 0, "") != model._key([other], "", 0, "")
    assert model._key([one], "", 0, "") == model._key([one.model_copy(update={"id": "another"})], "", 0, "")


# what a crash leaves
