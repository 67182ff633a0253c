"""What a session signs is accepted by the service, and an error of a call holds no secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from oci.exceptions import ServiceError
from oci.generative_ai_inference import GenerativeAiInferenceClient
from oci.generative_ai_inference import models as wire

from settings.connections.oci_inference import InferenceClients
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.configuration import KEY, PASSPHRASE, TOKEN, Files, encrypted, everything, opened
from tests.doubles.oci.server import COMPARTMENT, TENANCY, USER
from tests.doubles.oci.signature import fingerprint_of


def chat_details() -> wire.ChatDetails:
    request = wire.CohereChatRequest(message="Hello?", max_tokens=8)
    serving = wire.OnDemandServingMode(model_id="cohere.command-a-03-2025")
    return wire.ChatDetails(compartment_id=COMPARTMENT, serving_mode=serving, chat_request=request)


def api_key(_: Files) -> None:
    """Nothing but the files as they are."""


def with_passphrase(files: Files) -> None:
    files.key = encrypted(PASSPHRASE)
    files.entries["pass_phrase"] = PASSPHRASE


def with_superfluous_passphrase(files: Files) -> None:
    files.entries["pass_phrase"] = PASSPHRASE


def with_token(files: Files) -> None:
    files.token, files.entries["user"] = TOKEN + "\n", None


@pytest.mark.parametrize("prepare", [api_key, with_passphrase, with_superfluous_passphrase, with_token])
async def test_what_a_session_signs_is_accepted(tmp_path: Path, prepare: Callable[[Files], None]) -> None:
    files = Files(tmp_path / "oci")
    prepare(files)
    auth = "security_token" if files.token else "api_key"
    with LocalOCI(lambda _: "Hello", token=TOKEN) as oci:
        session = opened(files.write(), auth=auth, endpoint=oci.url)
        sync = session.client(GenerativeAiInferenceClient, name=f"t-{prepare.__name__}", endpoint=oci.url)
        assert sync.chat(chat_details()).data.chat_response.text == "Hello"
        clients = InferenceClients(session, name=f"t-async-{prepare.__name__}")
        answer, headers = await clients.call("chat", "m", chat_details())
        await clients.aclose()
        keys = {call.headers["authorization"].partition('keyId="')[2].partition('"')[0] for call in oci.calls}
    assert isinstance(answer, dict)
    assert answer["chatResponse"]["text"] == "Hello"
    assert headers["opc-request-id"]
    assert keys == {f"ST${TOKEN}" if files.token else f"{TENANCY}/{USER}/{fingerprint_of(KEY)}"}
    assert not oci.rejected


async def test_an_error_is_asked_for_once_and_holds_no_secret(tmp_path: Path) -> None:
    files = Files(tmp_path / "oci", token=TOKEN).write()
    with LocalOCI(lambda _: "Hello", token=TOKEN) as oci:
        oci.faults.add(Fault("status", "chat", times=9, status=429), Fault("status", "chat", times=9, status=401))
        session = opened(files, auth="security_token", endpoint=oci.url)
        clients = InferenceClients(session, name="t-once")
        with pytest.raises(ServiceError) as caught:
            await clients.call("chat", "m", chat_details())
        await clients.aclose()
        assert len(oci.calls) == 1
        assert TOKEN not in everything(caught.value)
