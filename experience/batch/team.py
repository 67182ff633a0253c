"""What every engine does alike: runs up to `concurrency` tasks at once, in the order of each thread, until a drain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import NamedTuple
from weakref import WeakValueDictionary

from experience.batch.values import BatchOutcome, BatchTask

_DRAIN_SECONDS = 0.2
"""The interval at which a drain is repeated. A run registers its control only when it starts, so a run that a worker
starts just after a drain would miss a single request. A chosen value: short against a node, long against the loop."""


class _Ended(NamedTuple):
    """An outcome. `taken` is set when the consumer asks for the next one, so this one is recorded."""

    outcome: BatchOutcome
    taken: asyncio.Event


class Team:
    """Runs tasks by `ask`, at most `concurrency` at once.

    Args:
        concurrency: how many tasks run at once.
        ask: runs one task and returns its outcome. A failed row is an outcome; an error ends the job.
        drain: asks all running tasks to stop at their next node boundary; called again until they have.
    """

    def __init__(
        self,
        concurrency: int,
        ask: Callable[[BatchTask], Awaitable[BatchOutcome]],
        drain: Callable[[str], Awaitable[None]],
    ) -> None:
        self._concurrency, self._ask, self._drain = concurrency, ask, drain
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
            await self._drain(reason)
            await asyncio.sleep(_DRAIN_SECONDS)

    async def _team(self, tasks: AsyncIterator[BatchTask], ended: asyncio.Queue[_Ended]) -> None:
        """Run the tasks until there are no more. Raises the first error that reading or asking them raised."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._work(tasks, ended))
        except ExceptionGroup as errors:  # the first is the cause: it has cancelled the others
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
                await ended.put(_Ended(await self._ask(task), asyncio.Event()))

    async def _in_turn(self, task: BatchTask, ended: asyncio.Queue[_Ended]) -> None:
        """Run a task after all earlier tasks of its thread have ended and were recorded.

        `asyncio.Lock` wakes its waiters in the order in which they came, so tasks keep their order.
        """
        turn = self._turns.setdefault(task.thread_id, asyncio.Lock())
        async with turn:
            if self._draining is None:
                one = _Ended(await self._ask(task), asyncio.Event())
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
