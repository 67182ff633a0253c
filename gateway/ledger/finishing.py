"""Work that ends although whoever waits for it is cancelled: settlements, and the release of reservations.

A cancellation by `asyncio` comes once. One by an anyio cancel scope, which MCP and Starlette use, comes again at every
`await` until the scope is left, so an `await` in an `except` block never ends there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from anyio import CancelScope

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Finishing:
    """Runs such work, each in a task of its own. The tasks are held here: an event loop holds them weakly only."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return the result of `work`, which goes on when `asyncio` cancels the caller."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        with CancelScope(shield=True):
            await asyncio.shield(task)
        return task.result()

    async def wait(self) -> None:
        """Wait until the work of this event loop has ended. Its errors were raised or logged."""
        loop = asyncio.get_running_loop()
        while mine := {task for task in self._tasks if task.get_loop() is loop}:
            await asyncio.wait(mine)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Whoever waited raises it; this line is for those who left. The text may quote values.
            _log.warning("a call could not be settled: %s", type(error).__name__)
