"""A proxy that opens no connection: nothing was sent to the service, so nothing is charged, and the remedy is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest

from gateway.classification import classify
from gateway.oci_openai.failures import FailureTable
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.session import local_clients, local_model

MODEL = "meta.llama-3.3-70b-instruct"


@pytest.fixture
async def proxied(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Return what sets the status with which a proxy answers a CONNECT."""
    status = 407

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")

        def answer(given: int) -> None:
            nonlocal status
            status = given

        yield answer


async def native() -> None:
    with LocalOCI(lambda _: "Hello.") as oci:
        clients = local_clients(oci, endpoint="https://genai.internal")
        try:
            await local_model(oci, MODEL, clients=clients).ainvoke("Hello?")
        finally:
            await clients.aclose()


async def compatible() -> None:
    async with httpx.AsyncClient() as client:
        asked = openai.AsyncOpenAI(
            api_key="-", base_url="https://genai.internal/v1", http_client=client, max_retries=0
        ).chat.completions
        await asked.create(model=MODEL, messages=[{"role": "user", "content": "Hello?"}])


@pytest.mark.parametrize(
    ("ask", "table"),
    [(native, classify), (compatible, classify), (compatible, FailureTable())],
    ids=["native", "openai", "compatible"],
)
@pytest.mark.parametrize(("status", "transient"), [(407, False), (403, False), (502, True)])
async def test_a_proxy_that_opens_no_connection_costs_nothing(
    proxied: Any, ask: Any, table: Any, status: int, transient: bool
) -> None:
    proxied(status)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has an error of its own
        await ask()
    failure = table(caught.value)
    assert failure.reason == f"the proxy in between opens no connection to it ({status})"
    assert (failure.transient, failure.billed, failure.kind) == (transient, False, "outage")
    assert "HTTPS_PROXY" in failure.hint
