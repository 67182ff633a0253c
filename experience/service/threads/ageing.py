"""Statements that find what is old or left by dead processes, and remove it, inside their caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from experience.service.threads.leases import is_live, lease_clock
from experience.service.threads.records import UNFINISHED, AgedRun, StoredRun
from experience.service.threads.rows import AT_ONCE, now, stored, untaken
from experience.tables import runs, threads

NEVER = "0"
"""Earlier than every time. An empty text would not do: Oracle Database takes it for NULL."""


def abandoned(connection: sa.Connection, attempts: int) -> list[StoredRun]:
    """Return the runs of dead processes that were taken up fewer than `attempts` times, and give up the others."""
    query = sa.select(threads, lease_clock().label("clock")).where(threads.c.status == "running")
    dead = [row for row in connection.execute(query).mappings() if not is_live(row)]
    for row in dead:
        if (row["taken_up"] or 0) >= attempts:
            given_up = _run_of(threads, row).where(untaken(row)).values(status="interrupted")
            if connection.execute(given_up).rowcount:
                connection.execute(_run_of(runs, row).values(status="interrupted"))
    return [stored(row) for row in dead if (row["taken_up"] or 0) < attempts]


def threads_before(connection: sa.Connection, before: str) -> Sequence[tuple[str, str]]:
    """Return tenant and name of threads whose last run ended before a time."""
    return _named(connection, threads.c.updated_at < before)


def checkpointed_before(connection: sa.Connection, before: str) -> Sequence[tuple[str, str]]:
    """Return tenant and name of finished threads whose last run ended before a time, and that have checkpoints."""
    finished = threads.c.status.not_in(UNFINISHED), threads.c.checkpoints_removed_at.is_(None)
    return _named(connection, threads.c.updated_at < before, *finished)


def reports_before(connection: sa.Connection, before: str) -> list[AgedRun]:
    """Return the finished runs that ended before a time, and whose reports are kept."""
    finished = runs.c.status.not_in(UNFINISHED), runs.c.removed_at.is_(None)
    query = sa.select(runs.c.tenant, runs.c.thread_id, runs.c.run_id).where(runs.c.updated_at < before, *finished)
    rows = connection.execute(query.order_by(runs.c.updated_at).limit(AT_ONCE)).mappings()
    return [AgedRun(**row) for row in rows]


def counts_before(
    connection: sa.Connection, threads_before: str, reports_before: str, checkpoints_before: str
) -> tuple[int, int, int]:
    """Return how many threads, reports and checkpointed threads a prune would handle; `NEVER`: none of a kind.

    What goes with a thread is not counted again.
    """
    stays = threads.c.updated_at >= threads_before
    same = (threads.c.tenant == runs.c.tenant) & (threads.c.thread_id == runs.c.thread_id)
    finished, listed = threads.c.status.not_in(UNFINISHED), threads.c.checkpoints_removed_at.is_(None)
    reports = runs.c.status.not_in(UNFINISHED), runs.c.removed_at.is_(None), runs.c.updated_at < reports_before
    of_threads, count = sa.select(sa.func.count()).select_from(threads), sa.func.count()
    wanted = (
        of_threads.where(threads.c.updated_at < threads_before),
        sa.select(count).select_from(runs).where(*reports, sa.exists().where(same, stays)),
        of_threads.where(threads.c.updated_at < checkpoints_before, finished, listed, stays),
    )
    first, second, third = (int(connection.execute(each).scalar_one()) for each in wanted)
    return first, second, third


def remove_report(connection: sa.Connection, aged: AgedRun) -> None:
    """Delete the report of a run; its question, dates and status stay."""
    same = runs.c.tenant == aged.tenant, runs.c.run_id == aged.run_id
    connection.execute(runs.update().where(*same).values(report=None, removed_at=now()))


def keep_report(connection: sa.Connection, aged: AgedRun, report: dict[str, Any]) -> None:
    """Store the report of a run of an earlier release, which stood in its checkpoints alone."""
    same = runs.c.tenant == aged.tenant, runs.c.run_id == aged.run_id
    connection.execute(runs.update().where(*same).values(report=report))


def note_without_checkpoints(connection: sa.Connection, tenant: str, thread_id: str) -> None:
    """Note that a thread's checkpoints were removed."""
    same = threads.c.tenant == tenant, threads.c.thread_id == thread_id
    connection.execute(threads.update().where(*same).values(checkpoints_removed_at=now()))


def _named(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Sequence[tuple[str, str]]:
    query = sa.select(threads.c.tenant, threads.c.thread_id).where(*conditions)
    rows = connection.execute(query.order_by(threads.c.updated_at).limit(AT_ONCE))
    return [(tenant, thread_id) for tenant, thread_id in rows]


def _run_of(table: sa.Table, row: Any) -> sa.Update:
    """Return an update of a run's row, unless it was taken up meanwhile."""
    same = table.c.tenant == row["tenant"], table.c.run_id == row["run_id"], table.c.status == "running"
    return table.update().where(*same)
