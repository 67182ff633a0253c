"""A batch job: reads rows from a file, runs them on an engine and records each outcome once.

The job can be killed at any time; starting it again continues it.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from experience.batch.engine import Engine
from experience.batch.journal import JobHeader, Journal, open_journal
from experience.batch.keys import FORMAT, Keys
from experience.batch.outcome_index import Known, OutcomeIndex
from experience.batch.rows import Row, RowFile
from experience.batch.summary import BatchSummary, summary_of
from experience.batch.values import BatchOutcome, BatchTask, RowStatus
from settings.pools import IO
from state.channels import ResearchContext
from state.errors import BadInput, BudgetExceeded

if TYPE_CHECKING:
    from experience.service import ResearchService

_CHUNK = 64
"""How many rows a worker thread reads at a time. A chosen value: large enough to hide the cost of a thread switch."""

Ending = Literal["", "stopped", "budget_exceeded"]


@dataclass(frozen=True)
class JobOptions:
    """The options of a job.

    Args:
        source: the input file, JSON Lines.
        out: the output file.
        context: the context of every row; a row's own context overrides it.
        retry_failed: whether failed rows are asked again.
        budget_micro_usd: the cost at which no further row is started.
    """

    source: Path
    out: Path
    context: ResearchContext
    retry_failed: bool = False
    budget_micro_usd: int | None = None


class BatchJob:
    """One start of a job. `run` yields the new outcomes; `summary` covers all recorded ones."""

    def __init__(self, service: ResearchService, engine: Engine, options: JobOptions) -> None:
        if options.source.exists() and options.out.exists() and options.source.samefile(options.out):
            raise BadInput("input and output are the same file", hint="choose another `--out`")
        self._engine, self._options = engine, options
        self._keys = Keys(service)
        self._rows = RowFile(options.source, options.context)
        self._index = OutcomeIndex()
        self._changed = asyncio.Event()
        self._running = 0
        self._journal: Journal | None = None
        self._rows_in_all = 0
        self.ending: Ending = ""
        """Why the job stopped before its last row; empty if it did not."""
        self.over_budget: BudgetExceeded | None = None

    async def run(self) -> AsyncGenerator[BatchOutcome]:
        """Yield each new outcome after it was recorded. Drained runs are yielded as `stopped` and are not recorded.

        Raises:
            BadInput: the input cannot be read, has an id twice or changes meanwhile, or the output cannot be written.
            BatchMismatch: the output belongs to another job.
            BatchBusy: another process writes to the output.
            StorageFull: the disk is full.
        """
        header = await self._header()
        self._rows_in_all = header.rows
        with ExitStack() as stack:
            opened = open_journal(self._options.out, header, self._index.add)
            journal = self._journal = await asyncio.to_thread(stack.enter_context, opened)
            async with aclosing(self._engine.run(self._tasks(header, journal.header.run))) as outcomes:
                async for outcome in outcomes:
                    await self._record(journal, outcome)
                    yield outcome

    def drain(self, reason: str) -> None:
        """Start no further row and stop the running ones at their next node boundary."""
        self.ending = "stopped"
        self._changed.set()
        self._engine.drain(reason)

    def summary(self) -> BatchSummary:
        """Return the summary over all starts of the job."""
        header = self._journal.header if self._journal else None
        return summary_of(header, self._index, self._rows_in_all, self.ending)

    @property
    def progress(self) -> tuple[int, int, int]:
        """The number of rows with an outcome, the number of all rows, and the cost so far in micro-dollars."""
        return self._index.recorded, self._rows_in_all, self._index.cost_micro_usd

    async def _header(self) -> JobHeader:
        """Read the input completely to check its ids and to compute the digest of all keys.

        This first pass finds a duplicate id before anything is paid for, and tells whether the output file belongs to
        this job.
        """
        keys, lines, count = hashlib.sha256(), hashlib.sha256(), 0
        async for row in _in_chunks(self._rows.rows()):
            keys.update(bytes.fromhex(await self._keys.of_row(row)))
            lines.update(bytes.fromhex(row.digest))
            count += 1
        context = self._options.context
        return JobHeader(
            format=FORMAT,
            id=keys.hexdigest(),
            run=uuid.uuid4().hex,
            rows=count,
            input=self._options.source.name,
            input_sha256=lines.hexdigest(),
            configuration=self._keys.configuration,
            tenant=context.tenant,
            corpus=context.corpus,
            corpus_version=await self._keys.corpus_version(context),
            models=self._keys.models(context),
            created_at=datetime.now(UTC).isoformat(),
        )

    async def _tasks(self, header: JobHeader, run: str) -> AsyncGenerator[BatchTask]:
        """Yield the rows that need an attempt, until the job ends."""
        keys = hashlib.sha256()
        async for row in _in_chunks(self._rows.rows()):
            key = await self._keys.of_row(row)
            keys.update(bytes.fromhex(key))
            task = self._task(row, key, run)
            if task is not None and not await self._may_start():
                return
            if task is None:
                continue
            self._running += 1
            yield task
        if keys.hexdigest() != header.id:
            raise BadInput("the input was changed while it was read", hint="start the job again with another `--out`")

    def _task(self, row: Row, key: str, run: str) -> BatchTask | None:
        """Return the next attempt at a row, or `None` if its recorded outcome is final."""
        known = self._index.get(key)
        if known is None:
            return self._attempt(row, key, run, 1)
        if known.status == RowStatus.REVIEW_PENDING:  # a person may have answered with `sixplane resume`
            return self._attempt(row, key, run, known.attempt, known)
        if known.status != RowStatus.FAILED or not self._options.retry_failed or row.fault is not None:
            return None
        return self._attempt(row, key, run, known.attempt + 1, known if known.resumable else None)

    def _attempt(self, row: Row, key: str, run: str, attempt: int, goes_on: Known | None = None) -> BatchTask:
        """Return a task on the thread and run of `goes_on`, or on new ones derived from job, row and attempt.

        Derived and not random: after a kill, the next start computes the same ids and finds the run again.
        """
        own = row.named_thread or f"b-{run[:8]}-{key[:24]}-{attempt}"
        thread = goes_on.thread_id if goes_on else own
        return BatchTask(
            key=key,
            line=row.line,
            id=row.id,
            attempt=attempt,
            tenant=self._options.context.tenant,
            thread_id=thread,
            run_id=goes_on.run_id if goes_on else str(uuid.uuid5(uuid.UUID(run), f"{key}/{attempt}")),
            ordered=row.named_thread is not None,
            request=row.request.model_copy(update={"thread_id": thread}) if row.request else None,
            fault=row.fault,
        )

    async def _may_start(self) -> bool:
        """Return whether another row may start. Waits for running rows if the budget may not cover one more."""
        while not self.ending:
            self._changed.clear()  # before the check: an outcome that is recorded after it sets the event again
            needed = self._needed()
            limit = self._options.budget_micro_usd
            if limit is None or needed <= limit:
                return True
            if not self._running:
                self.ending, self.over_budget = "budget_exceeded", BudgetExceeded("job", limit, needed)
                return False
            await self._changed.wait()
        return False

    def _needed(self) -> int:
        """Return what the job will have spent with one more row, if all running rows cost as much as the dearest.

        Until the first row has ended, its cost is unknown, so rows run one at a time: a second one is counted as more
        than the budget.
        """
        limit = self._options.budget_micro_usd or 0
        if not self._index.recorded:
            return limit + 1 if self._running else 0
        needed = self._index.cost_micro_usd + (self._running + 1) * self._index.dearest
        return max(needed, self._index.cost_micro_usd + 1)

    async def _record(self, journal: Journal, outcome: BatchOutcome) -> None:
        """Record the outcome.

        The row counts as running until its cost is added, so that `_needed` always counts it in one of the two ways.
        """
        known = self._index.get(outcome.key)
        if outcome.status is not RowStatus.STOPPED and not _same(known, outcome):
            await IO.run(journal.append, outcome)
            self._index.add(outcome)
        self._running -= 1
        if outcome.ends_job and not self.ending:
            self.ending = "budget_exceeded"
        self._changed.set()


def _same(known: Known | None, outcome: BatchOutcome) -> bool:
    """Return whether this outcome is recorded already, as for a row that still waits for a person's answer."""
    return known is not None and (known.status, known.attempt) == (outcome.status.value, outcome.attempt)


async def _in_chunks(rows: Iterator[Row]) -> AsyncIterator[Row]:
    """Yield rows, read in a worker thread."""
    while chunk := await IO.run(lambda: list(islice(rows, _CHUNK))):
        for row in chunk:
            yield row
