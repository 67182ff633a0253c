"""`POST /v1/responses` by OpenAI's client and by LangChain, whole and streamed."""

from __future__ import annotations

import re

import openai
import pytest
from langchain_openai import ChatOpenAI

from experience.http.openai.answers import Published
from experience.http.openai.responses import ResponseRequest, _events
from experience.service.events import RunStarted
from experience.service.runs import Run

pytestmark = pytest.mark.long  # each test opens a service of its own

QUESTION = "What is the price of Tariff A?"
TURNS = [
    {"role": "developer", "content": "Answer in French."},
    {"role": "user", "content": [{"type": "input_text", "text": "What is the price of Tariff B?"}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "nothing"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It costs 20 dollars."}]},
    {"role": "user", "content": QUESTION},
]


@pytest.mark.parametrize("given", [QUESTION, TURNS], ids=["text", "items"])
async def test_a_response_is_the_published_report(official, given):
    answer = await official.responses.create(
        model="sixplane/small",
        input=given,
        instructions="Be brief.",
        max_output_tokens=1,
        metadata={"chat": "7"},
        extra_body={"tools": None},  # some clients send what they do not use as null
    )
    assert "12 dollars" in answer.output_text
    assert "## Sources\n\n- [1] [Tariffs](" in answer.output_text
    assert (answer.status, answer.metadata, answer.store) == ("completed", {"chat": "7"}, False)
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0
    cited = answer.output[0].content[0].annotations
    assert cited
    for each in cited:
        assert re.fullmatch(r"\[\d+\]", answer.output_text[each.start_index : each.end_index])
        assert "/passages/small/" in each.url
    assert answer.model_extra["sixplane"]["report"]["status"] == "answered"


async def test_a_streamed_response_is_built_by_the_client(official):
    async with official.responses.stream(model="sixplane/small", input=QUESTION) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()
    assert "12 dollars" in final.output_text
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == final.output_text
    assert [event.sequence_number for event in events] == [*range(len(events))]
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert any(event.type == "response.output_text.annotation.added" for event in events)


async def test_langchain_reads_responses(url):
    one = ChatOpenAI(base_url=f"{url}/v1", api_key="ann", model="sixplane/small", use_responses_api=True, max_retries=0)
    assert "12 dollars" in (await one.ainvoke(QUESTION)).text
    assert "12 dollars" in "".join([piece.text async for piece in one.astream(QUESTION)])


async def test_a_thread_is_continued(official):
    for question in ("What is the price of Tariff B?", QUESTION):
        answer = await official.responses.create(
            model="sixplane/small", input=question, extra_body={"thread_id": "r", "context": {"length": "brief"}}
        )
        assert answer.model_extra["sixplane"]["thread_id"] == "r"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"background": 0}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "system", "content": "x"}]}, "body"),
    ],
)
async def test_what_is_stored_nowhere_or_unsupported_is_refused_with_the_reason(official, given, param):
    with pytest.raises(openai.BadRequestError) as caught:
        await official.responses.create(**{"model": "sixplane/small", "input": QUESTION, **given})
    assert caught.value.param.startswith(param)
    assert caught.value.type == "invalid_request_error"


async def test_a_failed_run_ends_the_stream_as_failed():
    run = Run("r", "local")
    run.take(RunStarted(sequence=1, thread_id="t", run_id="r", trace_id=""))
    run.fail(ZeroDivisionError("with a secret"))
    asked = ResponseRequest(input="What?")
    last = [event async for event in _events(Published(run, None, "", shortened=False), asked)][-1]
    assert last.event == "response.failed"
    assert "ZeroDivisionError" in last.data
    assert "secret" not in last.data
