"""The workers of a job: gives each task to a free one, and to another one if that is lost."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from experience.batch.on_ray.row_worker import Opening, Reply, RowWorker
from experience.batch.values import BatchError, BatchOutcome, BatchTask
from experience.batch.worker import failed_task
from state.errors import DependencyUnavailable

if TYPE_CHECKING:
    from experience.service import ResearchService

_log = logging.getLogger(__name__)

_MOST_LOSSES = 3
"""How many workers a row may lose before it fails: it may be the row that ends them, for example by its memory."""

_CLOSING_SECONDS = 30.0
"""How long the workers may take to write their last traces and audit lines. A chosen value."""


class Crew:
    """The workers, each of which may run `rows_each` rows at once. `open_crew` starts and stops them."""

    def __init__(self, service: ResearchService, workers: Sequence[Any], rows_each: int) -> None:
        self._service = service
        self._free: asyncio.Queue[Any] = asyncio.Queue()
        self._asked: Counter[Any] = Counter()
        """How many rows each worker runs now."""
        self._opened: set[Any] = set()
        self._joining: set[asyncio.Task[None]] = set()
        self._left = len(workers) * rows_each
        self._gone: DependencyUnavailable | None = None
        for worker in workers:
            self._join(worker, rows_each)

    async def ask(self, task: BatchTask) -> BatchOutcome:
        """Run the task on a free worker; if it is lost, on another one, which goes on with the same run.

        Raises:
            DependencyUnavailable: no worker is left.
        """
        from ray.exceptions import RayActorError

        for lost in range(1, _MOST_LOSSES + 1):
            worker = await self._next_free()
            self._asked[worker] += 1
            try:
                reply = read_reply(await worker.run.remote(task.model_dump_json()))
            except RayActorError:
                _log.warning("a worker was lost; the row of line %s goes on elsewhere (loss %s)", task.line, lost)
                self._join(worker, 1)
                continue
            finally:
                self._asked[worker] -= 1
            self._free.put_nowait(worker)
            if reply.outcome is not None:
                return reply.outcome
            return await failed_task(self._service, task, _unopened(reply.error))
        return await failed_task(self._service, task, _lost_often())

    async def drain(self, reason: str) -> None:
        """Ask the running rows of all workers to stop at their next node boundary."""
        busy = [worker for worker, rows in self._asked.items() if rows]
        await asyncio.gather(*(worker.drain.remote(reason) for worker in busy), return_exceptions=True)

    async def close(self) -> None:
        """Let the workers close their services."""
        for joining in self._joining:
            joining.cancel()
        await asyncio.gather(*self._joining, return_exceptions=True)
        closing = asyncio.gather(*(worker.close.remote() for worker in self._opened), return_exceptions=True)
        try:
            await asyncio.wait_for(closing, _CLOSING_SECONDS)
        except TimeoutError:
            _log.warning("a worker did not close its service within %s seconds", _CLOSING_SECONDS)

    async def _next_free(self) -> Any:
        worker = await self._free.get()
        if worker is None:
            self._free.put_nowait(None)  # for the next one who waits
            raise self._gone or DependencyUnavailable("no worker is left")
        return worker

    def _join(self, worker: Any, rows: int) -> None:
        """Count `rows` places of a worker as free once it is ready."""
        task = asyncio.create_task(self._joined(worker, rows))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _joined(self, worker: Any, rows: int) -> None:
        from ray.exceptions import RayActorError

        try:
            # Ray repeats this call while the worker is started again; `run` is never repeated by Ray itself.
            told = read_reply(await worker.ready.options(max_task_retries=-1).remote())
            fault = _unopened(told.error) if told.error else None
        except RayActorError:
            fault = DependencyUnavailable("a worker was lost and could not be started again", hint="look at the nodes")
        if fault is None:
            self._opened.add(worker)
            for _ in range(rows):
                self._free.put_nowait(worker)
            return
        self._left -= rows
        _log.warning("a worker cannot run rows: %s", fault.message)
        if self._left <= 0:
            self._gone = fault
            self._free.put_nowait(None)


@asynccontextmanager
async def open_crew(service: ResearchService, opening: Opening, workers: int, rows_each: int) -> AsyncIterator[Crew]:
    """Start the workers for the block, one CPU each."""
    import ray

    actor = ray.remote(RowWorker).options(
        num_cpus=1,
        max_restarts=-1,  # after a crash, or elsewhere if its node is lost
        max_task_retries=0,  # a row is given to another worker by `Crew`, which counts how often
        max_concurrency=rows_each + 8,  # beside the rows: `ready`, `drain` and `close`
        scheduling_strategy="SPREAD",
    )
    started = [actor.remote(opening) for _ in range(workers)]
    crew = Crew(service, started, rows_each)
    try:
        yield crew
        await crew.close()
    finally:
        for worker in started:
            ray.kill(worker)


def read_reply(text: str) -> Reply:
    """Return a worker's reply, and log what it has logged."""
    reply = Reply.model_validate_json(text)
    for line in reply.log:
        logging.getLogger(line.logger).log(line.level, "%s", line.message)
    return reply


def _unopened(error: BatchError | None) -> DependencyUnavailable:
    told = error or BatchError(code="", message="no reason was given")
    return DependencyUnavailable(f"a worker could not open the service: {told.message}", hint=told.hint)


def _lost_often() -> DependencyUnavailable:
    return DependencyUnavailable(
        f"{_MOST_LOSSES} workers were lost while they ran this row",
        hint="they may lack memory: use a lower `--concurrency`; `--retry failed` goes on with the same run",
    )
