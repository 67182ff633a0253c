"""The local engine: as many tasks at once as it is told to, in one process."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary

from experience.batch.keys import Keys
from experience.batch.values import BatchOutcome, BatchTask
from experience.batch.worker import run_task
from experience.service import ResearchRequest

if TYPE_CHECKING:
    from experience.service import ResearchService

_DRAIN_SECONDS = 0.2
"""A run that is just beginning does not hear a request to drain, so that it is repeated."""


class _Ended(NamedTuple):
    """An outcome; `taken` is set when the consumer has dealt with it."""

    outcome: BatchOutcome
    taken: asyncio.Event


class LocalEngine:
    """Runs tasks on `service`, at most `concurrency` at once."""

    def __init__(self, service: ResearchService, concurrency: int) -> None:
        self._service, self._concurrency = service, concurrency
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._fetching = asyncio.Lock()
        self._draining: asyncio.Task[None] | None = None

    async def run(self, tasks: AsyncIterator[BatchTask]) -> AsyncGenerator[BatchOutcome]:
        """Yield the outcome of each task as it ends, in any order."""
        ended: asyncio.Queue[_Ended] = asyncio.Queue(self._concurrency)
        team = asyncio.create_task(self._team(tasks, ended))
        try:
            while (next_one := await _next(ended, team)) is not None:
                yield next_one.outcome
                next_one.taken.set()
            await team
        finally:
            for task in filter(None, (team, self._draining)):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def drain(self, reason: str) -> None:
        """Start no further task, and let those that run stop at their next node boundary."""
        if self._draining is None:
            self._draining = asyncio.create_task(self._keep_draining(reason))

    async def _keep_draining(self, reason: str) -> None:
        while True:
            self._service.request_drain(reason)
            await asyncio.sleep(_DRAIN_SECONDS)

    async def _team(self, tasks: AsyncIterator[BatchTask], ended: asyncio.Queue[_Ended]) -> None:
        """Work until the tasks end. Raises what the reading of the tasks raised."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._work(tasks, ended))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def _work(self, tasks: AsyncIterator[BatchTask], ended: asyncio.Queue[_Ended]) -> None:
        while self._draining is None:
            async with self._fetching:
                task = await anext(tasks, None)
            if task is None:
                return
            if task.ordered:
                await self._in_turn(task, ended)
            else:
                await ended.put(_Ended(await run_task(self._service, task), asyncio.Event()))

    async def _in_turn(self, task: BatchTask, ended: asyncio.Queue[_Ended]) -> None:
        """Run a task when those before it on its thread are over and recorded. Locks are fair: their order holds."""
        turn = self._turns.setdefault(task.thread_id, asyncio.Lock())
        async with turn:
            if self._draining is None:
                one = _Ended(await run_task(self._service, task), asyncio.Event())
                await ended.put(one)
                await one.taken.wait()


async def _next(ended: asyncio.Queue[_Ended], team: asyncio.Task[None]) -> _Ended | None:
    """Return what ended next, `None` when the team is done and nothing is left."""
    while ended.empty():
        if team.done():
            return None
        getter = asyncio.ensure_future(ended.get())
        await asyncio.wait({getter, team}, return_when=asyncio.FIRST_COMPLETED)
        if getter.done():
            return getter.result()
        getter.cancel()
    return ended.get_nowait()


async def outcomes_of(
    service: ResearchService, requests: Iterable[ResearchRequest] | AsyncIterable[ResearchRequest], concurrency: int
) -> AsyncGenerator[BatchOutcome]:
    """Yield one outcome for each request, without an output file."""
    engine = LocalEngine(service, concurrency)
    outcomes = engine.run(_tasks(service, requests))
    try:
        async for outcome in outcomes:
            yield outcome
    finally:
        await outcomes.aclose()


async def _tasks(
    service: ResearchService, requests: Iterable[ResearchRequest] | AsyncIterable[ResearchRequest]
) -> AsyncGenerator[BatchTask]:
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


async def _each(
    requests: Iterable[ResearchRequest] | AsyncIterable[ResearchRequest],
) -> AsyncGenerator[ResearchRequest]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
        return
    for request in requests:
        yield request
