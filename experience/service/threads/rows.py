"""Statements on the tables of threads and runs, each inside the transaction of its caller."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from experience.service.threads.leases import Lease, has_died, is_live, lease_clock
from experience.service.threads.listing import searched_with, title_of
from experience.service.threads.records import UNFINISHED, KeptRun, RunRecord, StoredRun, ThreadRecord, ThreadSummary
from experience.tables import runs, threads
from settings.connections.inserting import InsertNew
from settings.connections.prepared import Prepared
from settings.connections.sql import last_statement
from state.channels import ResearchContext
from state.errors import ThreadBusy, ThreadMissing
from state.values import Refusal

MAX_RUNS = 500
"""How many runs of a thread are listed, the latest ones. A chosen value: it bounds an answer."""

AT_ONCE = 100
"""How many of each kind one step of a sweep handles. A chosen value: it bounds a transaction."""

_NAMED = Prepared(
    sa.select(threads, lease_clock().label("clock")).where(
        threads.c.tenant == sa.bindparam("tenant"), threads.c.thread_id == sa.bindparam("thread")
    )
)
_LEASED = lease_clock() + sa.bindparam("lease_seconds", type_=sa.Float)
_NEW_THREAD = Prepared(InsertNew(threads).values(lease_until=_LEASED))
_NEW_RUN = Prepared(runs.insert())
_MINE = threads.update().where(
    threads.c.tenant == sa.bindparam("of_tenant"),
    threads.c.thread_id == sa.bindparam("of_thread"),
    threads.c.lease_owner == sa.bindparam("of_owner"),
)
_RENEW = Prepared(_MINE.values(lease_until=_LEASED))
_SPAN = ("trace_id", "span_id")
_ENDED: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in ("status", "updated_at")}
_RELEASED = _MINE.values(lease_owner=None, lease_until=None, **_ENDED)
_SETTLE = Prepared(_RELEASED)
_SETTLE_WITH_SPAN = Prepared(_RELEASED.values({name: sa.bindparam(f"new_{name}") for name in _SPAN}))
_END = runs.update().where(runs.c.tenant == sa.bindparam("of_tenant"), runs.c.run_id == sa.bindparam("of_run"))
_END_RUN = Prepared(_END.values(**_ENDED))
_END_WITH_REPORT = Prepared(_END.values(**_ENDED, report=sa.bindparam("new_report")))
_KEPT = Prepared(sa.select(runs).where(runs.c.tenant == sa.bindparam("tenant"), runs.c.run_id == sa.bindparam("run")))
_UNKEPT = (runs.c.report.is_(None), runs.c.removed_at.is_(None), runs.c.status.not_in([*map(sa.literal, UNFINISHED)]))
_RUN_IDS = {
    (unkept, later): Prepared(
        sa.select(runs.c.run_id)
        .where(
            runs.c.tenant == sa.bindparam("tenant"),
            runs.c.thread_id == sa.bindparam("thread"),
            *((runs.c.run_id > sa.bindparam("after"),) if later else ()),
            *(_UNKEPT if unkept else ()),
        )
        .order_by(runs.c.run_id)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )
    for unkept in (False, True)
    for later in (False, True)
}
"""The statements of `run_ids`, by what it asks for, and whether it goes on after an id."""
_LISTED = ("run_id", "question", "status", "created_at", "updated_at", "removed_at")


def begin(connection: sa.Connection, lease: Lease, values: Mapping[str, Any], held: Mapping[str, Any]) -> None:
    """Store a new run with its thread, which it creates or continues. Storing it again changes nothing.

    Args:
        connection: of the transaction.
        lease: what the run takes of the thread.
        values: the run's columns.
        held: the lease's owner, and for how many seconds it holds.

    Raises:
        ThreadBusy: another run holds the thread's lease, or the thread has an unfinished run.
        ThreadMissing: the thread belongs to another principal.
    """
    tenant, thread_id = lease.tenant, lease.thread_id
    row = _select(connection, tenant, thread_id)
    searched = searched_with((row and row["searched"]) or "", values["question"])
    if row is None:
        created = {"created_at": values["updated_at"], "title": title_of(values["question"])}
        new = {"tenant": tenant, "thread_id": thread_id, "searched": searched, **created, **values}
        begun = _NEW_THREAD.changed(connection, {**new, **held}) == 1 or _yielded(connection, {**new, **held})
    elif row["lease_owner"] == lease.owner:
        return
    else:
        _check_free(row, thread_id, values["owner"])
        # The first owner stays: an administrator may ask on a user's thread, which remains the user's.
        kept = {name: value for name, value in values.items() if name != "owner"} | _leased(held)
        anew = {"taken_up": None, "checkpoints_removed_at": None}
        begun = _claim(connection, row, searched=searched, **anew, **kept)
    if not begun:
        return
    own = {name: values[name] for name in ("run_id", "question", "status", "updated_at")}
    run = {"tenant": tenant, "thread_id": thread_id, "created_at": values["updated_at"], **own}
    with last_statement(connection):
        _NEW_RUN.changed(connection, run)


def take(connection: sa.Connection, lease: Lease, held: Mapping[str, Any]) -> StoredRun:
    """Take the lease of a thread, which is then `held`. Raises `ThreadMissing` and `ThreadBusy`."""
    row = existing(connection, lease.tenant, lease.thread_id)
    if row["lease_owner"] == lease.owner:  # taken by an earlier attempt of this transaction
        return stored(row)
    if is_live(row):
        raise ThreadBusy(f"the thread {lease.thread_id!r} {_state(row)}", hint=_busy_hint(lease.thread_id, row))
    died = row["status"] == "running"  # counted by whoever takes the run up, and not by all who have looked
    counted = {"taken_up": sa.func.coalesce(threads.c.taken_up, 0) + 1} if died else {}
    _claim(connection, row, **_leased(held), **counted)
    return stored(row)


def go_on(connection: sa.Connection, lease: Lease, run_id: str) -> None:
    """Note that a run is running again. Raises `ThreadBusy` if its lease was lost."""
    if not connection.execute(mine(lease).values(status="running")).rowcount:
        raise taken(lease.thread_id)
    own = runs.update().where(runs.c.tenant == lease.tenant, runs.c.run_id == run_id)
    with last_statement(connection):
        connection.execute(own.values(status="running"))


def renew(connection: sa.Connection, lease: Lease, held: Mapping[str, Any]) -> bool:
    """Let a lease hold anew, and return whether it still did."""
    return _RENEW.changed(connection, {**_of_lease(lease), "lease_seconds": held["lease_seconds"]}) == 1


def settle(connection: sa.Connection, lease: Lease, run_id: str, ended: Mapping[str, Any]) -> None:
    """Store how a run ended and release its lease, unless the lease was lost.

    `ended`: the columns `status` and `updated_at`, and `trace_id` and `span_id` or `report` if they change.
    """
    new = {f"new_{name}": ended[name] for name in _ENDED}
    if "span_id" in ended:
        spans = {f"new_{name}": ended[name] for name in _SPAN}
        released = _SETTLE_WITH_SPAN.changed(connection, {**_of_lease(lease), **new, **spans})
    else:
        released = _SETTLE.changed(connection, {**_of_lease(lease), **new})
    if not released:
        return
    own = {"of_tenant": lease.tenant, "of_run": run_id, **new}
    with last_statement(connection):
        if "report" in ended:
            _END_WITH_REPORT.changed(connection, {**own, "new_report": ended["report"]})
        else:
            _END_RUN.changed(connection, own)


def runs_of(connection: sa.Connection, tenant: str, thread_id: str) -> list[RunRecord]:
    """Return the runs of a thread, the latest first."""
    query = _of(sa.select(*(runs.c[name] for name in _LISTED)), tenant, thread_id, runs)
    latest_first = query.order_by(runs.c.created_at.desc(), runs.c.run_id).limit(MAX_RUNS)
    return [_run(row) for row in connection.execute(latest_first).mappings()]


def run_ids(connection: sa.Connection, tenant: str, thread_id: str, after: str | None, *, unkept: bool) -> list[str]:
    """Return some ids of a thread's runs in order: the first ones, or those above `after`.

    `unkept`: of finished runs whose reports are neither stored nor removed.
    """
    # No text instead of an empty one to begin with, which Oracle Database takes for NULL.
    given = {"tenant": tenant, "thread": thread_id, "most": AT_ONCE} | ({} if after is None else {"after": after})
    return [str(run_id) for (run_id,) in _RUN_IDS[unkept, after is not None].rows(connection, given)]


def has_unlisted_runs(connection: sa.Connection, tenant: str, thread_id: str) -> bool:
    """Return whether a thread is older than its first run that has a row. An earlier release kept the latest only."""
    first = sa.select(sa.func.min(runs.c.created_at)).where(
        runs.c.tenant == threads.c.tenant, runs.c.thread_id == threads.c.thread_id
    )
    older = _of(sa.select(threads.c.thread_id), tenant, thread_id).where(threads.c.created_at < first.scalar_subquery())
    return connection.execute(older).first() is not None


def kept_run(connection: sa.Connection, tenant: str, run_id: str) -> KeptRun | None:
    """Return a run with its thread, or `None`."""
    row = _KEPT.first(connection, {"tenant": tenant, "run": run_id})
    if row is None:
        return None
    thread = stored(existing(connection, tenant, row["thread_id"]))
    return KeptRun(thread=thread, run=_run(row), report=row["report"])


def remove(connection: sa.Connection, lease: Lease) -> None:
    """Delete a thread with its runs. Raises `ThreadBusy` if its lease was lost."""
    own = _of(sa.delete(threads), lease.tenant, lease.thread_id).where(threads.c.lease_owner == lease.owner)
    if not connection.execute(own).rowcount:
        if _select(connection, lease.tenant, lease.thread_id) is None:  # an earlier attempt of this transaction did it
            return
        raise taken(lease.thread_id)
    connection.execute(_of(sa.delete(runs), lease.tenant, lease.thread_id, runs))


def existing(connection: sa.Connection, tenant: str, thread_id: str) -> Any:
    """Return the row of a thread. Raises `ThreadMissing`."""
    row = _select(connection, tenant, thread_id)
    if row is None:
        raise ThreadMissing(f"there is no thread {thread_id!r}")
    return row


def stored(row: Any) -> StoredRun:
    """Return the latest run of a thread's row."""
    return StoredRun(
        record=ThreadRecord(**{name: row[name] for name in ThreadRecord.model_fields} | {"title": _title(row)}),
        context=ResearchContext.model_validate(row["context"]),
        refusal=Refusal.model_validate(row["refusal"]) if row["refusal"] else None,
        span_id=row["span_id"],
        live=is_live(row),
    )


