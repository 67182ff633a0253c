"""The ledger: reserve before a call, settle after it; the memo of answers, the limits and the alerts beside it.

Three scopes are charged at once: the run, its tenant, the tenant's month (UTC). Reserve and settle are immediate
transactions in a worker thread: deferred ones fail under contention. A reservation whose lease has run out is charged
in full, never released, or the limits would not hold.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import sqlalchemy as sa

from gateway.ledger import alerts as ledger_alerts
from gateway.ledger.alerts import Alert
from gateway.ledger.tables import calls, limits, memo, metadata, scopes
from settings import Settings
from settings.connections.sql import Database
from state.errors import BudgetExceeded, SettingsInvalid
from state.values import Usage, Value

Result = TypeVar("Result")
Kind = Literal["run", "tenant", "month"]

_LEASE_MARGIN_SECONDS = 60
_FIGURES = ("input_chars", "output_chars", "input_tokens", "output_tokens")

_IN_SCOPES = scopes.c.scope.in_([sa.bindparam("run"), sa.bindparam("tenant"), sa.bindparam("month")])
_BEYOND_SOFT = sa.select(sa.func.count()).where(
    _IN_SCOPES, scopes.c.spent * 100 >= scopes.c.hard_limit * sa.bindparam("percent")
)
_HELD = sa.select(scopes).where(_IN_SCOPES).order_by(scopes.c.scope).with_for_update()
_MEMOISED = sa.select(memo.c.answer).where(
    memo.c.run_scope == sa.bindparam("run"), memo.c.call_key == sa.bindparam("key")
)
_INSERT_MEMO, _INSERT_CALL = memo.insert(), calls.insert()
_FORGET = memo.delete().where(memo.c.run_scope == sa.bindparam("run"))
_DEAD = sa.select(calls).where(
    calls.c.state == "pending",
    (calls.c.lease_until < sa.bindparam("now"))
    | ((calls.c.run_scope == sa.bindparam("run")) & (calls.c.call_key == sa.bindparam("key"))),
)
_CHARGE = (
    scopes.update()
    .where(_IN_SCOPES)
    .values(spent=scopes.c.spent + sa.bindparam("cost"), reserved=scopes.c.reserved + sa.bindparam("change"))
)
_SETTLED = (
    calls.update()
    .where(calls.c.id == sa.bindparam("call"), calls.c.state == sa.bindparam("before"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("state", "cost", *_FIGURES)})
)
_USAGE = sa.select(
    sa.func.count(), sa.func.sum(calls.c.cost), *(sa.func.sum(calls.c[name]) for name in _FIGURES)
).where(calls.c.run_scope == sa.bindparam("run"), calls.c.state.in_(("completed", "free")))
_CHARGED = sa.select(sa.func.count(), sa.func.sum(calls.c.cost)).where(
    calls.c.run_scope == sa.bindparam("run"), calls.c.state == "charged"
)


class Reservation(Value):
    """Room for one attempt of a call. `answer` is the memoised answer instead, and then nothing is reserved."""

    id: str = ""
    run: str
    tenant: str = ""
    month: str = ""
    call_key: str
    amount: int = 0
    answer: str | None = None

    @property
    def scopes(self) -> dict[str, str]:
        """The scopes that are charged, by kind."""
        return {"run": self.run, "tenant": self.tenant, "month": self.month}


class BudgetLine(Value):
    """One scope of the ledger, in micro-dollars; the limits are `None` where there are none."""

    kind: Kind
    period: str
    spent: int
    reserved: int
    soft_limit: int | None
    hard_limit: int | None


class Characters(Value):
    """Characters of prompts and answers: of completed calls, and the most that calls of unknown end may have used."""

    completed: int
    charged: int


class Ledger:
    """The ledger of the home folder, or of `engine`."""

    def __init__(self, settings: Settings, *, engine: sa.Engine | None = None) -> None:
        self._database = Database(settings, "ledger.db", metadata, engine=engine)
        self._budgets = settings.budgets
        self._lease_ms = round((settings.models.deadline_seconds + _LEASE_MARGIN_SECONDS) * 1000)
        self._limit_of: dict[str, int | None] = {}
        self.on_alert: Callable[[], None] = lambda: None
        """Called, in the caller's loop, after a transaction that recorded an alert."""

    async def reserve(
        self,
        tenant: str,
        run_id: str,
        call_key: str,
        amount: int,
        limit: int | None,
        *,
        operation: str = "chat",
        model: str = "-",
        most: Usage | None = None,
    ) -> Reservation:
        """Reserve `amount` micro-dollars for one attempt of a call, or return the call's memoised answer.

        Reservations of an earlier process for the same call are charged: that call was in flight when it died. They
        stay charged where the new one finds no room.

        Args:
            tenant: who is charged.
            run_id: for which run.
            call_key: the same for the same call, also after a crash.
            amount: what the call costs at most.
            limit: hard limit of the run, beside that of the settings.
            operation: what is called, for the record.
            model: which model, for the record.
            most: the characters and tokens that it uses at most.

        Raises:
            BudgetExceeded: spent and reserved leave less than `amount` of a scope's limit.
            StorageFull: the disk is full.
            DependencyUnavailable: the database cannot be read or written.
        """
        wanted = Reservation(id=str(uuid.uuid4()), **scope_keys(tenant, run_id), call_key=call_key, amount=amount)
        figures = (most or Usage()).model_dump(include=set(_FIGURES))
        row = {"operation": operation, "model": model, **figures}
        outcome = await self._run(lambda connection: self._reserve(connection, wanted, limit, row))
        if isinstance(outcome, BudgetExceeded):
            raise outcome
        return outcome

    async def settle(
        self, reservation: Reservation, usage: Usage, answer: str | None, *, state: str = "completed"
    ) -> None:
        """Replace a reservation by what the call used, and keep its answer, in one transaction.

        Where the lease ran out meanwhile, the call has been charged in full and costs nothing more.

        Args:
            reservation: as `reserve` gave it.
            usage: what the attempt used; of a `charged` one its cost alone counts.
            answer: to be memoised.
            state: `completed`, `charged` (nobody knows whether it was answered) or `free` (certainly not).
        """
        await self._run(lambda connection: _settle(connection, reservation, usage, answer, state))

    async def usage(self, tenant: str, run_id: str) -> Usage:
        """Return what the run used; calls of unknown end stand in its calls and its cost alone."""
        return await self._run(lambda connection: self._usage_now(connection, _key("run", tenant, run_id)))

    async def characters(self, tenant: str) -> Characters:
        """Return the characters of all calls of the tenant."""
        return await self._run(lambda connection: _characters(connection, _key("tenant", tenant)))

    async def end_run(self, tenant: str, run_id: str) -> None:
        """Forget the run's memo: it answers a crash, not a repeated question."""
        run = _key("run", tenant, run_id)
        self._limit_of.pop(run, None)
        await self._run(lambda connection: connection.execute(_FORGET, {"run": run}).close())

    async def soft_limit_reached(self, tenant: str, run_id: str) -> bool:
        """Return whether a scope of the run has spent the soft share of its hard limit."""
        given = {**scope_keys(tenant, run_id), "percent": self._budgets.soft_percent}
        return bool(await self._run(lambda connection: connection.execute(_BEYOND_SOFT, given).scalar()))

    async def budget(self, tenant: str) -> list[BudgetLine]:
        """Return the tenant's whole and its current month."""
        return await self._run(lambda connection: self._lines(connection, tenant))

    async def set_limit(self, tenant: str, kind: Kind, hard_limit: int | None) -> None:
        """Set a tenant's limit, `None` for none. Raises `SettingsInvalid` for zero and below."""
        if hard_limit is not None and hard_limit <= 0:
            raise SettingsInvalid(f"a budget of {hard_limit} micro-dollars allows nothing", hint="give a positive one")
        await self._run(lambda connection: self._set_limit(connection, tenant, kind, hard_limit))

    async def pending_alerts(self) -> list[Alert]:
        """Claim and return the alerts that wait to be published."""
        return await self._run(ledger_alerts.claim)

    async def alerts(self) -> list[Alert]:
        """Return the alerts on record, the oldest first."""
        return await self._run(ledger_alerts.recorded)

    async def alerts_due_in(self) -> float | None:
        """Return after how many seconds an unpublished alert may be claimed, `None` where there is none."""
        return await self._run(ledger_alerts.due_in)

    async def alert_published(self, alert: Alert) -> None:
        """Take an alert out of the outbox; it stays on record."""
        await self._run(lambda connection: ledger_alerts.published(connection, alert))

    async def aclose(self) -> None:
        """Close the connections that were opened here."""
        await asyncio.to_thread(self._database.close)

    async def _run(self, work: Callable[[sa.Connection], Result]) -> Result:
        result, alerted = await asyncio.to_thread(self._in_transaction, work)
        if alerted:
            self.on_alert()
        return result

    def _in_transaction(self, work: Callable[[sa.Connection], Result]) -> tuple[Result, bool]:
        try:
            with self._database.transaction() as connection:
                connection.info[ledger_alerts.RECORDED] = False
                return work(connection), connection.info[ledger_alerts.RECORDED]
        except BaseException:  # whatever it was, it is raised again
            self._limit_of.clear()  # what was rolled back is not known any more: limits are given anew
            raise

    def _reserve(
        self, connection: sa.Connection, wanted: Reservation, limit: int | None, row: Mapping[str, Any]
    ) -> Reservation | BudgetExceeded:
        answer = connection.execute(_MEMOISED, {"run": wanted.run, "key": wanted.call_key}).scalar()
        if answer is not None:
            return wanted.model_copy(update={"id": "", "amount": 0, "answer": answer})
        self._ensure(connection, wanted.scopes, limit)
        now = _now_ms()
        _charge_dead(connection, {"run": wanted.run, "key": wanted.call_key, "now": now})
        for held in self._held(connection, wanted, limit):
            needed = held.spent + held.reserved + wanted.amount
            if held.hard_limit is not None and needed > held.hard_limit:
                ledger_alerts.record(connection, held, (100,))
                return BudgetExceeded(_kind_of(held.scope), held.hard_limit, needed)
        connection.execute(_CHARGE, {**wanted.scopes, "cost": 0, "change": wanted.amount})
        connection.execute(
            _INSERT_CALL,
            {
                "id": wanted.id,
                **{f"{kind}_scope": scope for kind, scope in wanted.scopes.items()},
                "call_key": wanted.call_key,
                "amount": wanted.amount,
                "lease_until": now + self._lease_ms,
                "state": "pending",
                "cost": 0,
                **row,
            },
        )
        return wanted

    def _ensure(self, connection: sa.Connection, keys: Mapping[str, str], run_limit: int | None) -> None:
        """Make the scopes that are missing, and give them the limits that are said, once per process and scope.

        A process that knows of no limit leaves the one that another process or `budget set` gave.
        """
        for kind, key in keys.items():
            if key in self._limit_of and (kind != "run" or self._limit_of[key] == run_limit):
                continue
            said, limit = self._limit(connection, kind, key, run_limit)
            if connection.execute(sa.select(scopes.c.scope).where(scopes.c.scope == key)).first() is None:
                _insert_scope(connection, key, limit)
            elif said:
                ledger_alerts.change_limit(connection, key, limit)
            self._limit_of[key] = run_limit if kind == "run" else limit

    def _held(self, connection: sa.Connection, wanted: Reservation, run_limit: int | None) -> Sequence[Any]:
        """Return the rows of the scopes, locked. What was rolled back after it was made is made again."""
        rows = connection.execute(_HELD, wanted.scopes).all()
        if len(rows) == len(wanted.scopes):
            return rows
        for key in wanted.scopes.values():
            self._limit_of.pop(key, None)
        self._ensure(connection, wanted.scopes, run_limit)
        return connection.execute(_HELD, wanted.scopes).all()

    def _limit(self, connection: sa.Connection, kind: str, key: str, run_limit: int | None) -> tuple[bool, int | None]:
        """Return whether anything is said of a scope's limit, and what."""
        if kind == "run":
            given = [limit for limit in (run_limit, self._budgets.run_micro_usd) if limit is not None]
            return True, min(given, default=None)
        which = (limits.c.kind == kind) & (limits.c.tenant == json.loads(key)[1])
        stored = connection.execute(sa.select(limits.c.hard_limit).where(which)).first()
        if stored is not None:
            return True, None if stored.hard_limit is None else int(stored.hard_limit)
        configured = self._budgets.tenant_micro_usd if kind == "tenant" else self._budgets.month_micro_usd
        return configured is not None, configured

    def _set_limit(self, connection: sa.Connection, tenant: str, kind: Kind, hard_limit: int | None) -> None:
        connection.execute(limits.delete().where(limits.c.kind == kind, limits.c.tenant == tenant))
        connection.execute(limits.insert().values(kind=kind, tenant=tenant, hard_limit=hard_limit))
        key = scope_keys(tenant, "-")[kind]
        ledger_alerts.change_limit(connection, key, hard_limit)

    def _lines(self, connection: sa.Connection, tenant: str) -> list[BudgetLine]:
        _charge_dead(connection, {"run": "", "key": "", "now": _now_ms()})
        keys = {kind: key for kind, key in scope_keys(tenant, "-").items() if kind != "run"}
        self._limit_of = {key: limit for key, limit in self._limit_of.items() if key not in keys.values()}
        self._ensure(connection, keys, None)
        rows = {
            row.scope: row for row in connection.execute(sa.select(scopes).where(scopes.c.scope.in_(keys.values())))
        }
        return [self._line(kind, rows[key]) for kind, key in keys.items()]

    def _line(self, kind: Any, row: Any) -> BudgetLine:
        soft = None if row.hard_limit is None else row.hard_limit * self._budgets.soft_percent // 100
        period = json.loads(row.scope)[-1] if kind == "month" else "all"
        return BudgetLine(
            kind=kind, period=period, spent=row.spent, reserved=row.reserved, soft_limit=soft, hard_limit=row.hard_limit
        )

    def _usage_now(self, connection: sa.Connection, run: str) -> Usage:
        _charge_dead(connection, {"run": "", "key": "", "now": _now_ms()})
        count, cost, *figures = connection.execute(_USAGE, {"run": run}).one()
        charged, lost = connection.execute(_CHARGED, {"run": run}).one()
        found = dict(zip(_FIGURES, (int(figure or 0) for figure in figures), strict=True))
        return Usage(calls=count + charged, cost_micro_usd=int(cost or 0) + int(lost or 0), **found)


