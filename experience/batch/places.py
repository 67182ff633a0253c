"""How many rows of a batch are with their models at once, while others begin or end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from experience.service.events import NodeStarted, RunEvent

WITHOUT_MODELS = frozenset({"guard_input", "guard_output", "publish"})
"""The nodes before the first and after the last call of a run's chat models."""


class Places:
    """Holds back runs that come to their models while `count` others are with theirs."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    async def kept(self, events: AsyncGenerator[RunEvent]) -> AsyncGenerator[RunEvent]:
        """Yield the events of a run. It has a place from the first node that may ask a model until after the last.

        Its graph starts a node only when the event after that of its start is asked for, so a run that waits for a
        place has not asked any model.
        """
        held = False
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, NodeStarted) and held == (event.node in WITHOUT_MODELS):
                        if not held:
                            await self._free.acquire()
                        else:
                            self._free.release()
                        held = not held
                    yield event
        finally:
            if held:
                self._free.release()
