"""The operations on the tables of threads and runs, each one transaction in a worker thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import sqlalchemy as sa

from experience.service.threads import ageing, rows
from experience.service.threads.leases import lease_clock, new_owner
from experience.service.threads.listing import PageWanted, cursor_of, page_of
from experience.service.threads.records import AgedRun, KeptRun, RunRecord, StoredRun, ThreadPage
from experience.tables import backfill, runs, threads
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

    Database calls run in worker threads, because drivers block and blocking the event loop would stop every run.
    """

    def __init__(self, settings: Settings, *, lease_seconds: float, engine: sa.Engine | None = None) -> None:
        self._database = Database(settings, "threads.db", threads_metadata, engine=engine, upgraded=_upgraded)
        self._lease_seconds = lease_seconds
        self._owner = new_owner()
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
    ) -> None:
        """Store a new run and take the thread's lease.

        Raises:
            ThreadBusy: another run holds the thread's lease, or the thread has an unfinished run.
            ThreadMissing: the thread belongs to another principal.
        """
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
            **self._lease(),
        }
        await self._run(lambda connection: rows.begin(connection, tenant, thread_id, values))

    async def take(self, tenant: str, thread_id: str) -> StoredRun:
        """Take the lease of an existing thread to resume it.

        Raises:
            ThreadMissing: the tenant has no such thread.
            ThreadBusy: another run holds the thread's lease.
        """
        return await self._run(lambda connection: rows.take(connection, tenant, thread_id, self._lease()))

    async def settle(
        self,
        tenant: str,
        thread_id: str,
        run_id: str,
        status: str,
        *,
        span: tuple[str, str] | None = None,
        report: Report | None = None,
    ) -> None:
        """Store the status and the report, and release the lease, unless another process has taken the thread since.

        Raises:
            DependencyUnavailable: it cannot be stored now. It is tried again until it is, or the table is closed.
        """
        at = rows.now()
        traced = {"trace_id": span[0], "span_id": span[1]} if span else {}
        told = {"report": report.model_dump(mode="json")} if report else {}
        released = {"status": status, "lease_owner": None, "lease_until": None, "updated_at": at, **traced}
        held = rows.mine(tenant, thread_id, self._owner).values(**released)
        own = runs.update().where(runs.c.tenant == tenant, runs.c.run_id == run_id)

        def settle(connection: sa.Connection) -> None:
            if connection.execute(held).rowcount:
                connection.execute(own.values(status=status, updated_at=at, **told))

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

    async def release(self, tenant: str, thread_id: str) -> None:
        """Release a lease that was taken and not used. The thread stays as it was."""
        held = rows.mine(tenant, thread_id, self._owner).values(lease_owner=None, lease_until=None)
        await self._run(lambda connection: connection.execute(held))

    @asynccontextmanager
    async def held(self, tenant: str, thread_id: str, lost: Callable[[], None]) -> AsyncIterator[None]:
        """Renew the lease while the block runs. Call `lost` if another process has taken it."""
        beat = asyncio.create_task(self._beat(tenant, thread_id, lost))
        try:
            yield
        finally:
            beat.cancel()
            with suppress(asyncio.CancelledError):
                await beat

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
        return await self._read(lambda connection: rows.stored(rows.existing(connection, tenant, thread_id)))

    async def runs(self, tenant: str, thread_id: str) -> tuple[RunRecord, ...]:
        """Return the runs of a thread, the latest first."""
        return tuple(await self._read(lambda connection: rows.runs_of(connection, tenant, thread_id)))

    async def by_run(self, tenant: str, run_id: str) -> KeptRun | None:
        """Return a run with its thread, or `None`."""
        return await self._read(lambda connection: rows.kept_run(connection, tenant, run_id))

    async def check(self) -> None:
        """Read from the table. Raises `DependencyUnavailable`."""
        await self._read(lambda connection: connection.execute(sa.select(threads.c.tenant).limit(1)).first())

    async def remove(self, tenant: str, thread_id: str) -> None:
        """Delete a thread with its runs, from the write-ahead log too."""
        await self._run(lambda connection: rows.remove(connection, tenant, thread_id))
        await IO.run(self._database.truncate_log)

    async def abandoned(self, attempts: int) -> Sequence[StoredRun]:
        """Return the runs of dead processes that were taken up fewer than `attempts` times, and give up the others."""
        return await self._run(lambda connection: ageing.abandoned(connection, attempts))

    async def count_attempt(self, tenant: str, thread_id: str) -> None:
        """Note that the thread's run is taken up once more."""
        await self._run(lambda connection: ageing.count_attempt(connection, tenant, thread_id))

    async def threads_before(self, before: str) -> Sequence[tuple[str, str]]:
        """Return tenant and name of some threads whose last run ended before a time, oldest first."""
        return await self._read(lambda connection: ageing.threads_before(connection, before))

    async def checkpointed_before(self, before: str) -> Sequence[tuple[str, str]]:
        """Return tenant and name of some of them: those that are finished and still have checkpoints."""
        return await self._read(lambda connection: ageing.checkpointed_before(connection, before))

    async def reports_before(self, before: str) -> Sequence[AgedRun]:
        """Return some finished runs that ended before a time and whose reports are kept, oldest first."""
        return await self._read(lambda connection: ageing.reports_before(connection, before))

    async def remove_report(self, aged: AgedRun) -> None:
        """Delete a run's report, from the write-ahead log too. Its question, dates and status stay."""
        await self._run(lambda connection: ageing.remove_report(connection, aged))
        await IO.run(self._database.truncate_log)

    async def keep_report(self, aged: AgedRun, report: Report) -> None:
        """Store the report of a run of an earlier release, which stood in its checkpoints alone."""
        told = report.model_dump(mode="json")
        await self._run(lambda connection: ageing.keep_report(connection, aged, told))

    async def note_without_checkpoints(self, tenant: str, thread_id: str) -> None:
        """Note that a thread's checkpoints were removed."""
        await self._run(lambda connection: ageing.note_without_checkpoints(connection, tenant, thread_id))

    async def _beat(self, tenant: str, thread_id: str, lost: Callable[[], None]) -> None:
        held = rows.mine(tenant, thread_id, self._owner)
        while True:
            # A third of the lease, so that one failed renewal does not lose the thread.
            await asyncio.sleep(self._lease_seconds / 3)
            with suppress(DependencyUnavailable):  # a locked table must not cost the report: the next beat tries again
                if not await self._run(lambda c: c.execute(held.values(**self._lease())).rowcount):
                    _log.warning("the thread %r was taken by another process: its run stops here", thread_id)
                    lost()
                    return

    def _lease(self) -> dict[str, Any]:
        return {"lease_owner": self._owner, "lease_until": lease_clock() + self._lease_seconds}

    async def _run(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await IO.run(self._database.write, work)

    async def _read(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await IO.run(self._database.read, work)


def _upgraded(connection: sa.Connection) -> None:
    for statement in backfill():
        connection.execute(statement)
