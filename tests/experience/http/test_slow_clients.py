"""Clients that send or read slowly hold no memory that grows, and no connection for ever."""

from __future__ import annotations

import asyncio
import socket
from contextlib import nullcontext, suppress
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse

from experience.http.app import create_app
from experience.http.worker import Relay
from settings import Settings
from tests.doubles.waiting import safely
from tests.experience.http.conftest import authenticate, client, running
from tests.experience.http.test_before_the_body import with_desk
from tests.experience.http.worker.test_relay import There

HEAD = (
    b"POST /v1/chat HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: application/json\r\n"
    b"content-length: 999\r\n\r\n"
)


async def dripped(url, at_once, rest):
    """Send `at_once`, then a byte now and then, and return what the server answered before it closed."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)

    async def drip():
        for byte in rest:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    writer.write(at_once)
    dripping = asyncio.create_task(drip())
    with suppress(ConnectionError):
        answer = b""
        while more := await safely(reader.read(1000)):
            answer += more
    assert not dripping.done()  # the server did not wait for the end
    dripping.cancel()
    writer.close()
    return answer


async def test_a_client_that_sends_a_byte_now_and_then_is_not_waited_for(tmp_path):
    given = Settings(home=tmp_path, server={"request_timeout_seconds": 0.3})
    app = with_desk(create_app(given, authenticate), tmp_path)
    app.router.lifespan_context = lambda _: nullcontext()
    body = b'{"question": "' + b"x" * 900
    head, probe = HEAD[:-4] + b"x" * 900, b"GET /v1/health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    async with running(app, given.server) as url:
        slow_body, refused_body, slow_head, slow_second = await asyncio.gather(
            dripped(url, HEAD, body),
            dripped(url, HEAD.replace(b"ann", b"nobody"), body),
            dripped(url, b"", head),
            dripped(url, probe, head),
        )
    assert slow_body.startswith(b"HTTP/1.1 408 ")
    assert refused_body.startswith(b"HTTP/1.1 401 ")
    assert slow_head == b""
    assert slow_second.startswith(b"HTTP/1.1 200 ")
    assert slow_second.count(b"HTTP/1.1") == 1


async def test_a_head_that_came_in_time_leaves_its_answer_all_the_time_it_needs(tmp_path):
    async def slow(scope, receive, send):
        await asyncio.sleep(0.3)
        await Response("done")(scope, receive, send)

    server = Settings(home=tmp_path, server={"request_timeout_seconds": 0.05}).server
    async with running(slow, server) as url, client(url) as one:
        assert (await one.get("/")).text == "done"


@pytest.mark.parametrize("ends", [False, True])
async def test_a_connection_stays_open_when_the_rest_of_a_refused_request_has_come(tmp_path, ends):
    async def refuses(scope, receive, send):
        await Response("no", 401)(scope, receive, send)

    server = Settings(home=tmp_path, server={"request_timeout_seconds": 0.05}).server
    async with running(refuses, server, timeout_keep_alive=0.2 if ends else 60) as url:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        for _ in range(2):
            writer.write(HEAD)
            assert (await safely(reader.readuntil(b"no"))).startswith(b"HTTP/1.1 401 ")
            writer.write(b"x" * 999)
        if ends:  # as every idle connection does after a while
            assert await safely(reader.read()) == b""
        else:
            await asyncio.sleep(0.2)
            writer.write(HEAD)
            assert (await safely(reader.readuntil(b"no"))).startswith(b"HTTP/1.1 401 ")
        writer.close()


async def connected(url, name="ann", body="", path="/"):
    """Return a socket that asks and reads nothing of the answer."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(one, (urlsplit(url).hostname, urlsplit(url).port))
    asked = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {name}\r\ncontent-type: application/json\r\n"
    await loop.sock_sendall(one, f"{asked}content-length: {len(body)}\r\n\r\n{body}".encode())
    return one


async def test_what_a_slow_reader_does_not_read_is_not_made():
    made, kib = [], b"x" * 1024

    async def pieces():
        for number in range(1_000_000):
            made.append(number)
            yield kib

    async def work(scope, receive, send):
        await StreamingResponse(pieces())(scope, receive, send)

    front = Starlette()
    worker = There(Settings(), "nothing:is_started")
    front.add_middleware(Relay, worker=worker)
    async with worker.receiving(work), running(front) as url:
        one = await connected(url)
        until_now = -1
        while len(made) > until_now:  # until nothing more is made
            until_now = len(made)
            await asyncio.sleep(0.3)
        one.close()
    assert 0 < until_now < 20_000
