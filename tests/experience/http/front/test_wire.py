"""Requests as they come over the wire, through the process that takes connections: raw bytes, over one connection."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager, nullcontext
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from experience.http.front.app import create_front
from settings import Settings
from tests.doubles.waiting import safely
from tests.experience.http.conftest import authenticate, running
from tests.experience.http.worker.test_relay import There

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


async def told(scope, receive, send):
    """Tell what has come; the first request is answered last."""
    body = await Request(scope, receive).body()
    if scope["path"] == "/slow":
        await asyncio.sleep(0.05)
    headers = [value.decode() for name, value in scope["headers"] if name == b"x"]
    await JSONResponse({"path": scope["path"], "body": body.decode(), "x": headers})(scope, receive, send)


@asynccontextmanager
async def connected(tmp_path):
    """Yield a connection to a front whose other process tells what has come."""
    given = Settings(home=tmp_path, server={"auth": "keys"})
    worker = There(given, "nothing:is_started")
    front = create_front(given, authenticate, worker)
    front.router.lifespan_context = lambda _: nullcontext()
    async with worker.receiving(told), running(front) as url:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        yield reader, writer
        writer.close()


def request(line, *headers, body=b"", name="ann"):
    known = [f"authorization: Bearer {name}"] if name else []
    return "\r\n".join([f"{line} HTTP/1.1", "host: x", *known, *headers, "", ""]).encode() + body


async def answer(reader, *, body=True):
    """Read an answer; return its status, its headers and its body."""
    head = await safely(reader.readuntil(b"\r\n\r\n"))
    size = int(LENGTH.search(head)[1]) if body else 0
    return int(head.split()[1]), head.decode().lower(), await safely(reader.readexactly(size))


async def test_requests_that_come_at_once_are_answered_in_their_order(tmp_path):
    chunks = b"3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\ntrailer: x\r\n\r\n"
    async with connected(tmp_path) as (reader, writer):
        writer.write(
            request("GET /slow")
            + request("GET /health", name=None)
            + request("POST /a%20b", "content-length: 3", body=b"abc")
            + request("GET /v1/corpora", name=None)
            + request("PUT /chunked", "transfer-encoding: chunked", body=chunks)
            + request("GET http://x/health", name=None)
            + request("GET HTTPS://x/a%20b/c?d=/e", name="ann")
            + request("GET /last", "x: 1", "X: 2", f"x: {'y' * 60_000}")
        )
        answers = [await answer(reader) for _ in range(8)]
    assert [status for status, *_ in answers] == [200, 200, 200, 401, 200, 200, 200, 200]
    slow, live, plain, _, chunked, whole, whole_too, last = (json.loads(body) for *_, body in answers)
    assert (slow["path"], live) == ("/slow", {"status": "live"})
    assert (plain["path"], plain["body"]) == ("/a b", "abc")
    assert (chunked["path"], chunked["body"]) == ("/chunked", "abcdefg")
    assert (whole, whole_too["path"]) == (live, "/a b/c")
    assert last["x"] == ["1", "2", "y" * 60_000]


async def test_heads_and_options_leave_the_connection_as_it_was(tmp_path):
    async with connected(tmp_path) as (reader, writer):
        for path, name in (("/health", None), ("/v1/corpora", None), ("/x", "ann")):
            writer.write(request(f"HEAD {path}", name=name) + request("GET /next"))
            status, head, _ = await answer(reader, body=False)
            assert (status, "content-length" in head) == (401 if path == "/v1/corpora" else 200, True)
            assert json.loads((await answer(reader))[2])["path"] == "/next"
        for line, name, expected in (("* ", None, 401), ("/health", None, 405), ("/v1/chat", None, 401)):
            writer.write(request(f"OPTIONS {line.strip()}", name=name))
            assert (await answer(reader))[0] == expected


async def test_a_body_is_asked_for_when_it_is_wanted_and_not_from_strangers(tmp_path):
    waits = ("expect: 100-continue", "content-length: 5")
    async with connected(tmp_path) as (reader, writer):
        writer.write(request("POST /x", *waits))
        assert await safely(reader.readuntil(b"\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        assert json.loads((await answer(reader))[2])["body"] == "hello"
        writer.write(request("POST /x", *waits, name="nobody"))
        assert (await answer(reader))[0] == 401


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        # RFC 9112, 6.3: whoever stands between may take the end of such a request for elsewhere.
        (("POST /x", "content-length: 3", "transfer-encoding: chunked"), 200),
        (("POST /x", "content-length: 3", "content-length: 4"), 400),
        (("GET /x", "host: y"), 400),
        (("GET /x", f"x: {'y' * 1_000_000}"), 400),
    ],
)
async def test_after_a_request_whose_end_is_in_doubt_nothing_is_read(tmp_path, sent, status):
    async with connected(tmp_path) as (reader, writer):
        writer.write(request(*sent, body=b"3\r\nabc\r\n0\r\n\r\n") + request("GET /smuggled"))
        got = b""
        try:
            while more := await safely(reader.read(1000)):
                got += more
        except ConnectionError:  # the rest of what was sent is not read
            pass
    assert got.startswith(b"HTTP/1.1 %d " % status)
    assert got.count(b"HTTP/1.1") == 1
    assert b"connection: close" in got.lower()