def scope_keys(tenant: str, run_id: str) -> dict[str, str]:
    """Return the scopes that a call is charged to, by kind."""
    month = datetime.now(UTC).strftime("%Y-%m")
    return {
        "run": _key("run", tenant, run_id),
        "tenant": _key("tenant", tenant),
        "month": _key("month", tenant, month),
    }


def _settle(connection: sa.Connection, reservation: Reservation, usage: Usage, answer: str | None, state: str) -> None:
    figures = {name: getattr(usage, name) for name in _FIGURES} if state != "charged" else None
    if _close(connection, reservation.id, "pending", state, usage.cost_micro_usd, figures):
        change = {"cost": usage.cost_micro_usd, "change": -reservation.amount}
        connection.execute(_CHARGE, {**reservation.scopes, **change})
        ledger_alerts.record_crossed(connection, reservation.scopes)
    elif state == "completed":  # its lease ran out: it stays charged in full, and what it used is known now
        _close(connection, reservation.id, "charged", state, reservation.amount, figures)
    if answer is not None:
        key = {"run": reservation.run, "key": reservation.call_key}
        if connection.execute(_MEMOISED, key).scalar() is None:
            values = {"run_scope": reservation.run, "call_key": reservation.call_key, "answer": answer}
            connection.execute(_INSERT_MEMO, values)


