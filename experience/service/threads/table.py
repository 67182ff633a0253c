"""The operations on the tables of threads and runs, each one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from experience.service.threads import ageing, rows
from experience.service.threads.leases import Lease
from experience.service.threads.listing import PageWanted, cursor_of, page_of
from experience.service.threads.records import AgedRun, AgedThread, KeptRun, RunRecord, StoredRun, ThreadPage
from experience.service.threads.renewal import Renewal
from experience.tables import backfill, threads
from experience.tables import metadata as threads_metadata
from settings import Settings
from settings.connections.sql import Database
from settings.pools import IO
from state.channels import ResearchContext
from state.errors import DependencyUnavailable
from state.report import Report
from state.values import Refusal

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


AGAIN_SECONDS = 1.0
"""How long after a failure a lease is tried to be given back again. A chosen value: no thread stays busy for longer."""


class Threads:
    """The tables on SQLite or Oracle Database, through SQLAlchemy Core.

    Drivers block, and what blocks the event loop stops every run: transactions run in worker threads. Those of a run
    on a file run in the loop unless they would have to wait.
    """

    def __init__(self, settings: Settings, *, lease_seconds: float, engine: sa.Engine | None = None) -> None:
        self._database = Database(settings, "threads.db", threads_metadata, engine=engine, upgraded=_upgraded)
        self._lease_seconds = lease_seconds
        self._late: set[asyncio.Task[None]] = set()
        """Settles that failed and are tried again."""

    async def setup(self) -> None:
        """Open the tables. On SQLite, create what does not exist."""
        await self._run(lambda _: None)

    async def aclose(self) -> None:
        """Close the connections."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await asyncio.to_thread(self._database.close)

    async def start(
        self,
        tenant: str,
        thread_id: str,
        run_id: str,
        question: str,
        context: ResearchContext,
        refusal: Refusal | None,
        span: tuple[str, str],
    ) -> Lease:
        """Store a new run and return the thread's lease, which it has taken.

        Raises:
            ThreadBusy: another run holds the thread's lease, or the thread has an unfinished run.
            ThreadMissing: the thread belongs to another principal.
        """
        lease = Lease(tenant, thread_id)
        values = {
            "run_id": run_id,
            "status": "running",
            "question": question,
            "context": context.model_dump(mode="json"),
            "refusal": refusal.model_dump(mode="json") if refusal else None,
            "trace_id": span[0],
            "span_id": span[1],
            "owner": context.principal or None,
            "updated_at": rows.now(),
        }
        held = self._held(lease)
        await self._run(lambda connection: rows.begin(connection, lease, values, held))
        return lease

    async def take(self, tenant: str, thread_id: str) -> tuple[StoredRun, Lease]:
        """Take the lease of an existing thread, to resume it or to delete from it.

        If its process had died while it ran, that it is taken up is counted.

        Raises:
            ThreadMissing: the tenant has no such thread.
            ThreadBusy: another run holds the thread's lease.
        """
        lease = Lease(tenant, thread_id)
        return await self._run(lambda connection: rows.take(connection, lease, self._held(lease))), lease

    async def go_on(self, lease: Lease, run_id: str) -> None:
        """Note that a run of a taken thread is running again, so that it is taken up if its process dies.

        Raises:
            ThreadBusy: the lease was lost.
        """
        await self._run(lambda connection: rows.go_on(connection, lease, run_id))

    async def settle(
        self,
        lease: Lease,
        run_id: str,
        status: str,
        *,
        span: tuple[str, str] | None = None,
        report: Report | None = None,
    ) -> None:
        """Store the status and the report, and release the lease, unless the thread was taken since.

        Raises:
            DependencyUnavailable: it cannot be stored now. It is tried again until it is, or the table is closed.
        """
        ended: dict[str, Any] = {"status": status, "updated_at": rows.now()}
        if span:
            ended["trace_id"], ended["span_id"] = span
        if report:
            ended["report"] = report.model_dump(mode="json")
        settle = partial(rows.settle, lease=lease, run_id=run_id, ended=ended)
        try:
            await self._run(settle)
        except DependencyUnavailable:  # a full disk, for example: the lease is given back as soon as there is room
            task = asyncio.create_task(self._settle_later(settle))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            raise

    async def _settle_later(self, settle: Callable[[sa.Connection], None]) -> None:
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            with suppress(DependencyUnavailable):
                await self._run(settle)
                return

    async def release(self, lease: Lease, status: str) -> None:
        """Release a lease that was taken without effect, and leave the thread in `status`."""
        held = rows.mine(lease).values(lease_owner=None, lease_until=None, status=status)
        await self._run(lambda connection: connection.execute(held))

    @asynccontextmanager
    async def alone(self, tenant: str, thread_id: str) -> AsyncIterator[tuple[StoredRun, Lease]]:
        """Hold a thread while the block deletes from it. Its status stays.

        Raises:
            ThreadMissing: the tenant has no such thread.
            ThreadBusy: another run holds the thread's lease, or has taken it, which cancels the block.
        """
        stored, lease = await self.take(tenant, thread_id)
        try:
            async with asyncio.timeout(None) as scope, self.held(lease, lambda: scope.reschedule(0)):
                yield stored, lease
        except TimeoutError as error:
            raise rows.taken(thread_id) if scope.expired() else error from None
        finally:
            await self.release(lease, stored.record.status)

    @asynccontextmanager
    async def held(self, lease: Lease, lost: Callable[[], None]) -> AsyncIterator[None]:
        """Renew the lease while the block runs. Call `lost` if it was taken by another."""
        renewal = Renewal(lambda: self._renewed(lease, lost), self._lease_seconds / 3)
        try:
            yield
        finally:
            await renewal.end()

    async def list(self, tenant: str, wanted: PageWanted) -> ThreadPage:
        """Return a page of the tenant's threads, latest first.

        Raises:
            BadInput: the cursor is not one of a list.
        """
        query = page_of(tenant, wanted)

        def read(connection: sa.Connection) -> ThreadPage:
            found = [*connection.execute(query).mappings()]
            page = found[: wanted.limit]
            more = cursor_of(page[-1]) if len(found) > len(page) else None
            return ThreadPage(threads=tuple(rows.summary(row) for row in page), next=more)

        return await self._read(read)

    async def get(self, tenant: str, thread_id: str) -> StoredRun:
        """Return the latest run of a thread. Raises `ThreadMissing`."""
        return await self._database.aread(lambda connection: rows.stored(rows.existing(connection, tenant, thread_id)))

    async def runs(self, tenant: str, thread_id: str) -> tuple[RunRecord, ...]:
        """Return the runs of a thread, the latest first."""
        return tuple(await self._read(lambda connection: rows.runs_of(connection, tenant, thread_id)))

    async def run_ids(self, tenant: str, thread_id: str, *, unkept: bool = False) -> AsyncIterator[Sequence[str]]:
        """Yield the ids of all runs of a thread, some at a time.

        `unkept`: only those of finished runs whose reports are in the checkpoints alone.
        """
        after: str | None = None
        while found := await self._database.aread(
            partial(rows.run_ids, tenant=tenant, thread_id=thread_id, after=after, unkept=unkept)
        ):
            yield found
            after = found[-1]

    async def has_unlisted_runs(self, tenant: str, thread_id: str) -> bool:
        """Return whether a thread began before the first of its runs that is known, in an earlier release."""
        return await self._read(lambda connection: rows.has_unlisted_runs(connection, tenant, thread_id))

    async def by_run(self, tenant: str, run_id: str) -> KeptRun | None:
        """Return a run with its thread, or `None`."""
        return await self._database.aread(lambda connection: rows.kept_run(connection, tenant, run_id))

    async def check(self) -> None:
        """Read from the table. Raises `DependencyUnavailable`."""
        await self._read(lambda connection: connection.execute(sa.select(threads.c.tenant).limit(1)).first())

    async def remove(self, lease: Lease) -> None:
        """Delete a thread with its runs, from the write-ahead log too. Raises `ThreadBusy` if the lease was lost."""
        await IO.run(self._database.write, lambda connection: rows.remove(connection, lease), repeatable=True)
        await IO.run(self._database.truncate_log)

    async def abandoned(self, attempts: int) -> Sequence[StoredRun]:
        """Return the runs of dead processes that were taken up fewer than `attempts` times, and give up the others."""
        dead = await self._read(ageing.abandoned)
        hopeless = [row for row in dead if (row["taken_up"] or 0) >= attempts]
        if hopeless:
            await self._run(lambda connection: ageing.give_up(connection, hopeless))
        return [rows.stored(row) for row in dead if (row["taken_up"] or 0) < attempts]

    async def waiting(self) -> Sequence[tuple[str, str]]:
        """Return tenant and id of the runs that wait for a person."""
        return await self._read(ageing.waiting)

    async def threads_before(self, before: str, after: AgedThread | None = None) -> Sequence[AgedThread]:
        """Return some threads whose last run ended before a time, oldest first; `after`: the last one before these."""
        return await self._read(lambda connection: ageing.threads_before(connection, before, after))

    async def checkpointed_before(self, before: str, after: AgedThread | None = None) -> Sequence[AgedThread]:
        """Return some of them, likewise: those that are finished and still have checkpoints."""
        return await self._read(lambda connection: ageing.checkpointed_before(connection, before, after))

    async def reports_before(self, before: str, after: AgedRun | None = None) -> Sequence[AgedRun]:
        """Return some finished runs that ended before a time and whose reports are kept, likewise."""
        return await self._read(lambda connection: ageing.reports_before(connection, before, after))

    async def counts_before(self, threads: str, reports: str, checkpoints: str) -> tuple[int, int, int]:
        """Return how many threads, reports and checkpointed threads ended before these times; `NEVER`: none."""
        return await self._read(lambda connection: ageing.counts_before(connection, threads, reports, checkpoints))

    async def remove_report(self, aged: AgedRun) -> None:
        """Delete a run's report, from the write-ahead log too. Its question, dates and status stay."""
        await self._run(lambda connection: ageing.remove_report(connection, aged))
        await IO.run(self._database.truncate_log)

    async def keep_report(self, tenant: str, run_id: str, report: Report) -> None:
        """Store the report of a run that only its checkpoints have, unless it was stored or removed meanwhile."""
        told = report.model_dump(mode="json")
        await self._run(lambda connection: ageing.keep_report(connection, tenant, run_id, told))

    async def note_without_checkpoints(self, lease: Lease) -> None:
        """Note that the checkpoints of a thread were removed, unless its lease was lost."""
        await self._run(lambda connection: ageing.note_without_checkpoints(connection, lease))

    async def _renewed(self, lease: Lease, lost: Callable[[], None]) -> bool:
        """Renew a lease, and return whether to do so again."""
        with suppress(DependencyUnavailable):  # a locked table must not cost the report: the next time tries again
            held = self._held(lease)
            if not await self._run(lambda connection: rows.renew(connection, lease, held)):
                _log.warning("the thread %r was taken by another process: its run stops here", lease.thread_id)
                lost()
                return False
        return True

    def _held(self, lease: Lease) -> dict[str, Any]:
        return {"lease_owner": lease.owner, "lease_seconds": self._lease_seconds}

    async def _run(self, work: Callable[[sa.Connection], Result]) -> Result:
        # A lease has a name of its own, so each transaction finds what an earlier attempt of it has stored.
        return await self._database.awrite(work)

    async def _read(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await IO.run(self._database.read, work)


def _upgraded(connection: sa.Connection) -> None:
    for statement in backfill():
        connection.execute(statement)
