"""Requests and answers cross between the two processes as they are; here both sides are in one process."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from experience.http.front.request_ids import RequestId
from experience.http.problems import install
from experience.http.worker import Relay
from experience.http.worker.connections import Connections, Taking
from experience.http.worker.keeper import Worker
from experience.http.worker.receiving import Receiver
from observability.log_lines import Lines
from settings import Settings
from tests.doubles.waiting import safely
from tests.experience.http.conftest import PRINCIPALS, client, running


class There(Worker):
    """The side that takes connections, over a `Receiver` in this process."""

    @asynccontextmanager
    async def receiving(self, app):
        receiver = Receiver(app)
        self._connections = Connections()
        taking = Taking(self._connections.theirs, receiver)
        try:
            yield
        finally:
            taking.close()
            await receiver.close()


@asynccontextmanager
async def relayed(tmp_path, work, front=None):
    """Yield the address of a server that relays to `work`, and its worker."""
    worker = There(Settings(home=tmp_path), "nothing:is_started")
    app = front or Starlette()
    app.add_middleware(Relay, worker=worker, here=["/here"])
    async with worker.receiving(work), running(app) as url:
        yield url, worker


async def test_a_request_arrives_as_it_was_sent_and_so_does_its_answer(tmp_path):
    async def work(scope, receive, send):
        request = Request(scope, receive)
        told = {"path": scope["raw_path"].decode(), "query": request.url.query, "method": scope["method"],
                "name": request.headers["x-name"], "size": len(await request.body()), "from": request.client.host,
                "state": [*scope["state"]]}  # fmt: skip
        await JSONResponse(told, 207, {"x-kept": "é"})(scope, receive, send)

    async with relayed(tmp_path, work) as (url, _), client(url, None) as one:
        answer = await one.put("/a%2Fb?q=1&q=2", content=b"x" * 3_000_000, headers={"x-name": "n"})
    assert (answer.status_code, answer.headers["x-kept"]) == (207, "é")
    assert answer.json() == {"path": "/a%2Fb", "query": "q=1&q=2", "method": "PUT", "name": "n", "size": 3_000_000,
                             "from": "127.0.0.1", "state": []}  # fmt: skip


async def test_who_sends_a_request_and_its_id_are_told(tmp_path):
    class Known:
        def __init__(self, app):
            self._app = app

        async def __call__(self, scope, receive, send):
            await self._app({**scope, "state": {"principal": PRINCIPALS["ann"], "request_id": "r"}}, receive, send)

    async def work(scope, receive, send):
        await JSONResponse(scope["state"] == {"principal": PRINCIPALS["ann"], "request_id": "r"})(scope, receive, send)

    worker = There(Settings(home=tmp_path), "nothing:is_started")
    app = Starlette()
    app.add_middleware(Relay, worker=worker)
    app.add_middleware(Known)
    async with worker.receiving(work), running(app) as url, client(url, None) as one:
        assert (await one.get("/")).json() is True


async def test_an_answer_streams_and_nothing_of_a_body_is_read_unasked(tmp_path):
    go_on = asyncio.Event()

    async def pieces():
        yield b"one"
        await go_on.wait()
        yield b"two"

    async def work(scope, receive, send):
        await StreamingResponse(pieces())(scope, receive, send)

    async with (
        relayed(tmp_path, work) as (url, _),
        client(url, None) as one,
        one.stream("POST", "/", content=b"x") as answer,
    ):
        got = answer.aiter_raw()
        assert await anext(got) == b"one"
        go_on.set()
        assert await anext(got) == b"two"


async def test_a_client_that_leaves_is_missed(tmp_path):
    listens, missed = asyncio.Event(), asyncio.Event()

    async def work(scope, receive, send):
        request = Request(scope, receive)
        await request.body()
        impatient = asyncio.create_task(receive())
        await asyncio.sleep(0)
        impatient.cancel()  # what was asked for is not lost with who has asked
        listens.set()
        assert await receive() == {"type": "http.disconnect"}
        missed.set()

    async with relayed(tmp_path, work) as (url, _):
        async with client(url, None) as one:
            asking = asyncio.create_task(one.post("/", json={}))
            await safely(listens.wait())
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        await safely(missed.wait())


async def test_without_an_answer_the_client_is_told_to_come_again(tmp_path, caplog):
    async def work(scope, receive, send):
        raise RuntimeError("private")

    async with relayed(tmp_path, work) as (url, worker), client(url, None) as one:
        failed = await one.get("/v1/x")
        worker._connections = None
        gone = await one.get("/v1/x")
        here = await one.get("/here")
    for answer in (failed, gone):
        assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
        assert answer.headers["retry-after"] == "5"
    assert here.status_code == 404
    assert "private" not in caplog.text


async def test_an_answer_that_ends_in_its_middle_does_not_look_whole(tmp_path, caplog, monkeypatch):
    async def work(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError

    import httpx

    # Another test of the process may have set up uvicorn's loggers, which then pass nothing on.
    uvicorn = logging.getLogger("uvicorn.error")
    monkeypatch.setattr(uvicorn, "handlers", [caplog.handler])
    monkeypatch.setattr(uvicorn, "disabled", False)
    with caplog.at_level(logging.ERROR, logger="uvicorn.error"):
        async with relayed(tmp_path, work) as (url, _), client(url, None) as one:
            with pytest.raises(httpx.RemoteProtocolError):
                await one.get("/")
    # As docs/operations.md says.
    told = [Lines().format(record) for record in caplog.records if record.name == "uvicorn.error"]
    assert [line for line in told if line.endswith("Exception in ASGI application: ConnectionError")]


async def test_the_log_of_the_process_that_works_names_the_id_that_the_client_got(tmp_path, caplog):
    async def broken(_):
        raise RuntimeError

    work, front = Starlette(routes=[Route("/v1/x", broken)]), Starlette()
    install(work)
    work.add_middleware(RequestId)
    worker = There(Settings(home=tmp_path), "nothing:is_started")
    front.add_middleware(Relay, worker=worker)
    front.add_middleware(RequestId)
    caplog.handler.setFormatter(Lines())
    async with worker.receiving(work), running(front) as url, client(url, None) as one:
        answer = await one.get("/v1/x")
    assert answer.status_code == 500
    assert f"failed with RuntimeError request={answer.headers['x-request-id']}" in caplog.text
