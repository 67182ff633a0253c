"""The scopes of the ledger and their limits: run, tenant, and the calendar month (UTC) of tenant and principal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from gateway.ledger import alerts, clock
from gateway.ledger.tables import limits, scopes
from settings.tree import BudgetSettings

Kind = Literal["run", "tenant", "month", "principal"]

IN_SCOPES = scopes.c.scope.in_(
    [sa.bindparam("run"), sa.bindparam("tenant"), sa.bindparam("month"), sa.bindparam("principal", value="-")]
)
"""Matches the rows of one call's scopes; the parameters come from `scope_keys`. No scope has the key `-`."""

# `FOR UPDATE` keeps other transactions from charging these scopes between the check of their limits and the charge.
# SQLite needs no row locks (SQLAlchemy leaves the clause out): there the whole transaction holds the writer's lock.
# `ORDER BY` makes all transactions lock the rows in one order, so that two of them cannot wait for each other.
_LOCKED = sa.select(scopes).where(IN_SCOPES).order_by(scopes.c.scope).with_for_update()
_BEYOND_SOFT = sa.select(sa.func.count()).where(
    IN_SCOPES, scopes.c.spent * 100 >= scopes.c.hard_limit * sa.bindparam("percent")
)
_ENDED = sa.select(scopes.c.ended_at).where(scopes.c.scope == sa.bindparam("run"))
_END = (
    scopes.update()
    .where(scopes.c.scope == sa.bindparam("run"), scopes.c.ended_at.is_(None))
    .values(ended_at=sa.bindparam("ended"))
)
_CHARGE = (
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
    connection.execute(_CHARGE, {**keys, "cost": cost, "change": change})


def end(connection: sa.Connection, run: str) -> None:
    """Note that a run has ended."""
    connection.execute(_END, {"run": run, "ended": clock.now_ms()})


def has_ended(connection: sa.Connection, run: str) -> bool:
    """Return whether a run has ended. Its row stays locked until the transaction ends, so that it cannot end meanwhile.

    Whoever settles holds the lock already, and whoever ends the run takes it before the memo's: one order.
    """
    return connection.execute(_ENDED.with_for_update(), {"run": run}).scalar() is not None


def beyond_soft_limit(connection: sa.Connection, keys: Mapping[str, str], percent: int) -> bool:
    """Return whether one of the scopes has spent `percent` of its hard limit."""
    return bool(connection.execute(_BEYOND_SOFT, {**keys, "percent": percent}).scalar())


class ScopeLimits:
    """Creates the rows of scopes and applies their limits, once per process and scope.

    Remembers what it applied, so that a call normally needs no extra statement for this.
    """

    def __init__(self, budgets: BudgetSettings) -> None:
        self._budgets = budgets
        self._applied: dict[str, int | None] = {}

    def locked(self, connection: sa.Connection, keys: Mapping[str, str], run_limit: int | None) -> Sequence[Any]:
        """Return the rows of the scopes, locked until the transaction ends.

        Rows can be missing although this process created them: another thread's transaction may have been rolled
        back after `ensure` remembered its rows. They are created again.
        """
        rows = connection.execute(_LOCKED, keys).all()
        if len(rows) == len(keys):
            return rows
        self.forget(keys.values())
        self.ensure(connection, keys, run_limit)
        return connection.execute(_LOCKED, keys).all()

    def ensure(self, connection: sa.Connection, keys: Mapping[str, str], run_limit: int | None) -> None:
        """Create missing scopes, and apply the limits that the caller, `budget set` or the settings give them.

        Where none of these gives a limit, a limit that another process applied stays.
        """
        for kind, key in keys.items():
            if key in self._applied and (kind != "run" or self._applied[key] == run_limit):
                continue
            given, limit = self._limit(connection, kind, key, run_limit)
            if connection.execute(sa.select(scopes.c.scope).where(scopes.c.scope == key)).first() is None:
                _insert(connection, key, limit)
            elif given:
                alerts.change_limit(connection, key, limit)
            self._applied[key] = run_limit if kind == "run" else limit

    def set_limit(self, connection: sa.Connection, tenant: str, kind: Kind, hard_limit: int | None) -> None:
        """Store the tenant's own limit, and apply it to the current scope."""
        connection.execute(limits.delete().where(limits.c.kind == kind, limits.c.tenant == tenant))
        connection.execute(limits.insert().values(kind=kind, tenant=tenant, hard_limit=hard_limit))
        alerts.change_limit(connection, scope_keys(tenant, "-")[kind], hard_limit)

    def forget(self, keys: Iterable[str]) -> None:
        """Apply the limits of these scopes again at their next use."""
        for key in keys:
            self._applied.pop(key, None)

    def forget_all(self) -> None:
        """Apply all limits again: a transaction was rolled back, and its scopes and limits with it."""
        self._applied.clear()

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


def _insert(connection: sa.Connection, key: str, limit: int | None) -> None:
    """Create a scope; if another process created it meanwhile, only apply the limit.

    The savepoint keeps the rest of the transaction when the insert fails. `INSERT … ON CONFLICT` would be shorter,
    but Oracle Database does not have it.
    """
    try:
        with connection.begin_nested():
            connection.execute(
                scopes.insert(),
                {"scope": key, "spent": 0, "reserved": 0, "hard_limit": limit, "limit_version": 0, "alerted": 0},
            )
    except sa.exc.IntegrityError:
        alerts.change_limit(connection, key, limit)
