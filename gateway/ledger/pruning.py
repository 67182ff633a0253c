"""What of the ledger is old goes: calls become totals of their run, runs totals of their tenant; memos and alerts go.

What the ledger tells of tenants, months and principals stays as it was: limits are held against `ledger_scopes`, of
which only runs that ended go, and what pruned calls add up to stands in `ledger_totals`. The use of a run is told until
the run itself is old; its report has it too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from gateway.ledger import clock
from gateway.ledger.alerts import MAX_AGE_MS
from gateway.ledger.attempts import FIGURES
from gateway.ledger.scopes import all_locked, scope_key
from gateway.ledger.tables import alerts, calls, memo, scopes, totals
from state.values import Value

AT_ONCE = 500
"""How many calls, or runs, one transaction prunes. A chosen value: other writers wait a few milliseconds for it."""

FOLDED = "-"
"""Stands for the id of a run in the totals of runs that are not told apart any more. No run is named so."""

_NAMED = ("run_scope", "tenant_scope", "month_scope", "principal_scope", "operation", "model", "state")
_SUMMED = ("calls", "cost", *FIGURES)

# A pending call is somebody's, or about to be charged. The end of the lease is a call's age: a few minutes after it.
_OLD_CALL = calls.c.state.in_(("completed", "charged", "free")) & (calls.c.lease_until < sa.bindparam("before"))
_OLD_ALERT = (alerts.c.created_at < sa.bindparam("before")) & (
    alerts.c.published_at.is_not(None) | (alerts.c.created_at <= sa.bindparam("unpublishable"))
)
_LATELY = sa.exists().where(calls.c.run_scope == memo.c.run_scope, calls.c.lease_until >= sa.bindparam("before"))
_LEFT = sa.select(memo.c.run_scope, sa.func.count().label("answers")).where(~_LATELY).group_by(memo.c.run_scope)
# Only runs end. One that has rows of calls is told from those still.
_OLD_RUN = (
    (scopes.c.ended_at < sa.bindparam("before"))
    & (scopes.c.reserved == 0)
    & ~sa.exists().where(calls.c.run_scope == scopes.c.scope)
)
_SOME_OLD_RUNS = sa.select(scopes.c.scope).where(_OLD_RUN).limit(AT_ONCE)
_CALLED = sa.select(calls.c.run_scope).where(calls.c.run_scope.in_(sa.bindparam("runs", expanding=True))).distinct()
_THEIR_TOTALS = (
    sa.select(totals)
    .where(totals.c.run_scope.in_(sa.bindparam("runs", expanding=True)))
    .order_by(totals.c.id)
    .with_for_update()
)
_SOME_OLD_CALLS = sa.select(calls.c.id).where(_OLD_CALL).limit(AT_ONCE)
_ADD = (
    totals.update()
    .where(totals.c.id == sa.bindparam("total"))
    .values({name: totals.c[name] + sa.bindparam(f"more_{name}") for name in _SUMMED})
)


class Cutoffs(Value):
    """Milliseconds since the epoch before which something is old; `None`: it never is.

    `waiting` are the tenant and id of runs that wait for a person: their memos stay, whatever their age.
    """

    calls: int | None = None
    runs: int | None = None
    memos: int | None = None
    alerts: int | None = None
    waiting: frozenset[tuple[str, str]] = frozenset()


class PrunedRows(Value):
    """How many rows were deleted, or would be; `settlements` are files that nobody will apply."""

    calls: int = 0
    runs: int = 0
    memos: int = 0
    alerts: int = 0
    settlements: int = 0


def count(connection: sa.Connection, old: Cutoffs) -> PrunedRows:
    """Return how many rows are old."""
    return PrunedRows(
        calls=_count(connection, calls, _OLD_CALL, old.calls),
        runs=_count(connection, scopes, _OLD_RUN, old.runs),
        memos=sum(_left(connection, old).values()),
        alerts=_count(connection, alerts, _OLD_ALERT, old.alerts),
    )


def delete_memos(connection: sa.Connection, old: Cutoffs) -> int:
    """Delete memos of some runs that have made no call for long, and return how many; 0 if none is left."""
    runs = sorted(_left(connection, old))[:AT_ONCE]
    lately = sa.exists().where(calls.c.run_scope == memo.c.run_scope, calls.c.lease_until >= old.memos)
    return connection.execute(memo.delete().where(memo.c.run_scope.in_(runs), ~lately)).rowcount if runs else 0


def delete_alerts(connection: sa.Connection, old: Cutoffs) -> int:
    """Delete old alerts, and return how many. One that may still be published stays."""
    return connection.execute(alerts.delete().where(_OLD_ALERT), _times(old.alerts)).rowcount


def total_calls(connection: sa.Connection, old: Cutoffs) -> int:
    """Turn some old calls into totals, and return how many; 0 if none is left.

    Two processes may do it at once: the rows are locked before they are summed, and a row that another one has deleted
    by then is not among them. Both lock rows and totals in the order of their ids.
    """
    found = connection.execute(_SOME_OLD_CALLS, {"before": old.calls}).scalars().all()
    if not found:
        return 0
    held = sa.select(calls).where(calls.c.id.in_(found)).order_by(calls.c.id).with_for_update()
    if rows := connection.execute(held).mappings().all():
        _add(connection, _summed({**row, "calls": 1} for row in rows))
        connection.execute(calls.delete().where(calls.c.id.in_([row["id"] for row in rows])))
    return len(found)


def fold_runs(connection: sa.Connection, old: Cutoffs) -> int:
    """Turn the totals of some runs that ended long ago into totals of their tenants, and return how many runs.

    Their scopes are locked, in the order of all transactions, before it is seen whether they made a call meanwhile.
    """
    found = connection.execute(_SOME_OLD_RUNS, {"before": old.runs}).scalars().all()
    if not found:
        return 0
    held = {row.scope for row in all_locked(connection, found)}
    runs = sorted(held - set(connection.execute(_CALLED, {"runs": found}).scalars()))
    if runs:
        rows = connection.execute(_THEIR_TOTALS, {"runs": runs}).mappings().all()
        if rows:
            _add(connection, _summed({**row, "run_scope": _folded(row["run_scope"])} for row in rows))
            connection.execute(totals.delete().where(totals.c.run_scope.in_(runs)))
        connection.execute(scopes.delete().where(scopes.c.scope.in_(runs)))
    return len(runs)


def _folded(run: str) -> str:
    return scope_key("run", json.loads(run)[1], FOLDED)


def _left(connection: sa.Connection, old: Cutoffs) -> dict[str, int]:
    """Return the runs whose memos are old, and how many answers each has."""
    if old.memos is None:
        return {}
    waiting = {scope_key("run", tenant, run) for tenant, run in old.waiting}
    rows = connection.execute(_LEFT, {"before": old.memos})
    return {row.run_scope: row.answers for row in rows if row.run_scope not in waiting}


def _summed(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the totals of rows by id, which is a hash: the key is longer than an index of Oracle Database may be."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        named = {name: row[name] for name in _NAMED}
        key = hashlib.sha256(json.dumps(list(named.values())).encode()).hexdigest()
        total = found.setdefault(key, {"id": key, **named, **dict.fromkeys(_SUMMED, 0)})
        for name in _SUMMED:
            total[name] += row[name]
    return found


def _add(connection: sa.Connection, found: dict[str, dict[str, Any]]) -> None:
    """Add `found` to the totals. Those that are new are inserted first, so that all others exist."""
    known = set(connection.execute(sa.select(totals.c.id).where(totals.c.id.in_(sorted(found)))).scalars())
    fresh = [found[key] for key in sorted(found) if key not in known]
    if fresh and not _inserted(connection, fresh):  # another process was first with one of them
        known |= {total["id"] for total in fresh if not _inserted(connection, [total])}
    added = [{"total": key, **{f"more_{name}": found[key][name] for name in _SUMMED}} for key in sorted(known)]
    if added:
        connection.execute(_ADD, added)


def _inserted(connection: sa.Connection, fresh: list[dict[str, Any]]) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(totals.insert(), fresh)
    except sa.exc.IntegrityError:
        return False
    return True


def _count(connection: sa.Connection, table: sa.Table, old: sa.ColumnElement[bool], before: int | None) -> int:
    if before is None:
        return 0
    counted = sa.select(sa.func.count()).select_from(table).where(old)
    asked: Mapping[str, int | None] = _times(before) if table is alerts else {"before": before}
    return int(connection.execute(counted, asked).scalar_one())


def _times(before: int | None) -> dict[str, int | None]:
    return {"before": before, "unpublishable": clock.now_ms() - MAX_AGE_MS}


STEPS: tuple[tuple[str, Callable[[sa.Connection, Cutoffs], int], bool], ...] = (
    ("memos", delete_memos, True),  # before the calls, whose age is that of their memos
    ("alerts", delete_alerts, False),
    ("calls", total_calls, True),
    ("runs", fold_runs, True),
)
"""What is pruned in order: its name, a step of it in a transaction of its own, and whether to repeat that step."""
