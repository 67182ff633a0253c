"""Clients that leave: their places are free again."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles.waiting import until
from tests.experience.http.conftest import chat, client, served
from tests.experience.http.wire.conftest import ASKED
from tests.experience.service.helpers import SLOW, held_plan

CHAT = {"messages": ASKED, "model": "sixplane/small", "context": {"model": SLOW}}
WAYS = {
    "a stream of chunks": ("/v1/chat/completions", {**CHAT, "stream": True}),
    "a completion": ("/v1/chat/completions", CHAT),
    "events": ("/v1/chat/stream", chat(model=SLOW)),
    "a report": ("/v1/chat", chat(model=SLOW)),
}


@pytest.mark.parametrize(("path", "body"), WAYS.values(), ids=WAYS)
async def test_24_clients_that_leave_hold_no_place(home, path, body):
    limits = {"max_running": 2, "max_waiting": 22, "unwatched_run_seconds": 0.05}
    async with served(home, held_plan(), server=limits) as url, client(url) as ann:

        async def asked():
            async with client(url) as one, one.stream("POST", path, json=body) as answer:
                async for _ in answer.aiter_lines():
                    pass

        async def begun():
            return len((await ann.get("/v1/threads")).json()["threads"]) >= 2

        leaving = [asyncio.create_task(asked()) for _ in range(24)]
        await until(begun)
        for each in leaving:
            each.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

        async def answered():
            with_room = await ann.post("/v1/chat", json=chat())
            return with_room.status_code == 200

        await until(answered)
        threads = (await ann.get("/v1/threads")).json()["threads"]
        assert len(threads) <= 3  # those who left the queue have started none
