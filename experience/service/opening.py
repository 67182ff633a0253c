"""Opens the service with its runs for a server: HTTP, the page, or MCP. It knows of no protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from experience.service import ResearchService
from experience.service.desk import Desk
from experience.service.limits import limits_of
from experience.service.runs import Runs
from experience.service.upkeep import kept_up
from settings import Settings

OpenService = Callable[[Settings], AbstractAsyncContextManager[ResearchService]]


@asynccontextmanager
async def open_desk(settings: Settings, open_service: OpenService) -> AsyncIterator[Desk]:
    """Open the service, yield its desk, and drain every run before the service closes."""
    async with open_service(settings) as service:
        runs = Runs(service, limits_of(settings))
        try:
            async with kept_up(runs):
                yield Desk(runs)
        finally:
            # Before the service closes: a run that is still active needs its databases to save a last checkpoint.
            await runs.drain("the server is going down", settings.server.drain_seconds)
