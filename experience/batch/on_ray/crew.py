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
from state.errors import DependencyUnavailable, RunStopped, SixplaneError

if TYPE_CHECKING:
    from experience.service import ResearchService

_log = logging.getLogger(__name__)

_MOST_LOSSES = 3
"""How many workers a row may lose before it fails: it may be the row that ends them, for example by its memory."""

_MOST_STARTS = 50
"""How often a worker is started again. A chosen value, far above what a cluster loses: one that dies whenever it opens
its service would be started for ever, and the job never end."""

_LATE_SECONDS = 60.0
"""After how long the log tells that a worker has not started yet. A chosen value: a start takes a few seconds."""

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
        self._ended: SixplaneError | None = None
        """Why no row may start any more: no worker is left, or the job is drained."""
        for worker in workers:
            self._join(worker, rows_each)

    async def ask(self, task: BatchTask) -> BatchOutcome:
        """Run the task on a free worker; if it is lost, on another one, which goes on with the same run.

        Raises:
            DependencyUnavailable: no worker is left.
        """
        from ray.exceptions import RayError, RayTaskError

        for lost in range(1, _MOST_LOSSES + 1):
            try:
                worker = await self._next_free()
            except RunStopped as error:
                return await failed_task(self._service, task, error)
            self._asked[worker] += 1
            try:
                reply = read_reply(await worker.run.remote(task.model_dump_json()))
            except RayTaskError:
                raise  # what `run` itself raised: no worker was lost
            except RayError as error:  # of many kinds: `OutOfMemoryError`, `ObjectLostError`, `ActorUnavailableError`
                why = type(error).__name__
                _log.warning("a worker was lost (%s); line %s goes on elsewhere (loss %s)", why, task.line, lost)
                self._join_again(worker)
                continue
            finally:
                self._asked[worker] -= 1
            self._free.put_nowait(worker)
            if reply.outcome is not None:
                return reply.outcome
            return await failed_task(self._service, task, _unopened(reply.error))
        return await failed_task(self._service, task, _lost_often())

    async def drain(self, reason: str) -> None:
        """Ask the running rows of all workers to stop at their next node boundary, and start no further row."""
        if self._ended is None:
            self._end(RunStopped(f"stopped ({reason}) before a worker was free", hint="start the job again"))
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
        if self._ended is not None:
            self._free.put_nowait(None)  # for the next one who waits
            raise self._ended
        return worker

    def _end(self, why: SixplaneError) -> None:
        self._ended = why
        self._free.put_nowait(None)  # wakes one who waits

    def _join_again(self, worker: Any) -> None:
        """Count the place of the row that the worker has lost, and its free ones, as free once it has started again.

        A row on one of its free places would be lost at once, which counts as if it had ended another worker.
        """
        free = [self._free.get_nowait() for _ in range(self._free.qsize())]
        for each in free:
            if each is not worker:
                self._free.put_nowait(each)
        self._join(worker, 1 + free.count(worker))

    def _join(self, worker: Any, rows: int) -> None:
        """Count `rows` places of a worker as free once it is ready."""
        task = asyncio.create_task(self._joined(worker, rows))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _joined(self, worker: Any, rows: int) -> None:
        from ray.exceptions import RayError

        late = asyncio.get_running_loop().call_later(_LATE_SECONDS, _tell_late)
        try:
            # Ray repeats this call while the worker is started again; `run` is never repeated by Ray itself.
            told = read_reply(await worker.ready.options(max_task_retries=-1).remote())
            fault = _unopened(told.error) if told.error else None
        except RayError as error:
            why = f"a worker was lost and could not be started again ({type(error).__name__})"
            fault = DependencyUnavailable(why, hint="look at the nodes and their memory, or use fewer `--workers`")
        finally:
            late.cancel()
        if fault is None:
            self._opened.add(worker)
            for _ in range(rows):
                self._free.put_nowait(worker)
            return
        self._left -= rows
        _log.warning("a worker cannot run rows: %s", fault.message)
        if self._left <= 0 and self._ended is None:
            self._end(fault)


@asynccontextmanager
async def open_crew(service: ResearchService, opening: Opening, workers: int, rows_each: int) -> AsyncIterator[Crew]:
    """Start the workers for the block, one CPU each."""
    import ray

    actor = ray.remote(RowWorker).options(
        num_cpus=1,
        max_restarts=_MOST_STARTS,  # after a crash, or elsewhere if its node is lost
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


def _tell_late() -> None:
    _log.warning(
        "a worker has not started in %.0f seconds: the cluster may lack a free CPU. Rows run on those that have, else "
        "the job waits",
        _LATE_SECONDS,
    )


def _unopened(error: BatchError | None) -> DependencyUnavailable:
    told = error or BatchError(code="", message="no reason was given")
    return DependencyUnavailable(f"a worker could not open the service: {told.message}", hint=told.hint)


def _lost_often() -> DependencyUnavailable:
    return DependencyUnavailable(
        f"{_MOST_LOSSES} workers were lost while they ran this row",
        hint="they may lack memory: use a lower `--concurrency`; `--retry failed` goes on with the same run",
    )
