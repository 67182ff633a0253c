"""Budget alerts: each threshold of a scope's limit is recorded once, and published from that record.

The record is written in the same transaction as the charge that crosses the threshold, so no crash can lose it. The
record is also the outbox: an alert is claimed, published, then marked as published. After a crash in between it is
published again under the same id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from gateway.ledger import clock
from gateway.ledger.tables import alerts, scopes
from state.values import Value

THRESHOLDS = (50, 75, 90, 100)
"""Percent of a hard limit. 100 is also recorded when the limit first refuses a call, if anything is spent of it."""

_BIT = {threshold: 1 << n for n, threshold in enumerate(THRESHOLDS)}

RECORDED = "sixplane_alert_recorded"
"""Key in a connection's `info`: whether its transaction recorded an alert, which wakes the outbox."""

CLAIM_MS = 60_000
"""How long a claim lasts. A process that dies while publishing delays its alerts by this long; a chosen value."""

FINGERPRINT_CHARS = 12
"""Digits of the hash of a principal's id that an alert shows, as the logs of refusals do."""

MAX_AGE_MS = 7 * 24 * 3_600_000
"""Older alerts are never published: a topic that is configured late would be flooded with them."""


class Alert(Value):
    """A scope has spent `threshold` percent of its limit. Amounts are micro-dollars, times milliseconds (UTC).

    `principal` is the fingerprint of the principal whose budget it is: the ledger has no names, and logs show the same.
    """

    id: str
    kind: str
    tenant: str
    period: str
    principal: str = ""
    threshold: int
    hard_limit: int
    spent: int
    created_at: int
    published_at: int | None = None

    def title(self) -> str:
        """Return the subject line."""
        return f"Sixplane: {self.told(f'{self.principal} in {self.tenant}' if self.principal else self.tenant)}"

    def told(self, whose: str) -> str:
        """Return what happened to the budget of `whose`."""
        budget = f"the {self.kind} budget of {whose}"
        if self.spent * 100 < self.hard_limit * self.threshold:  # the rest did not suffice for a call
            return f"{budget} refuses calls at {self.spent * 100 // self.hard_limit} %"
        return f"{self.threshold} % of {budget}"

    def body(self) -> str:
        """Return the message as JSON; a repeated publication has the same `id`, so that a reader can drop it."""
        return self.model_dump_json(exclude={"published_at"})


def record_crossed(connection: sa.Connection, rows: Iterable[Any], costs: Mapping[str, int]) -> None:
    """Record the thresholds that scopes have crossed.

    Args:
        connection: of the transaction that holds the locks of the scopes.
        rows: the scopes as they were when they were locked.
        costs: what was charged since, by scope.
    """
    for row in rows:
        spent = row.spent + costs.get(row.scope, 0)
        if row.hard_limit:
            crossed = [threshold for threshold in THRESHOLDS if spent * 100 >= row.hard_limit * threshold]
            record(connection, row, spent, crossed)


def record(connection: sa.Connection, scope: Any, spent: int, thresholds: Sequence[int]) -> None:
    """Record those of `thresholds` that the locked scope has not recorded yet, and set `RECORDED` on the connection."""
    fresh = [threshold for threshold in thresholds if scope.hard_limit and not scope.alerted & _BIT[threshold]]
    if not fresh:
        return
    known = scope.alerted | sum(_BIT[threshold] for threshold in fresh)
    connection.execute(scopes.update().where(scopes.c.scope == scope.scope).values(alerted=known))
    connection.execute(alerts.insert(), [_row(scope, spent, threshold) for threshold in fresh])
    connection.info[RECORDED] = True


def change_limit(connection: sa.Connection, scope: str, limit: int | None) -> None:
    """Change the limit of a scope. Its thresholds start again, since they are shares of the new limit."""
    changed = scopes.c.hard_limit.is_distinct_from(limit)
    connection.execute(
        scopes.update()
        .where(scopes.c.scope == scope, changed)
        .values(hard_limit=limit, alerted=0, limit_version=scopes.c.limit_version + 1)
    )


def claim(connection: sa.Connection) -> list[Alert]:
    """Claim the alerts that no process is publishing, and return them."""
    now = clock.now_ms()
    free = _unpublished(now) & (alerts.c.claimed_until < now)
    # Row locks keep two processes on Oracle Database from claiming the same alert, and what another one is claiming is
    # passed over; SQLite locks the whole database.
    found = sa.select(alerts).where(free).order_by(alerts.c.created_at).with_for_update(skip_locked=True)
    rows = connection.execute(found).all()
    if rows:
        held = alerts.update().where(alerts.c.id.in_([row.id for row in rows]))
        connection.execute(held.values(claimed_until=now + CLAIM_MS))
    return [_alert(row) for row in rows]


def due_in(connection: sa.Connection) -> float | None:
    """Return the seconds until an unpublished alert can be claimed, `None` if all are published."""
    now = clock.now_ms()
    first = connection.execute(sa.select(sa.func.min(alerts.c.claimed_until)).where(_unpublished(now))).scalar()
    return None if first is None else max(first - now, 0) / 1000


def recorded(connection: sa.Connection) -> list[Alert]:
    """Return all recorded alerts, oldest first."""
    return [
        _alert(row) for row in connection.execute(sa.select(alerts).order_by(alerts.c.created_at, alerts.c.threshold))
    ]


def published(connection: sa.Connection, alert: Alert) -> None:
    """Mark an alert as published."""
    connection.execute(alerts.update().where(alerts.c.id == alert.id).values(published_at=clock.now_ms()))


def _unpublished(now: int) -> sa.ColumnElement[bool]:
    return alerts.c.published_at.is_(None) & (alerts.c.created_at > now - MAX_AGE_MS)


def _row(scope: Any, spent: int, threshold: int) -> dict[str, Any]:
    """Return the alert's row. The limit is part of its id, since each limit has its own thresholds."""
    named = json.dumps([scope.scope, scope.hard_limit, scope.limit_version, threshold])
    return {
        "id": hashlib.sha256(named.encode()).hexdigest(),
        "scope": scope.scope,
        "threshold": threshold,
        "hard_limit": scope.hard_limit,
        "spent": spent,
        "created_at": clock.now_ms(),
        "claimed_until": 0,
    }


def _alert(row: Any) -> Alert:
    kind, tenant, *period = json.loads(row.scope)
    principal = period[1][:FINGERPRINT_CHARS] if kind == "principal" else ""
    return Alert(
        id=row.id,
        kind=kind,
        tenant=tenant,
        period=period[0] if period else "all",
        principal=principal,
        threshold=row.threshold,
        hard_limit=row.hard_limit,
        spent=row.spent,
        created_at=row.created_at,
        published_at=row.published_at,
    )
