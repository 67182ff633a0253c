"""OCI's models on OpenAI's APIs, over the wire: signed or with a key, charged, whole or streamed."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from state.errors import ModelOutputInvalid
from tests.doubles.oci import Fault, LocalOCI, Reply
from tests.doubles.oci.server import COMPARTMENT, PROJECT, STORE
from tests.gateway.oci_openai.asking import INPUT_PRICE, JSON, MODEL, OUTPUT_PRICE, PLAN, Asked

SURFACES = {"chat": "completions", "responses": "responses"}
REPLY = Reply(JSON, usage=(1_000, 50))


@pytest.fixture(autouse=True)
def _no_waiting(waits: Any) -> None:
    """Take no time for back-off."""


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_signed_parsed_and_charged_on_each_api(tmp_path: Any, surface: str, stream: bool) -> None:
    with LocalOCI(lambda _: REPLY) as oci:
        asked = Asked(oci, tmp_path / "home", oci={"openai": {"surface": surface, "stream": stream}})
        assert await asked.plan() == PLAN
    (call,) = oci.calls
    assert (call.path, call.verified, call.status) == (SURFACES[surface], True, 200)
    assert call.headers["authorization"].startswith("Signature ")
    assert call.headers["opc-compartment-id"] == COMPARTMENT
    assert {"openai-project", "opc-conversation-store-id"}.isdisjoint(call.headers)
    assert call.body["model"] == "openai.gpt-oss-120b"
    assert bool(call.body.get("stream")) is stream
    usage = await asked.usage()
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 1_000, 50)
    assert usage.cost_micro_usd == -(-(1_000 * INPUT_PRICE + 50 * OUTPUT_PRICE) // 1_000_000)


async def test_chat_completions_and_responses_get_the_same_schema_and_length(tmp_path: Any) -> None:
    with LocalOCI(lambda _: REPLY) as oci:
        for surface in SURFACES:
            await Asked(oci, tmp_path / surface, oci={"openai": {"surface": surface}}).plan()
    chat, responses = (call.body for call in oci.calls)
    described = chat["response_format"]["json_schema"]
    assert responses["text"]["format"] == {"type": "json_schema", **described}
    assert described["name"] == "ResearchPlan"
    assert (chat["max_tokens"], responses["max_output_tokens"]) == (500, 500)
    assert (chat["temperature"], responses["temperature"]) == (0.0, 0.0)
    assert responses["store"] is False
    assert "store" not in chat


async def test_an_answer_that_was_cut_off_or_filtered_is_told_from_a_whole_one(tmp_path: Any) -> None:
    with LocalOCI(lambda _: REPLY) as oci:
        asked = Asked(oci, tmp_path / "home", oci={"openai": {"surface": "responses"}})
        oci.faults.add(Fault("truncated", times=2))
        with pytest.raises(ModelOutputInvalid, match="cut off"):
            await asked.plan()
        oci.faults.add(Fault("error_finish"))
        with pytest.raises(Exception, match="content filter"):
            await asked.plan("another")


async def test_the_request_id_of_oci_is_kept(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply("Hello.")) as oci:
        for surface in SURFACES:
            asked = Asked(oci, tmp_path / surface, oci={"openai": {"surface": surface}})
            answer = await asked.model().ainvoke([HumanMessage("Hi")])
            assert answer.text == answer.content == "Hello."
            assert len(answer.response_metadata["request_id"]) == 32
            assert answer.response_metadata["finish_reason"] == "stop"
            assert "headers" not in answer.response_metadata


async def test_an_api_key_takes_the_place_of_the_signature(tmp_path: Any) -> None:
    with LocalOCI(lambda _: REPLY, api_key="sk-local") as oci:
        keyed = {"api_key": "sk-local"}
        asked = Asked(
            oci, tmp_path / "home", models={"provider": "oci-openai", "default": MODEL}, oci={"openai": keyed}
        )
        assert await asked.plan() == PLAN
    (call,) = oci.calls
    assert call.headers["authorization"] == "Bearer sk-local"
    assert call.verified


@pytest.mark.parametrize(
    ("surface", "chosen", "sent", "stored"),
    [
        ("chat", {"project_id": PROJECT}, {"openai-project": PROJECT}, None),
        ("responses", {"project_id": PROJECT}, {"openai-project": PROJECT}, False),
        ("responses", {"project_id": PROJECT, "store": True}, {"openai-project": PROJECT}, True),
        (
            "responses",
            {"conversation_store_id": STORE},
            {"opc-compartment-id": COMPARTMENT, "opc-conversation-store-id": STORE},
            True,
        ),
        ("chat", {"conversation_store_id": STORE}, {"opc-compartment-id": COMPARTMENT}, None),
    ],
)
async def test_a_project_takes_the_place_of_the_compartment_and_nothing_is_stored_unasked(
    tmp_path: Any, surface: str, chosen: dict[str, Any], sent: dict[str, str], stored: bool | None
) -> None:
    with LocalOCI(lambda _: REPLY) as oci:
        assert await Asked(oci, tmp_path / "home", oci={"openai": {"surface": surface, **chosen}}).plan() == PLAN
    (call,) = oci.calls
    named = ("openai-project", "opc-compartment-id", "opc-conversation-store-id")
    assert {name: call.headers[name] for name in named if name in call.headers} == sent
    assert call.body.get("store") is stored


async def test_a_stream_that_ends_early_is_asked_for_again_and_charged(tmp_path: Any) -> None:
    for surface in SURFACES:
        with LocalOCI(lambda _: REPLY) as oci:
            asked = Asked(oci, tmp_path / surface, oci={"openai": {"surface": surface, "stream": True}})
            oci.faults.add(Fault("no_finish"))
            assert await asked.plan() == PLAN
            assert [call.completed for call in oci.calls] == [False, True]
        assert (await asked.usage()).calls == 2


def test_a_model_that_is_called_synchronously_works_on_every_loop(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply("Hello.")) as oci:
        asked = Asked(oci, tmp_path / "home")
        said = [asked.model(task).invoke([HumanMessage("Hi")]).text for task in ("one", "two")]
    assert said == ["Hello.", "Hello."]
