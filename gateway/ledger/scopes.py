"""The scopes of the ledger and their limits: run, tenant, and the calendar month (UTC) of tenant and principal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from gateway.ledger import alerts, clock
from gateway.ledger.tables import limits, scopes
from settings.connections.inserting import InsertNew
from settings.connections.prepared import Prepared
from settings.tree import BudgetSettings

Kind = Literal["run", "tenant", "month", "principal"]

APPLIED = "sixplane_limits_applied"
"""Key in a connection's `info`: the limits that its transaction applied, by scope."""

IN_SCOPES = scopes.c.scope.in_(
    [
        sa.bindparam("run", value="-"),
        sa.bindparam("tenant"),
        sa.bindparam("month"),
        sa.bindparam("principal", value="-"),
    ]
)
"""Matches the rows of one call's scopes; the parameters come from `scope_keys`. No scope has the key `-`."""

# `FOR UPDATE` keeps other transactions from charging these scopes between the check of their limits and the charge.
# SQLite needs no row locks (SQLAlchemy leaves the clause out): there the whole transaction holds the writer's lock.
# `ORDER BY` makes all transactions lock the rows in one order, so that two of them cannot wait for each other.
_LOCKED = Prepared(sa.select(scopes).where(IN_SCOPES).order_by(scopes.c.scope).with_for_update())
_ALL_LOCKED = (
    sa.select(scopes)
    .where(scopes.c.scope.in_(sa.bindparam("keys", expanding=True)))
    .order_by(scopes.c.scope)
    .with_for_update()
)
_BEYOND_SOFT = Prepared(
    sa.select(sa.func.count()).where(IN_SCOPES, scopes.c.spent * 100 >= scopes.c.hard_limit * sa.bindparam("percent"))
)
_END = Prepared(
    scopes.update()
    .where(scopes.c.scope == sa.bindparam("run"), scopes.c.ended_at.is_(None))
    .values(ended_at=sa.bindparam("ended"))
)
_CREATE = Prepared(InsertNew(scopes))
_NEW = {"spent": 0, "reserved": 0, "hard_limit": None, "limit_version": 0, "alerted": 0}
_CHARGE = Prepared(
    scopes.update()
    .where(IN_SCOPES)
    .values(spent=scopes.c.spent + sa.bindparam("cost"), reserved=scopes.c.reserved + sa.bindparam("change"))
)


def scope_key(kind: Kind, *names: str) -> str:
    """Return the key of a scope. JSON, because a tenant or run id may contain any separator."""
    return json.dumps([kind, *names])


def scope_keys(tenant: str, run_id: str, principal: str = "") -> dict[str, str]:
    """Return the keys of the scopes that a call is charged to, by kind. An empty principal has no scope."""
    month = clock.current_month()
    keys = {
        "run": scope_key("run", tenant, run_id),
        "tenant": scope_key("tenant", tenant),
        "month": scope_key("month", tenant, month),
    }
    if principal:
        # A hash: ids may be longer than the column, and the ledger needs no names.
        keys["principal"] = scope_key("principal", tenant, month, hashlib.sha256(principal.encode()).hexdigest()[:32])
    return keys


def kind_of(key: str) -> str:
    """Return the kind of the scope with `key`."""
    return str(json.loads(key)[0])


def charge(connection: sa.Connection, keys: Mapping[str, str], *, cost: int, change: int) -> None:
    """Add `cost` to what the scopes have spent, and `change` to what they hold reserved."""
    _CHARGE.changed(connection, {**keys, "cost": cost, "change": change})


def end(connection: sa.Connection, run: str) -> None:
    """Note that a run has ended."""
    _END.changed(connection, {"run": run, "ended": clock.now_ms()})


def locked(connection: sa.Connection, keys: Mapping[str, str]) -> Sequence[Any]:
    """Return the rows of one call's scopes, locked until the transaction ends."""
    return _LOCKED.rows(connection, keys)


def all_locked(connection: sa.Connection, keys: Iterable[str]) -> Sequence[Any]:
    """Return the rows with these keys, locked until the transaction ends."""
    return connection.execute(_ALL_LOCKED, {"keys": sorted(keys)}).all()