def summary(row: Any) -> ThreadSummary:
    """Return a thread's row as it stands in a list."""
    own = {name: row[name] for name in ("thread_id", "run_id", "status", "owner")}
    return ThreadSummary(title=_title(row), created=row["created_at"], updated=row["updated_at"], **own)


def mine(lease: Lease) -> sa.Update:
    """Return an update of a thread that changes nothing unless `lease` still holds."""
    held: sa.Update = _of(threads.update(), lease.tenant, lease.thread_id).where(threads.c.lease_owner == lease.owner)
    return held


def untaken(row: Any) -> sa.ColumnElement[bool]:
    """Return the condition that nobody has taken or renewed the lease of a thread since its row was read as free."""
    # On SQLite the transaction is `BEGIN IMMEDIATE`, and nobody gets in between. In Oracle Database, of two processes
    # that have both read the row, the second finds it changed.
    owner = threads.c.lease_owner
    if row["lease_owner"] is None:
        return owner.is_(None)
    same: sa.ColumnElement[bool] = owner == row["lease_owner"]
    # What had expired, a process that was stopped for a while renews when it goes on.
    return same if has_died(row) else sa.and_(same, threads.c.lease_until < lease_clock())


def taken(thread_id: str) -> ThreadBusy:
    """Return the error of who comes second."""
    hint = "wait until it ends, or ask on another thread"
    return ThreadBusy(f"another run, or a deletion, has just begun on the thread {thread_id!r}", hint=hint)


