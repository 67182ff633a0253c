"""ASGI middleware: hands requests to the process that works, and its answers back, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from experience.http.problems import answer_error
from experience.http.worker.frames import RECEIVE, carried, framed, next_frame
from state.errors import DependencyUnavailable

if TYPE_CHECKING:
    from experience.http.worker.keeper import Worker

Failed = Callable[[Scope, Exception], Awaitable[ASGIApp]]


async def _problem(scope: Scope, error: Exception) -> ASGIApp:
    return answer_error(error, scope)


class Relay:
    """Relays every request to `worker`, except those for the paths that this process answers.

    Args:
        app: the application of this process.
        worker: the process that works.
        here: the paths that `app` answers itself.
        failed: answers a request that cannot be handed over.
    """

    def __init__(self, app: ASGIApp, *, worker: Worker, here: Collection[str] = (), failed: Failed = _problem) -> None:
        self._app, self._worker, self._here, self._failed = app, worker, frozenset(here), failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, here or there."""
        if scope["type"] != "http" or scope["path"] in self._here:
            await self._app(scope, receive, send)
            return
        try:
            reader, writer = await self._worker.connect()
        except DependencyUnavailable as error:
            await (await self._failed(scope, error))(scope, receive, send)
            return
        with closing(writer):
            writer.write(framed(carried(scope)))
            answer = _Answer(receive, send, writer)
            if not await answer.passed_on(reader):
                await (await self._failed(scope, self._worker.unanswered()))(scope, receive, send)


class _Answer:
    """One answer on its way from the process that works to the client."""

    def __init__(self, receive: Receive, send: Send, writer: asyncio.StreamWriter) -> None:
        self._receive, self._send, self._writer = receive, send, writer
        self._left = False

    async def passed_on(self, reader: asyncio.StreamReader) -> bool:
        """Pass the answer on to the client. Return whether one came.

        Raises:
            ConnectionError: the answer has ended in its middle. The server closes the connection without its end.
        """
        begun, asked = False, None
        try:
            while (message := await next_frame(reader)) is not None:
                if message["type"] == RECEIVE:
                    asked = asyncio.create_task(self._hand_over())
                    continue
                begun = True
                await self._send(message)
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    return True
        finally:
            if asked is not None:
                asked.cancel()
        if begun and not self._left:
            raise ConnectionError("the answer has no end: the process that works has ended")
        return begun or self._left

    async def _hand_over(self) -> None:
        message = await self._receive()
        self._left = message["type"] == "http.disconnect"
        with suppress(ConnectionError):  # the other process is gone: who reads its answer notices it
            self._writer.write(framed(dict(message)))
            await self._writer.drain()
