"""A session of MCP over HTTP belongs to the principal that has opened it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, nullcontext
from typing import Any
from urllib.parse import urlsplit

import pytest

from experience.mcp.front import PATH, create_mcp_front
from experience.mcp.serving import create_mcp_app
from experience.service import open_service
from settings import Settings
from tests.doubles.waiting import safely
from tests.experience.http.conftest import authenticate, client, running, served
from tests.experience.http.worker.test_relay import There
from tests.experience.mcp.test_mcp import called, over_http

_ACCEPT = {"accept": "application/json, text/event-stream"}
_ASKED = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def message(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def test_others_neither_use_nor_end_a_session(home):
    async with served(home, make=create_mcp_app) as url, client(url, "ann") as ann, client(url, "bob") as bob:
        opened = await ann.post(PATH, json=message("initialize", **_ASKED), headers=_ACCEPT)
        named = {**_ACCEPT, "mcp-session-id": opened.headers["mcp-session-id"]}
        assert (await bob.post(PATH, json=message("tools/list"), headers=named)).status_code == 404
        assert (await bob.delete(PATH, headers=named)).status_code == 404
        assert (await ann.post(PATH, json=message("tools/list"), headers=named)).status_code == 200
        assert (await ann.delete(PATH, headers=named)).status_code == 200
        assert (await ann.post(PATH, json=message("tools/list"), headers=named)).status_code == 404


@pytest.mark.parametrize("size", [200, 10_000_000])
async def test_a_body_that_comes_slowly_or_is_too_large_is_refused(home, size):
    async with served(home, make=create_mcp_app, server={"request_timeout_seconds": 0.3}) as url:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        writer.write(
            f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ann\r\naccept: {_ACCEPT['accept']}\r\n"
            f'content-type: application/json\r\ncontent-length: {size}\r\n\r\n{{"jsonrpc"'.encode()
        )
        head = await safely(reader.readline())
        writer.close()
    assert (b" 408 " if size == 200 else b" 413 ") in head


@asynccontextmanager
async def relayed(home):
    """Yield the address of a server that relays all of MCP to an application, as it does to its other process."""
    given = Settings(home=home)
    worker = There(given, "nothing:is_started")
    work = create_mcp_app(given, authenticate, open_service=open_service)
    front = create_mcp_front(given, authenticate, worker)
    front.router.lifespan_context = lambda _: nullcontext()  # which would start a process
    async with work.router.lifespan_context(work), worker.receiving(work), running(front) as url:
        yield url


async def test_sessions_reach_through_the_process_that_takes_connections(home):
    async with relayed(home) as url, over_http(url) as ann:
        asked = {"question": "What is the price of Tariff A?", "corpus": "small"}
        begun = await called(ann, "research_start", **asked)
        told = []

        async def progress(done, total, message):
            told.append(message)

        watched = {"run_id": begun["run_id"], "wait_seconds": 55}
        ended = await ann.call_tool("research_result", watched, progress_callback=progress)
        assert ended.structured_content["status"] == "answered"
        assert (told[0], told[-1]) == ("guard_input", "publish")  # told while the call waited, each by itself
        async with client(url, "ann") as plain, client(url, "bob") as bob:
            opened = await plain.post(PATH, json=message("initialize", **_ASKED), headers=_ACCEPT)
            named = {**_ACCEPT, "mcp-session-id": opened.headers["mcp-session-id"]}
            assert (await bob.post(PATH, json=message("tools/list"), headers=named)).status_code == 404
            async with plain.stream("GET", PATH, headers=named) as listening:
                assert listening.headers["content-type"].startswith("text/event-stream")
                assert (await plain.delete(PATH, headers=named)).status_code == 200
                assert [each async for each in listening.aiter_raw()] in ([], [b""])
            assert (await plain.post(PATH, json=message("tools/list"), headers=named)).status_code == 404