def now() -> str:
    """Return the time as the tables hold it."""
    return datetime.now(UTC).isoformat()


def _check_free(row: Any, thread_id: str, owner: str | None) -> None:
    if row["owner"] != owner and owner is not None:
        raise ThreadMissing(f"there is no thread {thread_id!r} of yours", hint="choose another thread name")
    if row["status"] in UNFINISHED:
        hint = _busy_hint(thread_id, row)
        raise ThreadBusy(f"the thread {thread_id!r} {_state(row)}", hint=hint, ends=is_live(row))
    if is_live(row):  # a deletion or a sweep holds a thread without a status of its own
        raise taken(thread_id)


def _claim(connection: sa.Connection, row: Any, **values: Any) -> bool:
    """Update a thread that nobody has changed since its row was read, and return whether it changed.

    Raises `ThreadBusy` if another one was first; who finds its own lease there has done it before.
    """
    # By its time, too: since the row was read, another may have taken the thread, run, and left it as it was.
    same = (threads.c[name] == row[name] for name in ("run_id", "status", "updated_at"))
    unchanged = untaken(row), *same
    claimed = _of(threads.update(), row["tenant"], row["thread_id"]).where(*unchanged)
    return bool(connection.execute(claimed.values(**values)).rowcount) or _yielded(connection, {**row, **values})


