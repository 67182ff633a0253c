"""The gateway against a real endpoint on 127.0.0.1: what weak models and ailing servers send."""

import json
import threading

import pytest
from langchain_core.messages import HumanMessage

from state.errors import (
    CredentialsRefused,
    ModelOutputInvalid,
    ModelUnavailable,
    PromptTooLong,
    SettingsInvalid,
)
from tests.doubles.openai_server import OpenAIServer, Reply, unused_port
from tests.gateway.openai.endpoint import JSON, MODEL, PLAN, Asked, sent_chars


@pytest.fixture(autouse=True)
def _no_waiting(waits):
    """Take no time for back-off."""


async def test_an_answer_is_parsed_and_charged(tmp_path):
    with OpenAIServer(Reply(JSON, usage=(120, 30)), api_key="secret") as server:
        asked = Asked(tmp_path, server.base_url, openai={"api_key": "secret"})
        assert await asked.plan() == PLAN
    usage = await asked.usage()
    assert (usage.calls, usage.input_tokens, usage.output_tokens, usage.cost_micro_usd) == (1, 120, 30, 180)
    sent = server.requests[0]
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("small", 0.0, 500)
    assert "max_completion_tokens" not in sent
    assert sent["response_format"]["type"] == "json_schema"
    assert not sent.get("stream")
    assert sent["messages"][0]["role"] == "system"
    assert '"sub_questions"' in sent["messages"][0]["content"]


@pytest.mark.parametrize(
    "content",
    [
        f"```json\n{JSON}\n```",
        f"```\n{JSON}\n```",
        f"Certainly! Here is the plan:\n{JSON}\nI hope that helps.",
        f"<think>A {{plan}} is wanted.</think>\n{JSON}",
        f"<think>Shall it be this?\n{{}}\nNo, better:</think>\n{JSON}",
        f"Here is the plan: {JSON} I hope that helps.",
        JSON.replace("Why now?", "Why\n\tnow?"),
        json.dumps(PLAN.model_dump(), indent=2),
        f"\ufeff{JSON}",
    ],
)
async def test_what_weak_models_wrap_around_the_json_is_put_away(tmp_path, content):
    with OpenAIServer(Reply(content)) as server:
        plan = await Asked(tmp_path, server.base_url).plan()
    assert plan.standalone_question == "Why?"
    assert [question.split() for question in plan.sub_questions] == [["Why", "now?"]]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        Reply(JSON[:-5]),
        Reply('{"standalone_question": 5}'),
        Reply("I cannot."),
        Reply(""),
        Reply(JSON, finish_reason="length"),
        Reply("[]"),
        Reply("[" * 5_000),
        Reply('{"a":' * 5_000 + "1" + "}" * 5_000),
    ],
)
async def test_a_malformed_answer_is_repaired_once_and_both_are_charged(tmp_path, wrong):
    with OpenAIServer(wrong, Reply(JSON)) as server:
        asked = Asked(tmp_path, server.base_url)
        assert await asked.plan() == PLAN
    assert (await asked.usage()).calls == 2
    assert (await asked.usage()).cost_micro_usd == 2 * (100 + 2 * 20)
    first, second = (request["messages"] for request in server.requests)
    assert second[: len(first)] == first
    assert [message["role"] for message in second[len(first) :]] == ["assistant", "user"]
    assert "does not fit" in second[-1]["content"]


@pytest.mark.parametrize("wrong", [Reply("I cannot do that."), Reply(JSON, finish_reason="length")])
async def test_what_is_malformed_twice_is_an_error_without_the_answer_in_it(tmp_path, wrong):
    with OpenAIServer(wrong) as server:
        asked = Asked(tmp_path, server.base_url)
        with pytest.raises(ModelOutputInvalid, match="researcher") as caught:
            await asked.plan()
    assert len(server.requests) == 2
    assert "cannot do that" not in str(caught.value)
    assert "stronger model" in caught.value.hint


async def test_a_rate_limit_is_waited_for_as_long_as_the_server_says(tmp_path, waits):
    with OpenAIServer(Reply(status=429, headers={"Retry-After": "7"}), Reply(JSON)) as server:
        asked = Asked(tmp_path, server.base_url)
        assert await asked.plan() == PLAN
    assert waits.throttled == [7.0]
    assert len(server.requests) == 2
    assert (await asked.usage()).cost_micro_usd == 140


@pytest.mark.parametrize(
    ("status", "hint", "billed"),
    [(500, "server's log", True), (503, "server's log", True), (429, "another model", False)],
)
async def test_a_server_that_stays_down_is_unavailable_and_charged_where_it_may_have_answered(
    tmp_path, status, hint, billed
):
    with OpenAIServer(Reply(status=status)) as server:
        asked = Asked(tmp_path, server.base_url)
        with pytest.raises(ModelUnavailable, match=f"5 times: it answered {status}") as caught:
            await asked.plan()
    assert len(server.requests) == 5
    assert hint in caught.value.hint
    assert bool((await asked.usage()).cost_micro_usd) is billed


@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        (Reply(status=400), "another model"),
        (Reply(status=403), "may use"),
        (Reply(status=404), "SIXPLANE_OPENAI__BASE_URL"),
        (Reply(body="<html>Welcome</html>"), "/v1"),
        (Reply(body="null"), "/v1"),
    ],
)
async def test_what_will_not_get_better_is_asked_once_and_names_its_remedy(tmp_path, reply, hint):
    with OpenAIServer(reply) as server, pytest.raises(ModelUnavailable) as caught:
        await Asked(tmp_path, server.base_url).plan()
    assert len(server.requests) == 1
    assert hint in caught.value.hint