def _close(
    connection: sa.Connection, call: str, before: str, state: str, cost: int, figures: Mapping[str, int] | None
) -> bool:
    """Settle the row of an attempt; without `figures` those stay that it was reserved with."""
    if figures is None:
        settled = calls.update().where(calls.c.id == call, calls.c.state == before).values(state=state, cost=cost)
        return bool(connection.execute(settled).rowcount)
    values = {"call": call, "before": before, "new_state": state, "new_cost": cost}
    values.update({f"new_{name}": figure for name, figure in figures.items()})
    return bool(connection.execute(_SETTLED, values).rowcount)


def _charge_dead(connection: sa.Connection, which: Mapping[str, Any]) -> None:
    """Charge what was reserved for this very call before, and what has outlived its lease."""
    for dead in connection.execute(_DEAD, which).all():
        if _close(connection, dead.id, "pending", "charged", dead.amount, None):
            keys = {"run": dead.run_scope, "tenant": dead.tenant_scope, "month": dead.month_scope}
            connection.execute(_CHARGE, {**keys, "cost": dead.amount, "change": -dead.amount})
            ledger_alerts.record_crossed(connection, keys)


def _insert_scope(connection: sa.Connection, key: str, limit: int | None) -> None:
    """Make a scope, unless another process did meanwhile."""
    try:
        with connection.begin_nested():
            connection.execute(
                scopes.insert(),
                {"scope": key, "spent": 0, "reserved": 0, "hard_limit": limit, "limit_version": 0, "alerted": 0},
            )
    except sa.exc.IntegrityError:
        ledger_alerts.change_limit(connection, key, limit)


def _characters(connection: sa.Connection, tenant: str) -> Characters:
    by_state = (
        sa.select(calls.c.state, sa.func.sum(calls.c.input_chars + calls.c.output_chars))
        .where(calls.c.tenant_scope == tenant, calls.c.operation == "chat")
        .group_by(calls.c.state)
    )
    found = {state: int(total or 0) for state, total in connection.execute(by_state)}
    return Characters(completed=found.get("completed", 0), charged=found.get("charged", 0) + found.get("pending", 0))


def _key(kind: Kind, *names: str) -> str:
    return json.dumps([kind, *names])


def _kind_of(scope: str) -> str:
    return str(json.loads(scope)[0])


def _now_ms() -> int:
    return round(time.time() * 1000)
