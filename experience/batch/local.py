"""The local engine: runs up to `concurrency` tasks at once in this process."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from experience.batch.keys import Keys
from experience.batch.places import Places
from experience.batch.team import Team
from experience.batch.values import BatchOutcome, BatchTask
from experience.batch.worker import run_task
from experience.service import ResearchRequest

if TYPE_CHECKING:
    from experience.service import ResearchService

Requests = Iterable[ResearchRequest] | AsyncIterable[ResearchRequest]


class LocalEngine:
    """Runs tasks on `service`, at most `concurrency` of them with their models at once.

    `ahead`: how many more are under way, which begin or end meanwhile. The seconds of their outcomes hold their wait.
    """

    def __init__(self, service: ResearchService, concurrency: int, *, ahead: int = 0) -> None:
        self._service = service
        ask = partial(run_task, service, places=Places(concurrency))
        self._team = Team(concurrency + ahead, ask, self._drain)

    def run(self, tasks: AsyncIterator[BatchTask]) -> AsyncGenerator[BatchOutcome]:
        """Yield the outcome of each task as it ends, in any order."""
        return self._team.run(tasks)

    def drain(self, reason: str) -> None:
        """Start no further task and stop the running ones at their next node boundary."""
        self._team.drain(reason)

    async def _drain(self, reason: str) -> None:
        self._service.request_drain(reason)


async def outcomes_of(
    service: ResearchService, requests: Requests, *, concurrency: int = 8
) -> AsyncGenerator[BatchOutcome]:
    """Run `requests`, at most `concurrency` at a time, and yield one outcome for each as it ends.

    A failure is an outcome too. Nothing but the threads is stored: use `BatchJob` for a job that survives a crash.
    """
    engine = LocalEngine(service, concurrency)
    async with aclosing(engine.run(_tasks(service, requests))) as outcomes:
        async for outcome in outcomes:
            yield outcome


async def _tasks(service: ResearchService, requests: Requests) -> AsyncGenerator[BatchTask]:
    keys, number = Keys(service), 0
    async for request in _each(requests):
        number += 1
        thread = request.thread_id or f"b-{uuid.uuid4().hex[:24]}"
        yield BatchTask(
            key=await keys.of_request(request, number),
            line=number,
            tenant=request.context.tenant,
            thread_id=thread,
            run_id=str(uuid.uuid4()),
            ordered=request.thread_id is not None,
            request=request.model_copy(update={"thread_id": thread}),
        )


async def _each(requests: Requests) -> AsyncGenerator[ResearchRequest]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
        return
    for request in requests:
        yield request
