"""The local engine: runs up to `concurrency` tasks at once in this process."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary

from experience.batch.keys import Keys
from experience.batch.values import BatchOutcome, BatchTask
from experience.batch.worker import run_task
from experience.service import ResearchRequest

if TYPE_CHECKING:
    from experience.service import ResearchService

Requests = Iterable[ResearchRequest] | AsyncIterable[ResearchRequest]

_DRAIN_SECONDS = 0.2
"""The interval at which a drain is repeated. A run registers its control only when it starts, so a run that a worker
starts just after a drain would miss a single request. A chosen value: short against a node, long against the loop."""


class _Ended(NamedTuple):
    """An outcome. `taken` is set when the consumer asks for the next one, so this one is recorded."""

    outcome: BatchOutcome
    taken: asyncio.Event


class LocalEngine:
    """Runs tasks on `service`, at most `concurrency` at once."""

    def __init__(self, service: ResearchService, concurrency: int) -> None:
        self._service, self._concurrency = service, concurrency
        # Weak values: a lock per thread lives only while a task waits for it or holds it.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._fetching = asyncio.Lock()  # an asynchronous generator refuses a second `anext` while one is pending
        self._draining: asyncio.Task[None] | None = None

    async def run(self, tasks: AsyncIterator[BatchTask]) -> AsyncGenerator[BatchOutcome]:
        """Yield the outcome of each task as it ends, in any order."""
        # Bounded: a consumer that is slower than the runs holds the workers back instead of filling the memory.
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
        """Start no further task and stop the running ones at their next node boundary."""
        if self._draining is None:
            self._draining = asyncio.create_task(self._keep_draining(reason))

    async def _keep_draining(self, reason: str) -> None:
        while True:
            self._service.request_drain(reason)
            await asyncio.sleep(_DRAIN_SECONDS)

    async def _team(self, tasks: AsyncIterator[BatchTask], ended: asyncio.Queue[_Ended]) -> None:
        """Run the workers until there are no more tasks. Raises the first error that reading the tasks raised."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._work(tasks, ended))
        except ExceptionGroup as errors:  # a row never raises (`run_task`): what is here came from reading the tasks
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
        """Run a task after all earlier tasks of its thread have ended and were recorded.

        `asyncio.Lock` wakes its waiters in the order in which they came, so tasks keep their order.
        """
        turn = self._turns.setdefault(task.thread_id, asyncio.Lock())
        async with turn:
            if self._draining is None:
                one = _Ended(await run_task(self._service, task), asyncio.Event())
                await ended.put(one)
                await one.taken.wait()


async def _next(ended: asyncio.Queue[_Ended], team: asyncio.Task[None]) -> _Ended | None:
    """Return the next ended task, `None` when all workers are done and the queue is empty."""
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
