"""Chats as front ends send them: whole histories, whatever is in them, and the answer to the last turn."""

from __future__ import annotations

import json
import re

import openai
import pytest

from experience.http.openai.answers import NO_QUESTION, SHORTENED
from tests.experience.http.conftest import client, served
from tests.experience.http.wire.conftest import ASKED, opened, text_of

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
PAIR = [
    {"role": "user", "content": "What is the price of Tariff B?"},
    {"role": "assistant", "content": "Tariff B costs 20 dollars a month."},
]
ODD = {
    "a long history": PAIR * 120,
    "emoji": [{"role": "user", "content": "👍"}, {"role": "assistant", "content": "🙂"}],
    "8,000 characters": [{"role": "user", "content": "word " * 1_600}, {"role": "assistant", "content": "x" * 8_001}],
    "system and developer": [
        {"role": "system", "content": "Answer in French."},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
    ],
    "tool calls": [
        {"role": "user", "content": "Look it up."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "nothing"},
        {"role": "function", "name": "f", "content": "nothing"},
    ],
    "a refusal": [*PAIR[:1], {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot."}]}],
    "an image in an earlier turn": [{"role": "user", "content": [{"type": "text", "text": "See."}, IMAGE]}, PAIR[1]],
    "control characters": [{"role": "user", "content": "a\x00b\x1b[0m"}, PAIR[1]],
    "empty turns": [{"role": role, "content": empty} for empty in ("", []) for role in ("user", "assistant")],
    "half a character": [{"role": "user", "content": "cut off \ud83d"}, PAIR[1]],
}  # fmt: skip


@pytest.mark.parametrize("history", ODD.values(), ids=ODD)
async def test_nothing_in_an_earlier_turn_is_an_error(url, history):
    body = json.dumps({"model": "sixplane/small", "messages": [*history, *ASKED]})  # the client cannot send surrogates
    async with client(url) as ann:
        answer = await ann.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert "12 dollars" in answer.json()["choices"][0]["message"]["content"]


async def test_a_turn_without_words_is_answered_without_a_run(official):
    turns = [*PAIR, {"role": "user", "content": "👍🎉"}]
    answer = await official.chat.completions.create(model="sixplane/small", messages=turns)
    assert (text_of(answer), answer.usage.total_tokens) == (NO_QUESTION, 0)
    assert answer.model_extra["sixplane"] == {"thread_id": None, "run_id": None, "report": None}
    stream = await official.chat.completions.create(model="sixplane/small", messages=turns, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == NO_QUESTION


async def test_of_a_question_that_is_too_long_both_ends_are_read(home):
    long = f"{ASKED[0]['content']} {'Ignore this filling text. ' * 400} Thank you."
    async with served(home, policy={"max_question_chars": 200}) as url, opened(url) as one:
        asked = [{"role": "user", "content": long}]
        answer = await one.chat.completions.create(model="sixplane/small", messages=asked)
    assert text_of(answer).endswith(SHORTENED)
    read = answer.model_extra["sixplane"]["report"]["question"]
    assert len(read) <= 200
    assert (read[:30], read[-10:]) == (ASKED[0]["content"], "Thank you.")


async def test_a_control_character_in_the_question_is_no_error(official):
    asked = [{"role": "user", "content": "What is the price\x07 of Tariff A?"}]
    assert "12 dollars" in text_of(await official.chat.completions.create(model="sixplane/small", messages=asked))


async def test_the_text_ends_with_numbered_sources_that_link_to_their_passages(home):
    async with served(home, server={"public_url": "https://docs.example"}) as url, opened(url) as one:
        answer = await one.chat.completions.create(model="sixplane/small", messages=ASKED)
    report = answer.model_extra["sixplane"]["report"]
    lines = text_of(answer).partition("## Sources\n\n")[2].split("\n")
    assert [line[:4] for line in lines] == [f"- [{n}" for n in range(1, len(report["evidence"]) + 1)]
    first = report["evidence"][0]
    link = f"https://docs.example/passages/small/{first['id']}?run={report['run_id']}"
    assert lines[0].startswith(f"- [1] [Tariffs]({link})")
    cited = answer.choices[0].message.annotations
    assert {each.url_citation.url for each in cited} == {
        f"https://docs.example/passages/small/{each['id']}?run={report['run_id']}" for each in report["evidence"]
    }
    for each in cited:
        mark = text_of(answer)[each.url_citation.start_index : each.url_citation.end_index]
        assert re.fullmatch(r"\[\d+\]", mark)


async def test_without_a_public_address_links_lead_to_where_the_request_was_sent(official, url):
    answer = await official.chat.completions.create(model="sixplane/small", messages=ASKED)
    assert f"]({url}/passages/small/" in text_of(answer)


async def test_without_a_page_there_is_nothing_to_link_to(home):
    async with served(home, server={"page": False}) as url, opened(url) as one:
        answer = await one.chat.completions.create(model="sixplane/small", messages=ASKED)
    assert "## Sources\n\n- [1] Tariffs" in text_of(answer)
    assert answer.choices[0].message.annotations == []


async def test_a_thread_is_continued_and_remembers_the_conversation(official):
    first = await official.chat.completions.create(
        model="sixplane/small", messages=PAIR[:1], extra_body={"thread_id": "t"}
    )
    assert first.model_extra["sixplane"]["thread_id"] == "t"
    turns = [{"role": "user", "content": "And what does it include?"}]
    named = {"thread_id": "t", "chat": "7"}
    answer = await official.chat.completions.create(model="sixplane/small", messages=turns, metadata=named)
    assert "support around the clock" in text_of(answer)
    assert answer.model_extra["sixplane"]["thread_id"] == "t"
    assert answer.model_extra["metadata"] == named


async def test_the_context_is_honoured(official):
    context = {"corpus": "small", "where": {"$title": "Falcon"}, "length": "brief"}
    answer = await official.chat.completions.create(model="sixplane", messages=ASKED, extra_body={"context": context})
    report = answer.model_extra["sixplane"]["report"]
    assert (report["corpus"]["name"], report["status"]) == ("small", "abstained")
    with pytest.raises(openai.BadRequestError) as caught:
        await official.chat.completions.create(model="sixplane/other", messages=ASKED, extra_body={"context": context})
    assert caught.value.param == "context.corpus"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("stop", "kept"), [("12 dollars", "Tariff A costs"), (["nowhere", "month"], "12 dollars")])
async def test_the_text_ends_at_a_stop(official, stop, kept, stream):
    given = {"model": "sixplane/small", "messages": ASKED, "stop": stop}
    if stream:
        pieces = [
            chunk.choices[0].delta.content or ""
            async for chunk in await official.chat.completions.create(**given, stream=True)
        ]
        text = "".join(pieces)
    else:
        text = text_of(await official.chat.completions.create(**given))
    assert kept in text
    assert not any(each in text for each in ([stop] if isinstance(stop, str) else stop))
    assert "## Sources" not in text


@pytest.mark.parametrize("few", [{"max_tokens": 1}, {"max_completion_tokens": 1}, {"max_tokens": 2_000_000}])
async def test_any_number_of_tokens_is_enough(official, few):
    answer = await official.chat.completions.create(model="sixplane/small", messages=ASKED, **few)
    assert "12 dollars" in text_of(answer)
