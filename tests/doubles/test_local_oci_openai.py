"""The local OCI on OpenAI's APIs refuses what the service refuses, as far as that is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from settings.connections.signing import SignedRequests
from tests.doubles.oci import LocalOCI, Reply
from tests.doubles.oci.openai_surface import CHAT, MULTI_AGENT, RESPONSES
from tests.doubles.oci.server import COMPARTMENT, DEPLOYMENT, STORE
from tests.doubles.oci.session import local_session

MODEL = "openai.gpt-oss-120b"
CHATTING = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
RESPONDING = {"model": MODEL, "input": "Hi", "store": False}
AGENTS = "xai.grok-4.20-multi-agent"
PREDICT, STREAM = (f"/{DEPLOYMENT}/{each}/v1/chat/completions" for each in ("predict", "predictWithResponseStream"))


@pytest.fixture(scope="module")
def oci() -> Iterator[LocalOCI]:
    """A server that all rows share."""
    with LocalOCI(lambda _: Reply("Hello."), api_key="sk-local") as server:
        yield server


ROWS: dict[str, tuple[str, dict[str, Any], dict[str, str | None], int]] = {
    "chat completions": (CHAT, CHATTING, {}, 200),
    "responses": (RESPONSES, RESPONDING, {}, 200),
    "a key in place of a signature": (CHAT, CHATTING, {"authorization": "Bearer sk-local"}, 200),
    "an unknown key": (CHAT, CHATTING, {"authorization": "Bearer sk-other"}, 401),
    "a key at a deployment": (PREDICT, CHATTING, {"authorization": "Bearer sk-local"}, 401),
    "no compartment": (CHAT, CHATTING, {"opc-compartment-id": None}, 404),
    "another compartment": (CHAT, CHATTING, {"opc-compartment-id": "ocid1.compartment.oc1..other"}, 404),
    "another project": (CHAT, CHATTING, {"openai-project": "ocid1.generativeaiproject.oc1..other"}, 404),
    "an unknown field": (CHAT, {**CHATTING, "maxTokens": 5}, {}, 400),
    "a field of the other API": (RESPONSES, {**RESPONDING, "max_tokens": 5}, {}, 400),
    "a model of Cohere": (CHAT, {**CHATTING, "model": "cohere.command-a-03-2025"}, {}, 404),
    "a model that never was": (CHAT, {**CHATTING, "model": "xai.grok-0"}, {}, 404),
    "a retired model": (RESPONSES, {**RESPONDING, "model": "meta.llama-3.1-70b-instruct"}, {}, 404),
    "a longer answer than the model gives": (CHAT, {**CHATTING, "max_tokens": 128_001}, {}, 400),
    "a model of agents on chat completions": (CHAT, {**CHATTING, "model": AGENTS}, {}, 400),
    "a model of agents on responses": (RESPONSES, {**RESPONDING, "model": AGENTS}, {}, 200),
    "stored without a store": (RESPONSES, {"model": MODEL, "input": "Hi"}, {}, 400),
    "stored": (RESPONSES, {"model": MODEL, "input": "Hi"}, {"opc-conversation-store-id": STORE}, 200),
    "another store": (RESPONSES, RESPONDING, {"opc-conversation-store-id": "ocid1.store.other"}, 404),
    "a deployment": (PREDICT, CHATTING, {}, 200),
    "a deployment that streams": (STREAM, {**CHATTING, "stream": True}, {}, 200),
    "a stream that is asked for whole": (STREAM, CHATTING, {}, 409),
    "another deployment": (PREDICT.replace("local", "other"), CHATTING, {}, 404),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_double_is_as_strict_as_the_service(oci: LocalOCI, name: str) -> None:
    path, body, headers, status = ROWS[name]
    sent = {key: value for key, value in {"opc-compartment-id": COMPARTMENT, **headers}.items() if value is not None}
    auth = None if "authorization" in headers else SignedRequests(local_session(oci).signer)
    answer = httpx.post(f"{oci.url}{path}", json=body, headers=sent, auth=auth)
    assert answer.status_code == status
    assert answer.headers["opc-request-id"]
    if status != 200:
        assert set(answer.json()) == {"code", "message"}


def test_it_refuses_a_model_of_agents_in_the_words_of_the_service(oci: LocalOCI) -> None:
    auth, sent = SignedRequests(local_session(oci).signer), {"opc-compartment-id": COMPARTMENT}
    answer = httpx.post(f"{oci.url}{CHAT}", json={**CHATTING, "model": AGENTS}, headers=sent, auth=auth)
    assert answer.json()["message"] == MULTI_AGENT
