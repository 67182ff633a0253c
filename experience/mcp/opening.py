"""Opens the desk when it is first used: an IDE starts the server with every window, and waits for its first answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Generic, TypeVar

Opened = TypeVar("Opened")


@asynccontextmanager
async def on_first_use(
    opens: Callable[[], Awaitable[AbstractAsyncContextManager[Opened]]],
) -> AsyncIterator[Callable[[], Awaitable[Opened]]]:
    """Yield a function that opens what `opens` returns, once, and returns it. The end of the block closes it.

    If opening fails, whoever waits for it gets the error, and the next call opens again.
    """
    holder = _Holder(opens)
    try:
        yield holder.get
    finally:
        await holder.close()


class _Holder(Generic[Opened]):
    """Holds the context open in a task of its own: a client that cancels its call must not end it for the others."""

    def __init__(self, opens: Callable[[], Awaitable[AbstractAsyncContextManager[Opened]]]) -> None:
        self._opens = opens
        self._opened: asyncio.Future[Opened] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def get(self) -> Opened:
        if self._opened is None or self._failed(self._opened):
            self._opened = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._hold(self._opened))
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        self._closing.set()
        if self._task is None or self._opened is None:
            return
        if not self._opened.done():
            self._task.cancel()  # nobody waits for it any more
        with suppress(asyncio.CancelledError):
            await self._task

    @staticmethod
    def _failed(opened: asyncio.Future[Opened]) -> bool:
        return opened.done() and (opened.cancelled() or opened.exception() is not None)

    async def _hold(self, opened: asyncio.Future[Opened]) -> None:
        try:
            async with await self._opens() as value:
                opened.set_result(value)
                await self._closing.wait()
        except BaseException as error:  # cancellation too: whoever waits must not wait for ever
            if opened.done():
                raise
            opened.set_exception(error if isinstance(error, Exception) else RuntimeError("the server is closing"))
            if not isinstance(error, Exception):
                raise
