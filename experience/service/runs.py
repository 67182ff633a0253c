"""The runs of this process.

A run belongs to the service, not to a connection: clients watch it, and it continues when its client disconnects.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from experience.errors import known_error
from experience.exits import outage_of
from experience.service import ResearchService
from experience.service.events import (
    Ending,
    ReportReady,
    ReviewPendingEvent,
    RunEvent,
    RunFailed,
    RunStarted,
    RunStoppedEvent,
)
from experience.service.limits import RunLimits
from experience.service.models import ResearchRequest
from experience.service.places import Places
from experience.service.watching import Watchers
from state.errors import RunMissing, RunStopped, SixplaneError, ThreadBusy, TooBusy
from state.report import Report
from state.values import ReviewAnswer

RETAINED = 64
"""How many ended runs keep their events in memory; for older runs, read the result from the thread. A chosen value: it
bounds memory and is more than a client needs to reconnect."""

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Run:
    """One run and its events so far. A resumed run continues the numbering of its events.

    Args:
        id: the run's UUID, the same in the report, the ledger and the trace.
        tenant: the tenant that the run belongs to.
        owner: the principal that started it; empty if principals are unknown.
    """

    id: str
    tenant: str
    owner: str = ""
    thread_id: str = ""
    events: list[RunEvent] = field(default_factory=list)
    epoch: str = field(default_factory=lambda: secrets.token_hex(4))
    """Identifies this numbering: the same run has other event numbers in another process, so a client that reconnects
    with a number from there must not skip events here."""
    resumed_after: int = 0
    """The number of the last event before it was last resumed."""
    elsewhere: bool = False
    """Whether another process owns the run. Only that process has its events."""
    failure: BaseException | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ending(self) -> Ending | None:
        """The event that ended the run, `None` while it runs."""
        last = self.events[-1] if self.events else None
        return last if isinstance(last, Ending) else None

    @property
    def report(self) -> Report | None:
        """The report that ended the run, `None` if it has none."""
        return self.ending.report if isinstance(self.ending, ReportReady) else None

    @property
    def review(self) -> dict[str, Any]:
        """The question, draft, claims and findings that wait for a review, and its id; empty if none does."""
        if not isinstance(self.ending, ReviewPendingEvent):
            return {}
        return self.ending.model_dump(mode="json", include={"review_id", "question", "draft", "claims", "findings"})

    @property
    def error(self) -> BaseException | None:
        """The error of a failed run, or the outage that stopped it: its report is no answer."""
        if isinstance(self.ending, RunFailed):
            return self.failure or SixplaneError(self.ending.message)
        return outage_of(self.report) if self.report else None

    @property
    def status(self) -> str:
        """The status of the report, or `running`, `review_pending`, `stopped` or `failed` if there is none."""
        if self.ending is None:
            return "running"
        return self.report.status.value if self.report else self.ending.type

    @property
    def last(self) -> int:
        """The number of the latest event."""
        return self.events[-1].sequence if self.events else 0

    async def watch(self, after: int = 0) -> AsyncIterator[RunEvent]:
        """Yield the events with numbers above `after` as they come, until the run ends.

        Raises:
            ThreadBusy: another process owns the run.
        """
        self.here()
        at = 0
        while True:
            news = self._news  # taken before the events are read: an event in between sets it, and none is missed
            while at < len(self.events):
                at += 1
                if self.events[at - 1].sequence > after:
                    yield self.events[at - 1]
            if self.ending is not None:
                return
            await news.wait()

    async def ended(self) -> Ending:
        """Wait until the run ends and return its last event. Raises `ThreadBusy` if another process owns the run."""
        self.here()
        while self.ending is None:
            await self._news.wait()
        return self.ending

    def here(self) -> None:
        """Raise `ThreadBusy` if another process owns the run."""
        if self.elsewhere:
            raise ThreadBusy(
                f"another process owns the run {self.id!r}", hint="watch or cancel it there, or wait until it ends"
            )

    async def beyond(self, sequence: int) -> None:
        """Wait for an event with a number above `sequence`. Raises the error if the run failed before it had one."""
        while self.last <= sequence:
            if self.failure is not None:
                raise self.failure
            await self._news.wait()

    def take(self, event: RunEvent) -> None:
        """Append an event."""
        if isinstance(event, RunStarted):
            self.thread_id = event.thread_id
        self.events.append(event)
        self._tell()

    def fail(self, error: BaseException) -> None:
        """End the run with `error`. If the run had started, append a `failed` event."""
        self.failure = error
        if self.events and self.ending is None:
            known = known_error(error) or SixplaneError(f"unexpected {type(error).__name__}")
            told = {"code": known.code, "message": known.message, "hint": known.hint}
            self.events.append(RunFailed(sequence=self.last + 1, thread_id=self.thread_id, **told))
        self._tell()

    def stop(self) -> None:
        """End the run as stopped; its thread can be resumed."""
        if self.last == self.resumed_after:
            self.failure = RunStopped("the run was stopped before it began")
        elif self.ending is None:
            self.events.append(RunStoppedEvent(sequence=self.last + 1, thread_id=self.thread_id))
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()  # a new one for each event, so that every watcher wakes exactly once


class Runs:
    """Starts runs within `limits` and finds them by id."""

    def __init__(self, service: ResearchService, limits: RunLimits | None = None) -> None:
        self.service, self.limits = service, limits or RunLimits()
        self.places = Places(self.limits)
        self._batches, self._batch_places = 0, asyncio.Semaphore(max(1, self.limits.running // 2))
        self._live: dict[str, Run] = {}
        self._ended: OrderedDict[str, Run] = OrderedDict()
        self._tasks: dict[asyncio.Task[None], Run] = {}
        self.watchers = Watchers(self.limits.unwatched_seconds, self.cancel, self._cut)
        """The clients that wait for runs."""

    async def start(self, request: ResearchRequest) -> Run:
        """Start a run and return it once it holds the thread's lease.

        Raises:
            TooBusy: too many runs are waiting, or the process is shutting down.
            SixplaneError: an error of `ResearchService.run`.
        """
        run = Run(str(uuid.uuid4()), request.context.tenant, request.context.principal)
        return await self._begin(run, self.service.stream(request, run_id=run.id))

    async def resume(
        self,
        tenant: str,
        thread_id: str,
        answer: ReviewAnswer | None = None,
        *,
        audiences: tuple[str, ...] | None = None,
    ) -> Run:
        """Continue a thread, or answer its review. Raises `TooBusy`, and the errors of `ResearchService.resume`."""
        record = await self.service.record(tenant, thread_id)
        if record.run_id in self._live:
            raise ThreadBusy(f"the thread {thread_id!r} is being run", hint="wait until it ends")
        run = Run(record.run_id, tenant, record.owner or "", thread_id)
        before = self._ended.get(record.run_id)
        if before is not None:  # a copy: if the resume fails, the ended run keeps its events
            run.events, run.epoch = list(before.events), before.epoch
        return await self._begin(
            run,
            self.service.resume(tenant, thread_id, answer, after=run.last, audiences=audiences, seen=record.updated_at),
        )

    async def get(self, tenant: str, run_id: str) -> Run:
        """Return a run of the tenant. If its events are no longer in memory, return it with its last event only.

        Raises:
            RunMissing: the tenant has no such run.
        """
        run = self._known(run_id) or await self._from_thread(tenant, run_id)
        if run is None or run.tenant != tenant:
            raise RunMissing(f"there is no run {run_id!r}")
        return run

    def cancel(self, run: Run) -> None:
        """Stop a run after its current step; its thread can be resumed. A run that has ended does not change.

        Raises:
            ThreadBusy: another process owns the run.
        """
        run.here()
        if self._live.get(run.id) is run:  # its thread may have a newer run by now
            self.service.request_drain("cancelled", thread=(run.tenant, run.thread_id))

    def _cut(self, run: Run) -> None:
        for task in [task for task, each in self._tasks.items() if each is run]:
            task.cancel()

    def forget(self, tenant: str, thread_id: str) -> None:
        """Drop the ended runs of a deleted thread."""
        for run in [*self._ended.values()]:
            if (run.tenant, run.thread_id) == (tenant, thread_id):
                del self._ended[run.id]

    @contextmanager
    def batch(self) -> Iterator[asyncio.Semaphore]:
        """Yield the semaphore that each run of a batch must hold.

        All batches together get half of the places, so that single questions are still answered beside them.

        Raises:
            TooBusy: too many batches are being served.
        """
        if self._batches >= max(1, self.limits.waiting):
            raise TooBusy(f"{self._batches} batches are being served", retry_after=self.places.patience())
        self._batches += 1
        try:
            yield self._batch_places
        finally:
            self._batches -= 1

    @property
    def closed(self) -> bool:
        """Whether new runs are refused."""
        return self.places.closed

    async def drain(self, reason: str, seconds: float) -> None:
        """Refuse new runs, stop every run after its current step, and cancel those that take more than `seconds`."""
        self.places.closed = True
        self.service.request_drain(reason)
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _begin(self, run: Run, events: AsyncGenerator[RunEvent]) -> Run:
        run.resumed_after = run.last
        leave = await self.places.take((run.tenant, run.owner))
        task = asyncio.create_task(self._follow(run, events, leave))
        self._tasks[task] = run
        task.add_done_callback(self._tasks.pop)
        try:
            await run.beyond(run.resumed_after)
        except asyncio.CancelledError:
            with self.watchers.watching(run):  # its client has left before it began
                raise
        return run

    async def _follow(self, run: Run, events: AsyncGenerator[RunEvent], leave: Callable[[], None]) -> None:
        ending: Ending | None = None
        try:
            self.places.check_open()  # a drain that began before this task does not know of the run
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Ending):
                        # Published in `finally`, when the lease is released: a client may answer or ask on at once.
                        ending = event
                    else:
                        self._live[run.id] = run
                        run.take(event)
        except asyncio.CancelledError:
            run.stop()
            raise
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: watchers must learn of every error
            run.fail(error)
            if known_error(error) is None:
                _log.error("a run failed with %s", type(error).__name__)
        finally:
            leave()
            self.watchers.forget(run)
            if self._live.get(run.id) is run:
                del self._live[run.id]
                self._retain(run)
            if ending is not None and run.ending is None:
                run.take(ending)

    def _known(self, run_id: str) -> Run | None:
        return self._live.get(run_id) or self._ended.get(run_id)

    def _retain(self, run: Run) -> None:
        self._ended[run.id] = run
        self._ended.move_to_end(run.id)
        while len(self._ended) > RETAINED:
            self._ended.popitem(last=False)

    async def _from_thread(self, tenant: str, run_id: str) -> Run | None:
        """Return a run that is not in this process's memory, with its last event rebuilt from its thread."""
        view = await self.service.show_run(tenant, run_id)
        if view is None:
            return None
        thread = view.thread
        run = Run(run_id, tenant, thread.owner or "", thread.thread_id, elsewhere=view.live)
        if view.live:
            return run
        if view.report is not None:
            run.take(ReportReady(sequence=1, report=view.report))
        elif view.pending is not None:
            run.take(ReviewPendingEvent(sequence=1, thread_id=thread.thread_id, **view.pending))
        else:
            run.take(RunStoppedEvent(sequence=1, thread_id=thread.thread_id))
        return run
