"""Statements that find what is old or left by dead processes, and remove it, inside their caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from experience.service.threads.leases import Lease, is_live, lease_clock
from experience.service.threads.records import UNFINISHED, AgedRun, AgedThread
from experience.service.threads.rows import AT_ONCE, mine, now, untaken
from experience.tables import runs, threads

NEVER = "0"
"""Earlier than every time. An empty text would not do: Oracle Database takes it for NULL."""


def abandoned(connection: sa.Connection) -> list[Any]:
    """Return the rows of threads whose runs were begun by processes that are dead now."""
    query = sa.select(threads, lease_clock().label("clock")).where(threads.c.status == "running")
    return [row for row in connection.execute(query).mappings() if not is_live(row)]


def give_up(connection: sa.Connection, dead: Sequence[Any]) -> None:
    """Leave the runs of dead processes to people, unless somebody has taken them up since their rows were read."""
    for row in dead:
        given_up = _run_of(threads, row).where(untaken(row)).values(status="interrupted")
        if connection.execute(given_up).rowcount:
            connection.execute(_run_of(runs, row).values(status="interrupted"))


def waiting(connection: sa.Connection) -> Sequence[tuple[str, str]]:
    """Return tenant and id of the runs that wait for a person."""
    found = sa.select(threads.c.tenant, threads.c.run_id).where(threads.c.status == "review")
    return [(tenant, run_id) for tenant, run_id in connection.execute(found)]


def threads_before(connection: sa.Connection, before: str, after: AgedThread | None) -> list[AgedThread]:
    """Return threads whose last run ended before a time, oldest first: the first ones, or those that follow `after`."""
    return _aged(connection, before, after)


def checkpointed_before(connection: sa.Connection, before: str, after: AgedThread | None) -> list[AgedThread]:
    """Return finished threads whose last run ended before a time, and that have checkpoints, as `threads_before`."""
    return _aged(
        connection, before, after, threads.c.status.not_in(UNFINISHED), threads.c.checkpoints_removed_at.is_(None)
    )


def reports_before(connection: sa.Connection, before: str, after: AgedRun | None) -> list[AgedRun]:
    """Return finished runs that ended before a time, and whose reports are kept, as `threads_before`."""
    finished = runs.c.status.not_in(UNFINISHED), runs.c.removed_at.is_(None)
    query = _page(before, after, runs.c.run_id).add_columns(runs.c.thread_id).where(*finished)
    return [AgedRun(**row) for row in connection.execute(query).mappings()]


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


def keep_report(connection: sa.Connection, tenant: str, run_id: str, report: dict[str, Any]) -> None:
    """Store the report of a run that only its checkpoints have, unless it was stored or removed meanwhile."""
    unkept = runs.c.tenant == tenant, runs.c.run_id == run_id, runs.c.report.is_(None), runs.c.removed_at.is_(None)
    connection.execute(runs.update().where(*unkept).values(report=report))


def note_without_checkpoints(connection: sa.Connection, lease: Lease) -> None:
    """Note that a thread's checkpoints were removed, unless the lease was lost to a run that makes new ones."""
    connection.execute(mine(lease).values(checkpoints_removed_at=now()))


def _aged(
    connection: sa.Connection, before: str, after: AgedThread | None, *conditions: sa.ColumnElement[bool]
) -> list[AgedThread]:
    query = _page(before, after, threads.c.thread_id).where(*conditions)
    return [AgedThread(**row) for row in connection.execute(query).mappings()]


def _page(before: str, after: AgedThread | None, key: sa.Column[str]) -> sa.Select[Any]:
    """Return the statement for `AT_ONCE` rows of the table of `key`, in the order of their time.

    A page follows the last row of the one before, and is not what is left: rows that cannot be handled now would stay
    the first ones for ever.
    """
    time, tenant = key.table.c.updated_at, key.table.c.tenant
    query = sa.select(time, tenant, key).where(time < before).order_by(time, tenant, key).limit(AT_ONCE)
    if after is None:
        return query
    # Not as one comparison of rows, which Oracle Database does not know. The first condition tells where to begin.
    same, last = time == after.updated_at, getattr(after, key.name)
    follows = sa.or_(tenant > after.tenant, sa.and_(tenant == after.tenant, key > last))
    return query.where(time >= after.updated_at, sa.or_(time > after.updated_at, sa.and_(same, follows)))


def _run_of(table: sa.Table, row: Any) -> sa.Update:
    """Return an update of a run's row, unless it was taken up meanwhile."""
    same = table.c.tenant == row["tenant"], table.c.run_id == row["run_id"], table.c.status == "running"
    return table.update().where(*same)
