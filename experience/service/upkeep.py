"""What a server does beside its requests: it takes up the runs of dead processes, and deletes what is too old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from experience.errors import known_error
from experience.service.retention import prune
from experience.service.runs import Runs
from experience.service.threads import StoredRun
from state.errors import RateLimited, ThreadBusy, ThreadMissing, ThreadNotResumable, TooBusy

MAX_ATTEMPTS = 3
"""How often a run is taken up. A chosen value: a run that kills its process must not do so for ever."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def kept_up(runs: Runs) -> AsyncIterator[None]:
    """Keep the service of `runs` up while the block runs."""
    settings = runs.service.settings
    tasks = [asyncio.create_task(_repeat(lambda: prune(runs.service), settings.retention.sweep_minutes * 60))]
    if settings.run.recover:
        # Again and again: the lease of a process on another machine ends only some time after its death.
        tasks.append(asyncio.create_task(_repeat(lambda: take_up(runs), settings.run.lease_seconds)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def take_up(runs: Runs) -> int:
    """Resume the runs whose processes died, and return how many. One that is waiting for a person keeps waiting."""
    taken = 0
    for stored in await runs.service.kept.abandoned(MAX_ATTEMPTS):
        taken += await _resumed(runs, stored)
    return taken


async def _resumed(runs: Runs, stored: StoredRun) -> bool:
    tenant, thread_id = stored.record.tenant, stored.record.thread_id
    while not runs.closed:
        try:
            await runs.resume(tenant, thread_id, audiences=stored.context.audiences)
        except (TooBusy, RateLimited) as busy:
            await asyncio.sleep(busy.retry_after)
            continue
        except (ThreadBusy, ThreadMissing, ThreadNotResumable):  # another process or its owner was first
            return False
        _log.info("the run of a dead process was taken up on the thread %r", thread_id)
        return True
    return False


async def _repeat(work: Callable[[], Awaitable[object]], seconds: float) -> None:
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: the next time may succeed, the log tells
            known = known_error(error)
            _log.warning("upkeep failed: %s", known.code if known else type(error).__name__)
        await asyncio.sleep(seconds)
