"""Messages, a model and parameters, answered with content, usage and metadata beside the report."""

from __future__ import annotations

import pytest

from experience.http.contract import ChatResponse
from tests.experience.http.conftest import client, events_of, served
from tests.experience.service.helpers import SLOW, slow_plan

TURNS = [
    {"role": "system", "content": "Answer in French."},
    {"role": "user", "content": "What is the price of Tariff A?"},
]


def asked(**more):
    return {"messages": TURNS, "model": "sixplane/small", "parameters": {}, **more}


@pytest.fixture
async def ann(home):
    async with served(home, slow_plan(0)) as url, client(url) as one:
        yield one


async def test_chat_answers_with_content_usage_and_metadata(ann):
    given = asked(model=SLOW, parameters={"max_tokens": 1, "temperature": 0.5}, context={"corpus": "small"})
    answer = ChatResponse.model_validate((await ann.post("/v1/chat", json={**given, "thread_id": "t"})).json())
    assert answer.content.startswith(answer.report.markdown)
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert (answer.metadata.thread_id, answer.metadata.corpus) == ("t", "small")
    assert answer.metadata.run_id == answer.report.run_id
    assert set(answer.report.models.values()) == {SLOW}


async def test_the_stream_and_the_batch_take_the_same_request(ann):
    given = asked(model=SLOW, context={"corpus": "small"})
    async with ann.stream("POST", "/v1/chat/stream", json=given) as answer:
        events = await events_of(answer)
    assert events[-1][1]["type"] == "report"
    items = (await ann.post("/v1/batch", json={"requests": [given, asked(model="sixplane/none")]})).json()["items"]
    assert items[0]["response"]["content"].startswith(items[0]["response"]["report"]["markdown"])
    assert (items[1]["status"], items[1]["problem"]["code"]) == ("failed", "corpus_missing")


@pytest.mark.parametrize(
    ("more", "status", "place"),
    [
        ({"parameters": {"spy": 1}}, 422, "body.parameters.spy"),
        ({"parameters": {"max_tokens": 0}}, 422, "body.parameters.max_tokens"),
        ({"messages": []}, 422, "body.messages"),
        ({"messages": TURNS[:1]}, 422, "body"),
        ({"messages": [{"role": "user", "content": "👍"}]}, 422, "body.messages.0.user.content"),
        ({"model": "gpt-99"}, 404, None),
        ({"context": {"corpus": "other"}}, 404, None),
    ],
)
async def test_a_request_that_cannot_be_answered_names_the_reason(ann, more, status, place):
    refused = await ann.post("/v1/chat", json=asked(**{"context": {"corpus": "small"}, **more}))
    assert refused.status_code == status, refused.text
    assert [fault["place"] for fault in refused.json()["faults"]][:1] == ([place] if place else [])
    assert (await ann.get("/v1/threads")).json()["threads"] == []