def beyond_soft_limit(connection: sa.Connection, keys: Mapping[str, str], percent: int) -> bool:
    """Return whether one of the scopes has spent `percent` of its hard limit."""
    return any(count for (count,) in _BEYOND_SOFT.rows(connection, {**keys, "percent": percent}))


class ScopeLimits:
    """Creates the rows of scopes and applies their limits, once per process and scope.

    Remembers what it applied, so that a call normally needs no extra statement for this. What a transaction applied is
    remembered after its commit only: another thread must not rely on what may be rolled back.
    """

    def __init__(self, budgets: BudgetSettings) -> None:
        self._budgets = budgets
        self._applied: dict[str, int | None] = {}

    def create(self, connection: sa.Connection, keys: Mapping[str, str]) -> None:
        """Create scopes that are missing, without a limit. Call it before the transaction locks anything.

        Rows are inserted in the order of their keys and before any row is locked, so that transactions which create
        the same scopes wait for each other in one direction.
        """
        unknown = sorted(key for key in keys.values() if key not in self._applied)
        if unknown:
            _CREATE.each(connection, [{"scope": key, **_NEW} for key in unknown])

    def locked(self, connection: sa.Connection, keys: Mapping[str, str], run_limit: int | None) -> Sequence[Any]:
        """Return the rows of scopes with their limits applied, locked until the transaction ends.

        The limits are those of the caller, `budget set` or the settings; where none of these gives a limit, the one
        that another process applied stays. They are read under the lock, as `set_limit` writes them.
        Rows that were deleted are missing in the result: `create` makes them in the next transaction.
        """
        rows = locked(connection, keys)
        kinds, changed = {key: kind for kind, key in keys.items()}, False
        for row in rows:
            kind = kinds[row.scope]
            if row.scope in self._applied and (kind != "run" or self._applied[row.scope] == run_limit):
                continue
            given, limit = self._limit(connection, kind, row.scope, run_limit)
            if given and limit != row.hard_limit:
                alerts.change_limit(connection, row.scope, limit)
                changed = True
            connection.info[APPLIED][row.scope] = run_limit if kind == "run" else limit
        if len(rows) < len(keys):
            self.forget(keys.values())
        return locked(connection, keys) if changed else rows

    def set_limit(self, connection: sa.Connection, tenant: str, kind: Kind, hard_limit: int | None) -> None:
        """Store the tenant's own limit, and apply it to the current scope, whose lock keeps others from doing so."""
        key = scope_keys(tenant, "-")[kind]
        self.forget([key])
        self.create(connection, {kind: key})
        all_locked(connection, [key])
        connection.execute(limits.delete().where(limits.c.kind == kind, limits.c.tenant == tenant))
        connection.execute(limits.insert().values(kind=kind, tenant=tenant, hard_limit=hard_limit))
        alerts.change_limit(connection, key, hard_limit)

    def committed(self, applied: Mapping[str, int | None]) -> None:
        """Remember what a transaction applied that was committed."""
        self._applied.update(applied)

    def forget(self, keys: Iterable[str]) -> None:
        """Apply the limits of these scopes again at their next use."""
        for key in keys:
            self._applied.pop(key, None)

    def _limit(self, connection: sa.Connection, kind: str, key: str, run_limit: int | None) -> tuple[bool, int | None]:
        """Return whether a scope's limit is given anywhere, and the limit."""
        if kind == "run":
            given = [limit for limit in (run_limit, self._budgets.run_micro_usd) if limit is not None]
            return True, min(given, default=None)
        which = (limits.c.kind == kind) & (limits.c.tenant == json.loads(key)[1])
        stored = connection.execute(sa.select(limits.c.hard_limit).where(which)).first()
        if stored is not None:
            return True, None if stored.hard_limit is None else int(stored.hard_limit)
        configured = {
            "tenant": self._budgets.tenant_micro_usd,
            "month": self._budgets.month_micro_usd,
            "principal": self._budgets.principal_month_micro_usd,
        }[kind]
        return configured is not None, configured
