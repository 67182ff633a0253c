"""The table `threads`: each thread's question, context, status and lease.

LangGraph does not checkpoint a run's context, so `resume` restores it from this table. A thread has at most one live
lease, so that two runs never write to it at once. A thread id authorises nothing: every query names the tenant.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from experience.tables import metadata as threads_metadata
from experience.tables import threads as threads_table
from settings import Settings
from settings.connections.sql import Database
from state.access import Held, shared
from state.channels import ResearchContext
from state.errors import DependencyUnavailable, ThreadBusy, ThreadMissing
from state.values import Refusal, Value

UNFINISHED = ("running", "interrupted", "review")
"""Statuses of a thread with work left. `running` without a live lease means that the run was killed. (`stopped` is the
status of a report, so that run is over.)"""

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

_NAMED = sa.select(threads_table).where(
    threads_table.c.tenant == sa.bindparam("tenant"), threads_table.c.thread_id == sa.bindparam("thread")
)


class ThreadRecord(Value):
    """One thread and its latest run.

    `status` is the report's status, or `running`, `interrupted` or `review`. `owner` is the principal that started the
    thread; it is `None` for runs outside a server.
    """

    tenant: str
    thread_id: str
    run_id: str
    status: str
    question: str
    trace_id: str
    created_at: str
    updated_at: str
    owner: str | None = None


class StoredRun(Value):
    """The latest run of a thread with everything that a resume needs."""

    record: ThreadRecord
    context: ResearchContext
    refusal: Refusal | None
    span_id: str
    live: bool
    """Whether a process holds the thread's lease."""

    def seen_by(self, audiences: Held) -> StoredRun:
        """Return the run, limited to what `audiences` may read too: its caller may have lost some since it began."""
        limited = self.context.model_copy(update={"audiences": shared(self.context.audiences, audiences)})
        return self.model_copy(update={"context": limited})


