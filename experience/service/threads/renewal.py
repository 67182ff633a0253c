"""Renews the lease of one run while it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress


class Renewal:
    """Calls `renew` a third of a lease after the last time, so that one failed renewal does not lose the thread.

    In between only a timer of the event loop waits: most runs end before their lease is renewed for the first time.

    Args:
        renew: renews the lease, and returns whether to do so again.
        seconds: how long to wait each time.
    """

    def __init__(self, renew: Callable[[], Awaitable[bool]], seconds: float) -> None:
        self._renew, self._seconds = renew, seconds
        self._task: asyncio.Task[None] | None = None
        self._wait()

    async def end(self) -> None:
        """Renew no more."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._due)

    def _due(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    async def _go_on(self) -> None:
        if await self._renew():
            self._wait()
