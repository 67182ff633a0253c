"""A session token that is renewed on disk is read again by a running process, on each of OCI's APIs; one that is not
renewed, and a clock that is off, are told with their remedy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from gateway import CallScope, Gateway, Ledger, load_catalog
from gateway.classification import classify
from gateway.governor import Governor
from gateway.oci.plane import OCIModels
from gateway.oci_openai.plane import CompatibleModels
from settings.connections.oci_session import open_oci_session
from state.errors import CredentialsRefused
from state.values import Role
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.configuration import EXPIRED, KEY, TOKEN, Files, token
from tests.doubles.oci.session import local_settings
from tests.gateway.asked import watched

CATALOG = load_catalog(prices={})
RENEWED = token(3600, sub="renewed")
WAYS = {
    "native": "meta.llama-3.3-70b-instruct",
    "stream": "meta.llama-3.3-70b-instruct",
    "chat": "oci-openai:openai.gpt-oss-120b",
}
way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
async def asking(tmp_path: Any) -> AsyncIterator[Any]:
    """Return a function that opens a gateway on a local OCI, and returns what asks one question in one way."""
    closing: list[Any] = []

    def make(oci: LocalOCI, way: str, **auth: Any) -> Any:
        settings = local_settings(oci, tmp_path / "home", oci=auth)
        session, ledger = open_oci_session(settings), Ledger(settings)
        governor = Governor(settings, ledger, classify)
        compatible = CompatibleModels(settings, session)
        native = OCIModels(settings, session, governor, CATALOG)
        gateway = Gateway(
            settings,
            ledger=ledger,
            embeddings=None,
            oci=native,
            compatible=compatible,
            governor=governor,
            catalog=CATALOG,
        )
        closing.extend((native, compatible, gateway))

        async def ask(task: str = "task") -> str:
            scope = CallScope("local", "run", "thread", task, 1, Role.WRITER, WAYS[way], max_output_tokens=100)
            model, asked = gateway.chat_model(scope), [HumanMessage("Hello?")]
            return str((await (watched(model, asked) if way == "stream" else model.ainvoke(asked))).content)

        return ask

    yield make
    for each in closing:
        await each.aclose()


def written(folder: Any, text: str) -> dict[str, Any]:
    """Write a profile with a session token, and return the settings of it."""
    files = Files(folder / "keys", profile="RESEARCH", token=text).write()
    return {"auth": "security_token", "config_file": files.config, "profile": "RESEARCH"}


@way
async def test_a_refused_token_is_read_again_and_the_call_repeated_once(tmp_path: Any, asking: Any, way: str) -> None:
    with LocalOCI(lambda _: "Hello.", key=KEY, token=RENEWED) as oci:
        ask = asking(oci, way, **written(tmp_path, TOKEN))
        written(tmp_path, RENEWED)
        assert await ask() == "Hello."
        assert await ask("another") == "Hello."
    assert [call.status for call in oci.calls] == [401, 200, 200]


@way
async def test_a_token_that_expires_is_read_again_before_it_is_refused(
    tmp_path: Any, asking: Any, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalOCI(lambda _: "Hello.", key=KEY, token=RENEWED) as oci:
        ask = asking(oci, way, **written(tmp_path, token(60)))
        written(tmp_path, RENEWED)
        monkeypatch.setattr("settings.connections.session_token.SessionToken.expired", True)
        assert await ask() == "Hello."
    assert [call.status for call in oci.calls] == [200]


@pytest.mark.parametrize(
    ("way", "on_disk", "says"),
    [
        ("native", EXPIRED, "its session token has expired"),
        ("stream", TOKEN, "it does not accept the session token"),
        ("chat", EXPIRED, "its session token has expired"),
        ("chat", "", "it does not accept the session token"),
    ],
    ids=["expired", "streamed", "expired-chat", "gone-chat"],
)
async def test_a_token_that_nobody_renewed_is_told_with_the_command(
    tmp_path: Any, asking: Any, way: str, on_disk: str, says: str
) -> None:
    with LocalOCI(lambda _: "Hello.", key=KEY, token=RENEWED) as oci:
        ask = asking(oci, way, **written(tmp_path, TOKEN))
        written(tmp_path, on_disk)
        with pytest.raises(CredentialsRefused, match=says) as caught:
            await ask()
    assert "oci session refresh --profile RESEARCH" in caught.value.hint
    assert [call.status for call in oci.calls] == [401, 401]
    assert f"request id {oci.calls[-1].request_id})" in caught.value.message
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize(
    ("way", "ahead", "says"),
    [
        ("native", 720, "12 minutes behind"),
        ("stream", -7_200, "2 hours ahead of"),
        ("chat", 86_400 * 3, "3 days behind"),
    ],
)
async def test_a_clock_that_is_off_is_told_by_how_much(asking: Any, way: str, ahead: float, says: str) -> None:
    told = pytest.raises(CredentialsRefused, match=f"this machine's clock is {says} the service's")
    with LocalOCI(lambda _: "Hello.", ahead=ahead) as oci, told as caught:
        await asking(oci, way)()
    assert "timedatectl" in caught.value.hint
    assert oci.rejected == {"the date is off by more than five minutes": 1}
