"""Streams of OCI: what comes only with the last event is kept, and an answer that has ended is not waited for."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ServerDisconnectedError
from langchain_core.messages import HumanMessage

from gateway import CallScope, Gateway, Ledger, load_catalog
from gateway.classification import classify
from gateway.governor import Governor
from gateway.oci.plane import OCIModels
from gateway.oci.streams import StreamReader
from gateway.provider_error import ProviderError
from state.values import Role
from tests.doubles.oci import Fault, LocalOCI, Reply
from tests.doubles.oci.session import local_session, local_settings
from tests.gateway.asked import watched

COHERE, GENERIC = "cohere.command-a-03-2025", "meta.llama-3.3-70b-instruct"
LOOK = {"name": "look", "parameters": {"at": "this"}}


async def read(*events, tools_bound=True, then=None):
    """Return the merged message of a stream that ends after `events`, or goes on with `then`."""

    async def sent():
        for event in events:
            yield event
        if then is not None:
            await then()

    chunks = [chunk.message async for chunk in StreamReader("m", "REQ", tools_bound=tools_bound).chunks(sent())]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


def cohere(text=None, **fields):
    return {"apiFormat": "COHERE", **({} if text is None else {"text": text}), **fields}


def generic(*calls):
    return {"index": 0, "message": {"role": "ASSISTANT", "toolCalls": list(calls)}}


STOP = {"finishReason": "stop"}


def calls_of(message):
    assert message.invalid_tool_calls == []
    return [(call["name"], call["args"]) for call in message.tool_calls]


async def test_a_tool_call_that_comes_only_with_the_last_event_is_kept():
    found = await read(
        cohere("Let me "), cohere("look."), cohere("Let me look.", finishReason="COMPLETE", toolCalls=[LOOK])
    )
    assert (found.text, calls_of(found)) == ("Let me look.", [("look", {"at": "this"})])


async def test_a_tool_call_that_the_last_event_repeats_comes_once():
    found = await read(cohere("", toolCalls=[LOOK]), cohere("", finishReason="COMPLETE", toolCalls=[LOOK]))
    assert calls_of(found) == [("look", {"at": "this"})]


async def test_cohere_s_calls_of_one_event_and_of_several_are_each_their_own():
    other = {"name": "walk", "parameters": {"to": "there"}}
    once = await read(cohere("", toolCalls=[LOOK, other]), cohere("", finishReason="COMPLETE"))
    twice = await read(cohere("", toolCalls=[LOOK]), cohere("", toolCalls=[other]), cohere("", finishReason="COMPLETE"))
    assert calls_of(once) == calls_of(twice) == [("look", {"at": "this"}), ("walk", {"to": "there"})]


async def test_text_that_the_last_event_alone_brings_is_kept():
    assert (await read(cohere("Hel"), cohere("Hello.", finishReason="COMPLETE"))).text == "Hello."
    assert (await read(cohere("Hello.", finishReason="COMPLETE"))).text == "Hello."


HALVES = ('{"at": ', '"this"}')


@pytest.mark.parametrize(
    "events",
    [
        [{"id": "1", "name": "look"}, *({"id": "1", "arguments": half} for half in HALVES)],
        [{"id": "1", "name": "look"}, *({"arguments": half} for half in HALVES)],
        [{"name": "look", "arguments": '{"at": "this"}'}],
        [{"id": "1", "name": "look", "arguments": {"at": "this"}}],
        [{"id": "1", "function": {"name": "look"}}, *({"id": "1", "function": {"arguments": half}} for half in HALVES)],
    ],
    ids=["ids in every fragment", "an id in the first", "no id", "an object", "COHEREV2"],
)  # fmt: skip
async def test_fragments_of_a_call_are_put_together(events):
    assert calls_of(await read(*map(generic, events), STOP)) == [("look", {"at": "this"})]


async def test_parallel_calls_are_told_apart_by_id_by_position_or_by_name():
    def one(name, **more):
        return {"name": name, "arguments": "{}", **more}

    by_id = await read(generic(one("a", id="1")), generic(one("b", id="2")), STOP)
    by_position = await read(generic(one("a"), one("b")), STOP)
    by_name = await read(generic(one("a")), generic(one("b")), STOP)
    assert calls_of(by_id) == calls_of(by_position) == calls_of(by_name) == [("a", {}), ("b", {})]


async def test_usage_that_follows_the_end_is_read_and_the_end_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("gateway.oci.streams.USAGE_SECONDS", 0.05)
    usage = {"usage": {"promptTokens": 3, "completionTokens": 2}}
    found = await read({"message": {"content": "Hi"}}, STOP, usage, then=asyncio.Event().wait)
    assert (found.text, found.usage_metadata["total_tokens"]) == ("Hi", 5)
    assert found.response_metadata["finish_reason"] == "stop"


async def broken():
    raise ServerDisconnectedError


async def test_a_connection_that_breaks_after_the_end_loses_nothing_and_before_it_everything():
    assert (await read({"message": {"content": "Hi"}}, STOP, then=broken)).text == "Hi"
    with pytest.raises(ServerDisconnectedError):
        await read({"message": {"content": "Hi"}}, then=broken)
    with pytest.raises(ProviderError, match="no finish reason"):
        await read({"message": {"content": "Hi"}})


@pytest.mark.parametrize("event", [{"code": "500", "message": "no"}, {"error": {"code": 500, "message": "no"}}])
async def test_an_error_in_the_stream_is_a_failure_that_may_pass(event):
    with pytest.raises(ProviderError, match="its stream ended with an error") as caught:
        await read({"message": {"content": "Hi"}}, event)
    assert (caught.value.failure.transient, caught.value.failure.billed) == (True, True)


@pytest.mark.parametrize("model_id", [COHERE, GENERIC])
@pytest.mark.parametrize("reported", [True, False])
async def test_a_stream_that_stays_open_costs_one_attempt_and_gives_its_answer(
    tmp_path, monkeypatch, model_id, reported
):
    monkeypatch.setattr("gateway.oci.streams.USAGE_SECONDS", 0.1)
    with LocalOCI(lambda call: Reply("Hello there.", reported=reported)) as oci:
        oci.faults.add(Fault("stays_open", "chat", times=9))
        settings = local_settings(oci, tmp_path / "home", limits={"preset": "none"})
        ledger = Ledger(settings)
        governor = Governor(settings, ledger, classify)
        plane = OCIModels(settings, local_session(oci), governor, load_catalog(prices={}))
        gateway = Gateway(settings, ledger=ledger, embeddings=None, oci=plane, governor=governor)
        model = gateway.chat_model(CallScope("local", "run", "thread", "task", 1, Role.WRITER, model_id))
        answer = await watched(model, [HumanMessage("Hello?")])
        usage = await gateway.usage("local", "run")
        await plane.aclose()
        await ledger.aclose()
    assert answer.text == "Hello there."
    assert [call.body["chatRequest"]["isStream"] for call in oci.of("chat")] == [True]
    assert usage.calls == 1