def _yielded(connection: sa.Connection, wanted: Mapping[str, Any]) -> bool:
    """Return false if a thread has the lease that is `wanted`, whose name no other has. Raises `ThreadBusy` if not.

    An earlier attempt of the transaction, whose connection was lost at its COMMIT, may have ended just now.
    """
    row = _select(connection, wanted["tenant"], wanted["thread_id"])
    if row is None or row["lease_owner"] != wanted["lease_owner"]:
        raise taken(wanted["thread_id"])
    return False


def _select(connection: sa.Connection, tenant: str, thread_id: str) -> Any:
    return _NAMED.first(connection, {"tenant": tenant, "thread": thread_id})


def _leased(held: Mapping[str, Any]) -> dict[str, Any]:
    return {"lease_owner": held["lease_owner"], "lease_until": lease_clock() + held["lease_seconds"]}


def _of_lease(lease: Lease) -> dict[str, str]:
    return {"of_tenant": lease.tenant, "of_thread": lease.thread_id, "of_owner": lease.owner}


def _of(statement: Any, tenant: str, thread_id: str, table: sa.Table = threads) -> Any:
    return statement.where(table.c.tenant == tenant, table.c.thread_id == thread_id)


def _run(row: Any) -> RunRecord:
    return RunRecord(
        run_id=row["run_id"],
        question=row["question"],
        status=row["status"],
        created=row["created_at"],
        updated=row["updated_at"],
        has_report=row["status"] not in UNFINISHED and row["removed_at"] is None,
    )


def _title(row: Any) -> str:
    # A process of an earlier release may write a thread after the tables were upgraded.
    return row["title"] or title_of(row["question"])


def _state(row: Any) -> str:
    if is_live(row):
        return "is being run by another process"
    return "waits for a person's answer" if row["status"] == "review" else "has an unfinished run"


def _busy_hint(thread_id: str, row: Any) -> str:
    if is_live(row):
        return "wait until it ends, or ask on another thread"
    answer = " --approve, --revise TEXT or --reject" if row["status"] == "review" else ""
    return f"finish it with `sixplane resume {thread_id}{answer}`, or ask on another thread"
