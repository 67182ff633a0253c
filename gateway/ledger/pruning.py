"""What of the ledger is old goes: rows of calls become totals, memos and alerts are deleted.

Every figure that the ledger tells stays as it was: limits are held against `ledger_scopes`, which is not touched, and
what the rows of pruned calls add up to stands in `ledger_totals`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from gateway.ledger import clock
from gateway.ledger.alerts import MAX_AGE_MS
from gateway.ledger.attempts import FIGURES
from gateway.ledger.tables import alerts, calls, memo, totals
from state.values import Value

AT_ONCE = 500
"""How many calls one transaction turns into totals. A chosen value: other writers wait a few milliseconds for it."""

_NAMED = ("run_scope", "tenant_scope", "month_scope", "principal_scope", "operation", "model", "state")
_SUMMED = ("calls", "cost", *FIGURES)

# A pending call is somebody's, or about to be charged. The end of the lease is a call's age: a few minutes after it.
_OLD_CALL = calls.c.state.in_(("completed", "charged", "free")) & (calls.c.lease_until < sa.bindparam("before"))
_OLD_ALERT = (alerts.c.created_at < sa.bindparam("before")) & (
    alerts.c.published_at.is_not(None) | (alerts.c.created_at <= sa.bindparam("unpublishable"))
)
_LATELY = sa.exists().where(calls.c.run_scope == memo.c.run_scope, calls.c.lease_until >= sa.bindparam("before"))
_SOME_OLD_CALLS = sa.select(calls.c.id).where(_OLD_CALL).limit(AT_ONCE)
_ADD = (
    totals.update()
    .where(totals.c.id == sa.bindparam("total"))
    .values({name: totals.c[name] + sa.bindparam(f"more_{name}") for name in _SUMMED})
)


class Cutoffs(Value):
    """Milliseconds since the epoch before which something is old; `None`: it never is."""

    calls: int | None = None
    memos: int | None = None
    alerts: int | None = None


class PrunedRows(Value):
    """How many rows were deleted, or would be."""

    calls: int = 0
    memos: int = 0
    alerts: int = 0


def count(connection: sa.Connection, old: Cutoffs) -> PrunedRows:
    """Return how many rows are old."""
    return PrunedRows(
        calls=_count(connection, calls, _OLD_CALL, old.calls),
        memos=_count(connection, memo, ~_LATELY, old.memos),
        alerts=_count(connection, alerts, _OLD_ALERT, old.alerts),
    )


def delete_memos(connection: sa.Connection, before: int) -> int:
    """Delete the memos of runs that have made no call since `before`, and return how many."""
    return connection.execute(memo.delete().where(~_LATELY), {"before": before}).rowcount


def delete_alerts(connection: sa.Connection, before: int) -> int:
    """Delete alerts recorded before a time, and return how many. One that may still be published stays."""
    return connection.execute(alerts.delete().where(_OLD_ALERT), _times(before)).rowcount


def total_calls(connection: sa.Connection, before: int) -> int:
    """Turn some old calls into totals, and return how many; 0 if none is left.

    Two processes may do it at once: the rows are locked before they are summed, and a row that another one has deleted
    by then is not among them. Both lock rows and totals in the order of their ids.
    """
    found = connection.execute(_SOME_OLD_CALLS, {"before": before}).scalars().all()
    if not found:
        return 0
    held = sa.select(calls).where(calls.c.id.in_(found)).order_by(calls.c.id).with_for_update()
    if rows := connection.execute(held).mappings().all():
        _add(connection, _summed(rows))
        connection.execute(calls.delete().where(calls.c.id.in_([row["id"] for row in rows])))
    return len(found)


def _summed(rows: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Return the totals of rows by id, which is a hash: the key is longer than an index of Oracle Database may be."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        named = {name: row[name] for name in _NAMED}
        key = hashlib.sha256(json.dumps(list(named.values())).encode()).hexdigest()
        total = found.setdefault(key, {"id": key, **named, **dict.fromkeys(_SUMMED, 0)})
        for name in _SUMMED:
            total[name] += 1 if name == "calls" else row[name]
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
    asked = _times(before) if table is alerts else {"before": before}
    return int(connection.execute(counted, asked).scalar_one())


def _times(before: int) -> dict[str, int]:
    return {"before": before, "unpublishable": clock.now_ms() - MAX_AGE_MS}


STEPS: tuple[tuple[str, Callable[[sa.Connection, int], int], bool], ...] = (
    ("memos", delete_memos, False),  # before the calls, whose age is that of their memos
    ("alerts", delete_alerts, False),
    ("calls", total_calls, True),
)
"""What is pruned in order: its name, a step of it in a transaction of its own, and whether to repeat that step."""
