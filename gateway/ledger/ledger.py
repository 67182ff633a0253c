"""The ledger: reserve money before a call and settle after it; it also keeps the memo of answers, limits and alerts.

Every call is charged to three scopes at once: run, tenant, and the month (UTC) of the tenant; and to the month of its
principal, if principals have a budget. Each operation is one transaction in a worker thread. A reservation whose lease
has run out is charged in full and never released: otherwise the limits would not hold.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.ledger import alerts as ledger_alerts
from gateway.ledger import attempts, clock, pruning
from gateway.ledger.alerts import Alert
from gateway.ledger.attempts import FIGURES, Characters, Reservation
from gateway.ledger.finishing import Finishing
from gateway.ledger.pruning import Cutoffs, PrunedRows
from gateway.ledger.scopes import Kind, ScopeLimits, beyond_soft_limit, end, kind_of, scope_key, scope_keys
from gateway.ledger.tables import metadata, scopes
from gateway.ledger.unsettled import Settlement, Unsettled
from settings import Settings
from settings.connections.sql import Database
from settings.pools import IO
from state.errors import BudgetExceeded, DependencyUnavailable, SettingsInvalid, StorageFull
from state.values import Usage, Value

Result = TypeVar("Result")

_LEASE_MARGIN_SECONDS = 60
"""A lease outlives the deadline of its call by this much, so that a live call normally settles before its lease ends.