async def test_a_wrong_key_names_the_setting_and_is_asked_once(tmp_path):
    with OpenAIServer(Reply(JSON), api_key="secret") as server:
        asked = Asked(tmp_path, server.base_url)
        with pytest.raises(CredentialsRefused, match="it answered 401") as caught:
            await asked.plan()
    assert len(server.requests) == 1
    assert "SIXPLANE_OPENAI__API_KEY" in caught.value.hint


async def test_a_server_that_does_not_run_is_unavailable_and_costs_nothing(tmp_path):
    asked = Asked(tmp_path, f"http://127.0.0.1:{unused_port()}/v1")
    with pytest.raises(ModelUnavailable, match="5 times: it cannot be reached") as caught:
        await asked.plan()
    assert "SIXPLANE_OPENAI__BASE_URL" in caught.value.hint
    assert (await asked.usage()).cost_micro_usd == 0


async def test_a_slow_server_is_given_up_and_charged_for_every_request(tmp_path):
    with OpenAIServer(Reply(JSON, gate=threading.Event())) as server:
        asked = Asked(tmp_path, server.base_url, timeout_seconds=1.0, max_attempts=2)
        with pytest.raises(ModelUnavailable, match="did not answer in time") as caught:
            await asked.plan()
    assert "SIXPLANE_MODELS__TIMEOUT_SECONDS" in caught.value.hint
    usage = await asked.usage()
    assert usage.calls == len(server.requests) == 2
    assert usage.cost_micro_usd > 2 * 500 * 2


async def test_a_server_that_reports_no_usage_is_counted(tmp_path):
    with OpenAIServer(Reply(JSON, usage=None)) as server:
        asked = Asked(tmp_path, server.base_url)
        await asked.plan()
    usage = await asked.usage()
    sent = sent_chars(server.requests[0])
    assert (usage.input_chars, usage.output_chars) == (sent, len(JSON))
    assert (usage.input_tokens, usage.output_tokens) == (-(-sent // 3), -(-len(JSON) // 3))
    assert usage.cost_micro_usd == usage.input_tokens + 2 * usage.output_tokens


REFUSALS = {
    "response_format": "Unrecognized request argument supplied: response_format",
    "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'.",
    "temperature": "Unsupported value: 'temperature' does not support 0.0 with this model.",
}


@pytest.mark.parametrize("field", REFUSALS)
async def test_a_field_that_a_server_refuses_is_left_out_from_then_on(tmp_path, field):
    with OpenAIServer(Reply(JSON), refuses={field: REFUSALS[field]}) as server:
        asked = Asked(tmp_path, server.base_url)
        assert await asked.plan() == PLAN
        assert await asked.plan(task="another") == PLAN
    tries = 2 if field == "response_format" else 1  # as `json_schema` and as `json_object`
    assert [field in request for request in server.requests] == [*[True] * tries, False, False]
    assert [request.get("max_completion_tokens") for request in server.requests[tries:]] == (
        [500, 500] if field == "max_tokens" else [None, None]
    )
    assert (await asked.usage()).calls == 2


async def test_a_server_may_refuse_one_field_after_the_other(tmp_path):
    with OpenAIServer(Reply(JSON), refuses=REFUSALS) as server:
        assert await Asked(tmp_path, server.base_url).plan() == PLAN
    assert len(server.requests) == 5
    assert set(server.requests[-1]) - {"stream"} == {"max_completion_tokens", "messages", "model"}


async def test_a_field_is_not_blamed_for_what_it_only_stands_beside(tmp_path):
    too_long = "'max_tokens' is too large: 500. This model's maximum context length is 400 tokens."
    with OpenAIServer(Reply(status=400, error=too_long)) as server, pytest.raises(PromptTooLong) as caught:
        await Asked(tmp_path, server.base_url).plan()
    assert len(server.requests) == 1
    assert "SIXPLANE_OPENAI__CONTEXT_TOKENS" in caught.value.hint


async def test_plain_chat_is_bounded_and_not_asked_for_json(tmp_path):
    with OpenAIServer(Reply("Hello.")) as server:
        answer = await Asked(tmp_path, server.base_url).model().ainvoke("Hi", stop=["END"])
    assert answer.text == "Hello."
    sent = server.requests[0]
    assert (sent["max_tokens"], sent["stop"]) == (500, ["END"])
    assert "response_format" not in sent


async def test_a_prompt_that_the_model_cannot_take_is_refused_before_it_is_sent(tmp_path):
    with OpenAIServer(Reply(JSON)) as server:
        asked = Asked(tmp_path, server.base_url, openai={"context_tokens": 4_096})
        with pytest.raises(PromptTooLong) as caught:
            await asked.plan([HumanMessage("x" * 12_000)])
    assert server.requests == []
    assert "larger context" in caught.value.hint
    assert "SIXPLANE_OPENAI__CONTEXT_TOKENS" in caught.value.hint
    assert (await asked.usage()).calls == 0


@pytest.mark.parametrize("context_tokens", [4_096, 8_192, 131_072])
async def test_a_prompt_packed_to_the_promised_length_fits_also_when_repaired(tmp_path, context_tokens):
    with OpenAIServer(Reply("no" * 5_000), Reply(JSON)) as server:
        asked = Asked(tmp_path, server.base_url, openai={"context_tokens": context_tokens})
        room = asked.gateway.prompt_chars(MODEL, 500)
        assert room > context_tokens
        assert await asked.plan([HumanMessage("x" * room)]) == PLAN


async def test_an_endpoint_has_to_be_configured(tmp_path):
    with pytest.raises(SettingsInvalid) as caught:
        await Asked(tmp_path, "").plan()
    assert "SIXPLANE_OPENAI__BASE_URL" in caught.value.hint
