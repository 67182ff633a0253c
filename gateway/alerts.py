"""The outbox of budget alerts: publishes what the ledger recorded, again after a crash, at least once each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.ledger import Ledger
from state.errors import DependencyUnavailable

Publish = Callable[[str, str], Awaitable[None]]
"""Takes a title and a body."""

RETRY_SECONDS = 65.0
"""An alert whose publication failed is free again after its claim; this is a little later."""

_log = logging.getLogger(__name__)


class AlertOutbox:
    """Publishes the ledger's alerts to a topic, in the background: neither a charge nor a run waits for it."""

    def __init__(self, ledger: Ledger, publish: Publish | None, *, retry_seconds: float = RETRY_SECONDS) -> None:
        self._ledger, self._publish, self._retry_seconds = ledger, publish, retry_seconds
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def wake(self) -> None:
        """Publish what waits, soon."""
        if self._publish is None:
            return
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def flush(self) -> int:
        """Publish what waits, and return how many alerts could not be published."""
        if self._publish is None:
            return 0
        failed = 0
        for alert in await self._ledger.pending_alerts():
            try:
                await self._publish(alert.title(), alert.body())
            except DependencyUnavailable as error:
                failed += 1
                _log.warning("an alert could not be published and stays in the outbox: %s", error.message)
            else:
                await self._ledger.alert_published(alert)
        return failed

    async def aclose(self) -> None:
        """Let a publication that has begun end, for a moment; what it leaves stays in the outbox."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=2.0)
            self._task.cancel()

    async def _drain(self) -> None:
        while self._again:
            self._again = False
            try:
                if await self.flush():
                    await asyncio.sleep(self._retry_seconds)
                    self._again = True
            except DependencyUnavailable as error:
                _log.warning("the outbox of alerts cannot be read: %s", error.message)
