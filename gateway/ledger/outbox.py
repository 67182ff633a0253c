"""The outbox of budget alerts: publishes the alerts that the ledger recorded, each at least once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from state.errors import DependencyUnavailable

if TYPE_CHECKING:  # the ledger imports SQLAlchemy
    from gateway.ledger.ledger import Ledger

Publish = Callable[[str, str], Awaitable[None]]
"""Publishes a message; the arguments are its title and body."""

MARGIN_SECONDS = 0.05
"""Added to the wait for the end of a claim, so that the claim has certainly ended."""

_log = logging.getLogger(__name__)


class AlertOutbox:
    """Publishes the ledger's alerts in the background: neither a charge nor a run waits for it.

    It keeps running while any alert is unpublished, even one claimed by another process: that process may be dead.
    """

    def __init__(self, ledger: Ledger, publish: Publish) -> None:
        self._ledger, self._publish = ledger, publish
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        ledger.on_alert = self.wake

    def wake(self) -> None:
        """Publish waiting alerts soon, in a background task."""
        self._woken.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def flush(self) -> int:
        """Publish waiting alerts, and return how many could not be published."""
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
        """Wait up to two seconds for a publication in progress; alerts not published by then stay in the outbox."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=2.0 if self._woken.is_set() else 0.0)
            self._task.cancel()

    async def _drain(self) -> None:
        try:
            wait: float | None = 0.0
            while wait is not None:
                self._woken.set()
                await self.flush()
                self._woken.clear()
                wait = await self._ledger.alerts_due_in()
                if wait is not None:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), wait + MARGIN_SECONDS)
        except DependencyUnavailable as error:
            _log.warning("the outbox of budget alerts cannot be read: %s", error.message)