class Threads:
    """The table on SQLite or Oracle Database, through SQLAlchemy Core.

    Database calls run in worker threads, because drivers block and blocking the event loop would stop every run.
    """

    def __init__(self, settings: Settings, *, lease_seconds: float, engine: sa.Engine | None = None) -> None:
        self._database = Database(settings, "threads.db", threads_metadata, engine=engine)
        self._lease_seconds = lease_seconds
        # The random part distinguishes two services in one process, and a process that got a dead process's id.
        self._owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"

    async def setup(self) -> None:
        """Open the table. On SQLite, create it if it does not exist."""
        await self._run(lambda _: None)

    async def aclose(self) -> None:
        """Close the connections."""
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
            "updated_at": _now(),
            **self._lease(),
        }
        await self._run(lambda connection: _start(connection, tenant, thread_id, values))

    async def take(self, tenant: str, thread_id: str) -> StoredRun:
        """Take the lease of an existing thread to resume it.

        Raises:
            ThreadMissing: the tenant has no such thread.
            ThreadBusy: another run holds the thread's lease.
        """

        # On SQLite the transaction is `BEGIN IMMEDIATE`: no other process gets between the check and the update.
        def take(connection: sa.Connection) -> StoredRun:
            row = _existing(connection, tenant, thread_id)
            if _live(row):
                raise ThreadBusy(f"the thread {thread_id!r} {_state(row)}", hint=_busy_hint(thread_id, row))
            connection.execute(_where(threads_table.update(), tenant, thread_id).values(**self._lease()))
            return _stored(row)

        return await self._run(take)

    async def settle(self, tenant: str, thread_id: str, status: str, span: tuple[str, str] | None = None) -> None:
        """Store the status and release the lease, unless another process has taken the thread since."""
        traced = {"trace_id": span[0], "span_id": span[1]} if span else {}
        values = {"status": status, "lease_owner": None, "lease_until": None, "updated_at": _now(), **traced}
        mine = self._mine(tenant, thread_id)
        await self._run(lambda connection: connection.execute(mine.values(**values)))

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

    async def list(self, tenant: str) -> list[ThreadRecord]:
        """Return the tenant's threads, latest first."""
        query = (
            sa.select(threads_table).where(threads_table.c.tenant == tenant).order_by(threads_table.c.updated_at.desc())
        )
        return await self._run(lambda connection: [_record(row) for row in connection.execute(query).mappings()])

    async def get(self, tenant: str, thread_id: str) -> StoredRun:
        """Return one thread. Raises `ThreadMissing`."""
        return await self._run(lambda connection: _stored(_existing(connection, tenant, thread_id)))

    async def by_run(self, tenant: str, run_id: str) -> StoredRun | None:
        """Return the thread whose latest run is `run_id`, or `None`."""
        query = sa.select(threads_table).where(threads_table.c.tenant == tenant, threads_table.c.run_id == run_id)

        def find(connection: sa.Connection) -> StoredRun | None:
            row = connection.execute(query).mappings().first()
            return None if row is None else _stored(row)

        return await self._run(find)

    async def remove(self, tenant: str, thread_id: str) -> None:
        """Delete a thread's row, from the write-ahead log too."""
        await self._run(lambda connection: connection.execute(_where(sa.delete(threads_table), tenant, thread_id)))
        await asyncio.to_thread(self._database.truncate_log)

    async def _beat(self, tenant: str, thread_id: str, lost: Callable[[], None]) -> None:
        mine = self._mine(tenant, thread_id)
        while True:
            # A third of the lease, so that one failed renewal does not lose the thread.
            await asyncio.sleep(self._lease_seconds / 3)
            with suppress(DependencyUnavailable):  # a locked table must not cost the report: the next beat tries again
                if not await self._run(lambda c: c.execute(mine.values(**self._lease())).rowcount):
                    _log.warning("the thread %r was taken by another process: its run stops here", thread_id)
                    lost()
                    return

    def _mine(self, tenant: str, thread_id: str) -> sa.Update:
        mine: sa.Update = _where(threads_table.update(), tenant, thread_id).where(
            threads_table.c.lease_owner == self._owner
        )
        return mine

    def _lease(self) -> dict[str, Any]:
        return {"lease_owner": self._owner, "lease_until": datetime.now(UTC).timestamp() + self._lease_seconds}

    async def _run(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await asyncio.to_thread(self._in_transaction, work)

    def _in_transaction(self, work: Callable[[sa.Connection], Result]) -> Result:
        with self._database.transaction() as connection:
            return work(connection)


def _start(connection: sa.Connection, tenant: str, thread_id: str, values: dict[str, Any]) -> None:
    row = _select(connection, tenant, thread_id)
    if row is None:
        created = {"tenant": tenant, "thread_id": thread_id, "created_at": values["updated_at"]}
        connection.execute(threads_table.insert().values(**created, **values))
        return
    if row["owner"] != values["owner"] and values["owner"] is not None:
        raise ThreadMissing(f"there is no thread {thread_id!r} of yours", hint="choose another thread name")
    if row["status"] in UNFINISHED:
        raise ThreadBusy(f"the thread {thread_id!r} {_state(row)}", hint=_busy_hint(thread_id, row))
    # The first owner stays: an administrator may ask on a user's thread, which remains the user's.
    kept = {name: value for name, value in values.items() if name != "owner"}
    connection.execute(_where(threads_table.update(), tenant, thread_id).values(**kept))


def _existing(connection: sa.Connection, tenant: str, thread_id: str) -> Any:
    row = _select(connection, tenant, thread_id)
    if row is None:
        raise ThreadMissing(f"there is no thread {thread_id!r}")
    return row


def _select(connection: sa.Connection, tenant: str, thread_id: str) -> Any:
    return connection.execute(_NAMED, {"tenant": tenant, "thread": thread_id}).mappings().first()


def _where(statement: Any, tenant: str, thread_id: str) -> Any:
    return statement.where(threads_table.c.tenant == tenant, threads_table.c.thread_id == thread_id)


def _live(row: Any) -> bool:
    """Return whether a process holds the lease.

    The lease of a dead process of this machine does not count, so that a run that was killed here resumes at once
    instead of after `lease_seconds`.
    """
    if not row["lease_owner"] or row["lease_until"] < datetime.now(UTC).timestamp():
        return False
    host, process, _ = row["lease_owner"].split("/")
    return host != socket.gethostname() or _alive(int(process))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it exists and belongs to another user
        return True
    return True


def _state(row: Any) -> str:
    if _live(row):
        return "is being run by another process"
    return "waits for a person's answer" if row["status"] == "review" else "has an unfinished run"


def _busy_hint(thread_id: str, row: Any) -> str:
    if _live(row):
        return "wait until it ends, or ask on another thread"
    answer = " --approve, --revise TEXT or --reject" if row["status"] == "review" else ""
    return f"finish it with `sixplane resume {thread_id}{answer}`, or ask on another thread"


def _record(row: Any) -> ThreadRecord:
    return ThreadRecord(**{name: row[name] for name in ThreadRecord.model_fields})


def _stored(row: Any) -> StoredRun:
    return StoredRun(
        record=_record(row),
        context=ResearchContext.model_validate(row["context"]),
        refusal=Refusal.model_validate(row["refusal"]) if row["refusal"] else None,
        span_id=row["span_id"],
        live=_live(row),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