A chosen value: a longer one delays the charge of a dead process's call, a shorter one charges slow settles in full.
"""

_AGAIN_SECONDS = 0.2
"""How long after a failure a settlement is tried again. A chosen value: a busy database makes each attempt wait."""


class BudgetLine(Value):
    """The state of one scope, in micro-dollars; a limit is `None` if there is none."""

    kind: Kind
    period: str
    spent: int
    reserved: int
    soft_limit: int | None
    hard_limit: int | None


class Ledger:
    """The ledger in the configured database, or in that of `engine`."""

    def __init__(self, settings: Settings, *, engine: sa.Engine | None = None) -> None:
        # The transactions run on SQLAlchemy's synchronous engine in a worker thread: measured at 0.6 ms, against
        # 2.8 ms through aiosqlite. They begin as writers: of 1,600 calls by eight processes, 1,264 failed with
        # "database is locked" when transactions were deferred, and none when they were immediate.
        self._database = Database(settings, "ledger.db", metadata, engine=engine)
        self._by_principal = settings.budgets.principal_month_micro_usd is not None
        self._soft_percent = settings.budgets.soft_percent
        self._lease_ms = round((settings.models.deadline_seconds + _LEASE_MARGIN_SECONDS) * 1000)
        self._limits = ScopeLimits(settings.budgets)
        self._unsettled = Unsettled(settings.home / "unsettled")
        self.finishing = Finishing()
        """Settlements whose callers may have left. `aclose` waits for them."""
        self.on_alert: Callable[[], None] = lambda: None
        """Called in the caller's event loop after a transaction that recorded an alert."""

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
        principal: str = "",
    ) -> Reservation:
        """Reserve `amount` micro-dollars for one attempt of a call, or return the call's memoised answer.

        A pending reservation for the same call is charged first: its process died while the call was in flight. The
        charge stays even if the new reservation is refused.

        Args:
            tenant: the tenant that is charged.
            run_id: the run that is charged.
            call_key: identifies the call; the same after a crash.
            amount: the most that the call can cost.
            limit: the run's hard limit; the settings may have a lower one.
            operation: the kind of call, for the record.
            model: the model's id, for the record.
            most: the most characters and tokens that the call can use.
            principal: whose monthly budget is charged too, empty for nobody's.

        Raises:
            BudgetExceeded: a scope's limit, less what is spent and reserved, does not cover `amount`.
            StorageFull: the disk is full.
            DependencyUnavailable: the database cannot be read or written.
        """
        keys = self._keys(tenant, run_id, principal)
        wanted = Reservation(id=str(uuid.uuid4()), **keys, call_key=call_key, amount=amount)
        figures = (most or Usage()).model_dump(include=set(FIGURES))
        row = {"operation": operation, "model": model, **figures}
        outcome = await self._run(lambda connection: self._reserve(connection, wanted, limit, row))
        # A refusal is returned and raised out here: raised inside, it would roll back the charges of lapsed
        # reservations and the alert that go with it.
        if isinstance(outcome, BudgetExceeded):
            raise outcome
        return outcome

    async def settle(
        self,
        reservation: Reservation,
        usage: Usage,
        answer: str | None,
        *,
        state: str = "completed",
        patience_seconds: float = 0.0,
    ) -> None:
        """Replace a reservation by what the call used, and memoise its answer, in one transaction.

        If the lease has run out meanwhile, the call was already charged in full and only what it cost beyond that is
        charged. If the database does not take it within `patience_seconds`, it waits in a file of the home folder for
        the next transaction. An answer of a run that has ended is not memoised.

        Args:
            reservation: as `reserve` returned it.
            usage: what the attempt used; for state `charged` only its cost counts.
            answer: the text to memoise, `None` for nothing.
            state: `completed`, `charged` (nobody knows whether the provider answered) or `free` (it certainly did not).
            patience_seconds: how long it is tried again while the database is busy or down.

        Raises:
            StorageFull: the disk is full.
            DependencyUnavailable: neither the database nor the home folder can be written.
        """
        settlement = Settlement(reservation=reservation, usage=usage, answer=answer, state=state)
        until = time.monotonic() + patience_seconds
        while True:
            try:
                await self._run(settlement.settle)
            except StorageFull:
                raise
            except DependencyUnavailable:
                if time.monotonic() + _AGAIN_SECONDS < until:
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                try:
                    await IO.run(self._unsettled.keep, settlement)
                except OSError:
                    pass
                else:
                    return
                raise
            return

    async def usage(self, tenant: str, run_id: str) -> Usage:
        """Return what the run used; calls of unknown outcome add to its calls and its cost only."""

        run = scope_key("run", tenant, run_id)

        def read(connection: sa.Connection) -> Usage | None:
            late = attempts.any_lapsed(connection) or self._unsettled.waiting()
            return None if late else attempts.usage_of_run(connection, run)

        def charge_and_read(connection: sa.Connection) -> Usage:
            attempts.charge_lapsed(connection)
            return attempts.usage_of_run(connection, run)

        used: Usage | None = await self._read(read)
        return await self._run(charge_and_read) if used is None else used

    async def characters(self, tenant: str) -> Characters:
        """Return the characters of all chat calls of the tenant."""
        key = scope_key("tenant", tenant)
        return await self._read(lambda connection: attempts.characters_of_tenant(connection, key))

    async def end_run(self, tenant: str, run_id: str) -> None:
        """Delete the run's memo, and memoise nothing for it from now on.

        A memo exists to resume after a crash, not to answer a repeated question.
        """
        run = scope_key("run", tenant, run_id)
        self._limits.forget([run])

        def ended(connection: sa.Connection) -> None:
            end(connection, run)
            attempts.forget_answers(connection, run)

        await self._run(ended)

    async def soft_limit_reached(self, tenant: str, run_id: str, principal: str = "") -> bool:
        """Return whether a scope of the run has spent the soft share of its hard limit."""
        keys = self._keys(tenant, run_id, principal)
        return await self._read(lambda connection: beyond_soft_limit(connection, keys, self._soft_percent))

    async def budget(self, tenant: str, principal: str = "") -> list[BudgetLine]:
        """Return the tenant's budget over all time, that of its current month, and the principal's if it has one."""
        return await self._run(lambda connection: self._lines(connection, tenant, principal))

    async def set_limit(self, tenant: str, kind: Kind, hard_limit: int | None) -> None:
        """Set a tenant's limit; `None` removes it. Raises `SettingsInvalid` for zero and below."""
        if hard_limit is not None and hard_limit <= 0:
            raise SettingsInvalid("a budget of zero or less allows nothing", hint="give a positive number")
        await self._run(lambda connection: self._limits.set_limit(connection, tenant, kind, hard_limit))

    async def pending_alerts(self) -> list[Alert]:
        """Claim and return the alerts that wait to be published."""
        return await self._run(ledger_alerts.claim)

    async def alerts(self) -> list[Alert]:
        """Return all recorded alerts, oldest first."""
        return await self._read(ledger_alerts.recorded)

    async def alerts_due_in(self) -> float | None:
        """Return the seconds until an unpublished alert may be claimed, `None` if all are published."""
        return await self._read(ledger_alerts.due_in)

    async def alert_published(self, alert: Alert) -> None:
        """Mark an alert as published; it stays on record."""
        await self._run(lambda connection: ledger_alerts.published(connection, alert))

    async def prune(self, old: Cutoffs, *, dry_run: bool = False) -> PrunedRows:
        """Turn old calls into totals, delete old memos and alerts, and return how many rows went, or would go.

        What the ledger tells of runs, tenants and months stays as it was.
        """
        await self._run(attempts.charge_lapsed)
        if dry_run:
            return await self._read(lambda connection: pruning.count(connection, old))
        counted = dict.fromkeys(PrunedRows.model_fields, 0)
        for name, step, again in pruning.STEPS:
            before = getattr(old, name)
            while before is not None:
                done = await self._run(lambda connection, step=step, before=before: step(connection, before))  # type: ignore[misc]
                counted[name] += done
                if not (again and done):
                    break
        return PrunedRows(**counted)

    async def truncate_log(self) -> None:
        """Remove what was deleted, such as memos, from the write-ahead log too."""
        await IO.run(self._database.truncate_log)

    async def aclose(self) -> None:
        """Wait for settlements whose callers have left, then close the connections that this ledger opened."""
        await self.finishing.wait()
        await asyncio.to_thread(self._database.close)

    async def _run(self, work: Callable[[sa.Connection], Result]) -> Result:
        result, alerted = await IO.run(self._in_transaction, work)
        if alerted:
            self.on_alert()
        return result

    async def _read(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await IO.run(self._database.read, work)

    def _in_transaction(self, work: Callable[[sa.Connection], Result]) -> tuple[Result, bool]:
        try:
            with self._database.transaction() as connection:
                connection.info[ledger_alerts.RECORDED] = False
                waiting = self._unsettled.waiting()
                for settlement in waiting.values():
                    settlement.settle(connection)
                result, alerted = work(connection), connection.info[ledger_alerts.RECORDED]
            self._unsettled.applied(waiting)  # after the commit: what is applied twice changes nothing
            return result, alerted
        except BaseException:  # always raised again: the limits that were rolled back are applied anew
            self._limits.forget_all()
            raise

    def _reserve(
        self, connection: sa.Connection, wanted: Reservation, limit: int | None, row: Mapping[str, Any]
    ) -> Reservation | BudgetExceeded:
        answer = attempts.memoised(connection, wanted.run, wanted.call_key)
        if answer is not None:
            return wanted.model_copy(update={"id": "", "amount": 0, "answer": answer})
        self._limits.ensure(connection, wanted.scopes, limit)
        now = clock.now_ms()
        # Lapsed reservations are charged before the limits are read: they count as spent.
        attempts.charge_lapsed(connection, run=wanted.run, call_key=wanted.call_key)
        for held in self._limits.locked(connection, wanted.scopes, limit):
            needed = held.spent + held.reserved + wanted.amount
            if held.hard_limit is not None and needed > held.hard_limit:
                if held.spent:  # a call that is too dear for an untouched budget has used up nothing
                    ledger_alerts.record(connection, held, (100,))
                return BudgetExceeded(kind_of(held.scope), held.hard_limit, needed)
        attempts.insert_attempt(connection, wanted, now + self._lease_ms, row)
        return wanted

    def _keys(self, tenant: str, run_id: str, principal: str) -> dict[str, str]:
        return scope_keys(tenant, run_id, principal if self._by_principal else "")

    def _lines(self, connection: sa.Connection, tenant: str, principal: str) -> list[BudgetLine]:
        attempts.charge_lapsed(connection)
        keys = {kind: key for kind, key in self._keys(tenant, "-", principal).items() if kind != "run"}
        self._limits.forget(keys.values())  # another process may have run `budget set` since
        self._limits.ensure(connection, keys, None)
        rows = {
            row.scope: row for row in connection.execute(sa.select(scopes).where(scopes.c.scope.in_(keys.values())))
        }
        return [self._line(kind, rows[key]) for kind, key in keys.items()]

    def _line(self, kind: Any, row: Any) -> BudgetLine:
        soft = None if row.hard_limit is None else row.hard_limit * self._soft_percent // 100
        period = "all" if kind == "tenant" else json.loads(row.scope)[2]
        return BudgetLine(
            kind=kind, period=period, spent=row.spent, reserved=row.reserved, soft_limit=soft, hard_limit=row.hard_limit
        )
