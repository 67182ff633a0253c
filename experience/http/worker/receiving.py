"""Takes the requests that the other process relays, and runs the application on each."""

from __future__ import annotations

import asyncio
import logging
from asyncio import StreamReader, StreamWriter
from contextlib import closing, suppress
from typing import Any

from starlette.types import ASGIApp, Message

from experience.http.worker.frames import RECEIVE, framed, next_frame, scope_of

CLOSING_SECONDS = 5.0
"""How long the last requests may take when all runs have ended."""

_log = logging.getLogger(__name__)


class Receiver:
    """Handles a connection for each request. It believes what a request says of its sender: only the other process
    can make connections.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._requests: set[asyncio.Task[Any] | None] = set()

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Run the application on the request of a connection."""
        task = asyncio.current_task()
        self._requests.add(task)
        try:
            with closing(writer):
                message = await next_frame(reader)
                if message is not None:
                    exchange = _Exchange(reader, writer)
                    await self._app(scope_of(message), exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the application has answered it; the text may hold a question
            _log.error("a request failed with %s", type(error).__name__)
        finally:
            self._requests.discard(task)

    async def close(self) -> None:
        """Let the requests end, and cancel those that take too long."""
        left = [task for task in self._requests if task is not None]
        if left:
            _, late = await asyncio.wait(left, timeout=CLOSING_SECONDS)
            for task in late:
                task.cancel()


class _Exchange:
    """The messages of one request: asked for when the application wants them, and sent as it makes them."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._coming: asyncio.Task[Message] | None = None

    async def receive(self) -> Message:
        if self._coming is None:
            self._coming = asyncio.create_task(self._next())
        # Shielded: who waits here may be cancelled, and the message that is on its way must not be lost with it.
        message = await asyncio.shield(self._coming)
        self._coming = None
        return message

    async def send(self, message: Message) -> None:
        with suppress(ConnectionError):  # the client has left: what is left to send is for nobody
            self._writer.write(framed(dict(message)))
            await self._writer.drain()

    async def _next(self) -> Message:
        self._writer.write(framed({"type": RECEIVE}))
        return await next_frame(self._reader) or {"type": "http.disconnect"}
