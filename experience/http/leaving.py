"""Clients that leave: what they wait for is given up, and a run that nobody waits for is stopped after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractContextManager
from typing import TypeVar

from fastapi import Request
from sse_starlette import EventSourceResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

_LEFT = 499
"""The status that nginx logs for it. Nobody reads it."""


async def unless_left(request: Request, work: Awaitable[T]) -> T:
    """Return the result of `work`; cancel it if the client disconnects first.

    Starlette does not cancel a handler when its client disconnects.

    Raises:
        HTTPException: the client has left.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.create_task(left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(_LEFT, "the client has left")
        return await working
    finally:
        working.cancel()
        leaving.cancel()


async def left(request: Request) -> None:
    """Wait until the client disconnects. The body has been read, so no other message can arrive."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Watching(EventSourceResponse):
    """A stream of events that holds a context as long as its client listens."""

    listening: AbstractContextManager[None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream within the context."""
        with self.listening:
            await super().__call__(scope, receive, send)
