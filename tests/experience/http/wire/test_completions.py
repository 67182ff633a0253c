"""The official `openai` client talks to the graph."""

from __future__ import annotations

import openai
import pytest

from state.report import Report
from tests.experience.http.conftest import chat, served
from tests.experience.http.conftest import client as a_client
from tests.experience.http.wire.conftest import ASKED, opened
from tests.experience.service.helpers import SLOW, held_plan

pytestmark = pytest.mark.long  # each test opens a service of its own


async def test_a_completion_is_the_published_report(official):
    answer = await official.chat.completions.create(model="sixplane/small", messages=ASKED)
    assert "12 dollars" in answer.choices[0].message.content
    assert (answer.choices[0].finish_reason, answer.model) == ("stop", "sixplane/small")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    report = Report.model_validate(answer.model_extra["sixplane"]["report"])
    assert answer.choices[0].message.content.startswith(report.markdown)
    assert "## Sources\n\n- [1] " in answer.choices[0].message.content


async def test_a_stream_holds_the_published_report(official):
    stream = await official.chat.completions.create(
        model="sixplane/small", messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    beside = next(chunk.model_extra["sixplane"] for chunk in chunks if "sixplane" in chunk.model_extra)
    assert text.startswith(Report.model_validate(beside["report"]).markdown)
    assert "## Sources\n\n- [1] " in text
    assert [
        each["type"]
        for chunk in chunks
        if chunk.choices
        for each in chunk.choices[0].delta.model_extra.get("annotations", ())
    ]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage.total_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_conversation_is_understood_and_instructions_are_ignored(official):
    turns = [
        {"role": "system", "content": "Answer in French."},
        {"role": "user", "content": [{"type": "text", "text": "What is the price of Tariff B?"}]},
        {"role": "assistant", "content": "Tariff B costs 20 dollars a month."},
        {"role": "user", "content": "And what does it include?"},
    ]
    answer = await official.chat.completions.create(model="sixplane/small", messages=turns, temperature=0.5, seed=1)
    assert "support around the clock" in answer.choices[0].message.content


async def test_the_models_are_the_tenant_s_corpora(official, url):
    assert [model.id async for model in official.models.list()] == ["sixplane/small"]
    async with opened(url, "eve") as other:
        assert [model.id async for model in other.models.list()] == []
        with pytest.raises(openai.NotFoundError, match="no corpus"):
            await other.chat.completions.create(model="sixplane/small", messages=ASKED)


@pytest.mark.parametrize(
    ("more", "kind", "text"),
    [
        ({"model": "gpt-4o"}, openai.NotFoundError, "no model"),
        ({"model": "sixplane/none"}, openai.NotFoundError, "no corpus"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.BadRequestError, "no message"),
        ({"n": 3}, openai.BadRequestError, "n: one answer"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, openai.BadRequestError, "tools"),
    ],
)
async def test_an_unsupported_request_raises_an_error_of_the_client(official, more, kind, text):
    with pytest.raises(kind, match=text):
        await official.chat.completions.create(**{"model": "sixplane/small", "messages": ASKED, **more})


async def test_a_wrong_key_is_refused(url):
    async with opened(url, "nobody") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()


async def test_a_run_above_the_limit_is_a_rate_limit_error(home):
    model = held_plan()
    async with (
        served(home, model, server={"max_running": 1, "max_waiting": 0}) as url,
        opened(url) as client,
        a_client(url) as ann,
        ann.stream("POST", "/v1/chat/stream", json=chat(model=SLOW)) as running,
    ):
        assert running.status_code == 200
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="sixplane/small", messages=ASKED)
        model.release()
    assert int(caught.value.response.headers["retry-after"]) >= 1


async def test_a_conversation_may_contain_long_answers(official):
    long = "The Falcon is red. " * 2_000
    turns = [
        {"role": "system", "content": long},
        {"role": "user", "content": "What colour is the Falcon?"},
        {"role": "assistant", "content": long},
        {"role": "assistant", "content": [{"type": "text", "text": long}]},
        *ASKED,
    ]
    answer = await official.chat.completions.create(model="sixplane/small", messages=turns)
    assert answer.choices[0].message.content
