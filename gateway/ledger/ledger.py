"""The ledger: reserve money before a call and settle after it; it also keeps the memo of answers, limits and alerts.

Every call is charged to three scopes at once: run, tenant, and the month (UTC) of the tenant; and to the month of its
principal, if principals have a budget. Each operation is one transaction: in a worker thread, or in the event loop on a
file that nobody else is writing to. A reservation whose lease has run out is charged in full and never released:
otherwise the limits would not hold.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from gateway.ledger import alerts as ledger_alerts
from gateway.ledger import attempts, clock, pruning
from gateway.ledger.account import Account
from gateway.ledger.alerts import Alert
from gateway.ledger.attempts import FIGURES, Characters, Reservation
from gateway.ledger.budget_lines import BudgetLine, budget_line
from gateway.ledger.finishing import Finishing
from gateway.ledger.pruning import Cutoffs, PrunedRows
from gateway.ledger.scopes import APPLIED, Kind, ScopeLimits, beyond_soft_limit, end, kind_of, scope_key, scope_keys
from gateway.ledger.tables import metadata
from gateway.ledger.unsettled import Settlement, Unsettled, folder_of, ledger_name
from observability import notice
from settings import Settings
from settings.connections.sql import Database
from settings.pools import IO
from state.errors import BudgetExceeded, DependencyUnavailable, SettingsInvalid, StorageBusy, StorageFull
from state.values import Usage

Result = TypeVar("Result")

_LEASE_MARGIN_SECONDS = 60
"""A lease outlives the deadline of its call by this much, so that a live call normally settles before its lease ends.
A chosen value: a longer one delays the charge of a dead process's call, a shorter one charges slow settles in full."""

_log = logging.getLogger(__name__)

_AGAIN_SECONDS = 0.2
"""How long after a failure a settlement is tried again. A chosen value: a busy database makes each attempt wait."""


class Ledger:
    """The ledger in the configured database, or in that of `engine`."""

    def __init__(self, settings: Settings, *, engine: sa.Engine | None = None) -> None:
        # The transactions begin as writers: of 1,600 calls by eight processes, 1,264 failed with "database is locked"
        # when they were deferred, and none when they were immediate.
        self._database = Database(settings, "ledger.db", metadata, engine=engine)
        self._by_principal = settings.budgets.principal_month_micro_usd is not None
        self._soft_percent = settings.budgets.soft_percent
        self._lease_ms = round((settings.models.deadline_seconds + _LEASE_MARGIN_SECONDS) * 1000)
        self._limits = ScopeLimits(settings.budgets)
        self._name = ledger_name(settings)
        self._unsettled = Unsettled(folder_of(settings), self._name)
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
        account = Account(tenant, run_id, run_limit_micro_usd=limit, principal=principal)
        return await self.reserve_wanted(self.wanted(account, call_key, amount, operation, model, most or Usage()))

    def wanted(
        self, account: Account, call_key: str, amount: int, operation: str, model: str, most: Usage
    ) -> attempts.Wanted:
        """Return what `reserve` reserves for an attempt, for `reserve_at_once` and `reserve_wanted`."""
        keys = self._keys(account.tenant, account.run_id, account.principal)
        reservation = Reservation(id=str(uuid.uuid4()), **keys, call_key=call_key, amount=amount)
        row = {"operation": operation, "model": model, **{name: getattr(most, name) for name in FIGURES}}
        return attempts.Wanted(reservation, account.run_limit_micro_usd, row)

    async def reserve_wanted(self, wanted: attempts.Wanted) -> Reservation:
        """Reserve what is wanted, like `reserve`."""
        outcome, swept = None, False
        while outcome is None:
            outcome = await self._soon(partial(self._reserve, wanted=wanted, swept=swept))
            if outcome is None:
                await self._charge_lapsed(run=wanted.reservation.run, call_key=wanted.reservation.call_key)
                swept = True
        return attempts.allowed(outcome)

    def reserve_at_once(self, wanted: attempts.Wanted) -> Reservation | None:
        """Like `reserve_wanted`, without an `await`; `None` if it may have to wait, and then nothing is reserved."""
        done = self._at_once(partial(self._reserve, wanted=wanted, swept=False))
        return None if done is None or done[0] is None else attempts.allowed(done[0])

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
        charged. An answer of a run that has ended is not memoised.

        An answer that is paid for is never lost to the ledger. If the database does not take its settlement within
        `patience_seconds`, or is full, it waits in a file of the home folder, or where none can be written in memory,
        for the next transaction; the last is an event of the report. Its reservation stands until then.

        Args:
            reservation: as `reserve` returned it.
            usage: what the attempt used; for state `charged` only its cost counts.
            answer: the text to memoise, `None` for nothing.
            state: `completed`, `charged` (nobody knows whether the provider answered) or `free` (it certainly did not).
            patience_seconds: how long it is tried again while the database is busy or down.
        """
        settlement = Settlement(database=self._name, reservation=reservation, usage=usage, answer=answer, state=state)
        until = time.monotonic() + patience_seconds
        while True:
            try:
                await self._soon(settlement.settle)
            except DependencyUnavailable as error:
                if not isinstance(error, StorageFull) and time.monotonic() + _AGAIN_SECONDS < until:
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                if not await IO.run(self._unsettled.keep, settlement):
                    detail = f"the cost of a call waits to be recorded: {error.message}; its reservation stands"
                    notice("ledger", "settlement_waits", detail)
            return

    def settle_at_once(self, reservation: Reservation, usage: Usage, answer: str | None) -> bool:
        """Settle a completed call without an `await`; `False` if it may have to wait, and then nothing is settled."""
        settle = partial(attempts.settle, reservation=reservation, usage=usage, answer=answer, state="completed")
        return self._at_once(settle) is not None

    async def usage(self, tenant: str, run_id: str) -> Usage:
        """Return what the run used; calls of unknown outcome add to its calls and its cost only.

        On a full disk, what waits to be charged is missing: whoever publishes a report keeps it, with a notice.
        """
        run = scope_key("run", tenant, run_id)

        def read(connection: sa.Connection) -> tuple[Usage, bool]:
            waiting = bool(self._unsettled.waiting())  # before the rows: what is applied in between is in them
            used, late = attempts.usage_of_run(connection, run)
            return used, late or waiting

        used, late = await (self._read(read) if self._unsettled.has_any else self._database.aread(read))
        if not late:
            return used
        try:
            await self._charge_lapsed()
            return (await self._run(read))[0]
        except StorageFull as error:
            notice("ledger", "charge_waits", f"the cost of a call waits to be recorded: {error.message}")
            return used

    async def characters(self, tenant: str) -> Characters:
        """Return the characters of all chat calls of the tenant."""
        return await self._read(partial(attempts.characters_of_tenant, tenant=scope_key("tenant", tenant)))

    async def end_run(self, tenant: str, run_id: str) -> None:
        """Delete the run's memo, and memoise nothing for it from now on.

        A memo exists to resume after a crash, not to answer a repeated question. A thread overwrites a large one.
        """
        run = scope_key("run", tenant, run_id)
        self._limits.forget([run])

        def ended(connection: sa.Connection, *, few: bool = False) -> bool:
            if few and attempts.has_many_answers(connection, run):
                return False
            end(connection, run)
            attempts.forget_answers(connection, run)
            return True

        if self._at_once(partial(ended, few=True)) != (True,):
            await self._run(ended)

    async def soft_limit_reached(self, tenant: str, run_id: str, principal: str = "") -> bool:
        """Return whether a scope of the run has spent the soft share of its hard limit."""
        keys = self._keys(tenant, run_id, principal)
        return await self._database.aread(lambda connection: beyond_soft_limit(connection, keys, self._soft_percent))

    async def budget(self, tenant: str, principal: str = "") -> list[BudgetLine]:
        """Return the tenant's budget over all time, that of its current month, and the principal's if it has one."""
        await self._charge_lapsed()
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

        What the ledger tells of tenants, months and principals stays as it was. Files of settlements that nobody will
        apply go with the memos: they hold answers too.
        """
        await self._charge_lapsed()
        files = await IO.run(self._unsettled.sweep, old.memos, dry_run=dry_run)
        if dry_run:
            counts = await self._read(lambda connection: pruning.count(connection, old))
            return counts.model_copy(update={"settlements": files})
        counted = dict.fromkeys(PrunedRows.model_fields, 0)
        for name, step, again in pruning.STEPS:
            while getattr(old, name) is not None:
                done = await self._run(lambda connection, step=step: step(connection, old))  # type: ignore[misc]
                counted[name] += done
                if not (again and done):
                    break
        return PrunedRows(**{**counted, "settlements": files})

    async def truncate_log(self) -> None:
        """Remove what was deleted, such as memos, from the write-ahead log too."""
        await IO.run(self._database.truncate_log)

    async def aclose(self) -> None:
        """Wait for settlements whose callers have left, then close the connections that this ledger opened."""
        await self.finishing.wait()
        if self._unsettled.waiting():
            with suppress(DependencyUnavailable):
                await self._run(lambda _: None)
            await IO.run(self._unsettled.write_remembered)
        await asyncio.to_thread(self._database.close)

    async def _charge_lapsed(self, *, run: str = "", call_key: str = "") -> None:
        """Charge what dead processes left, in transactions of their own, until nothing is left."""
        while await self._run(lambda connection: attempts.charge_lapsed(connection, run=run, call_key=call_key)):
            pass

    async def _run(self, work: Callable[[sa.Connection], Result]) -> Result:
        return self._told(await IO.run(self._in_transaction, work))

    async def _soon(self, work: Callable[[sa.Connection], Result]) -> Result:
        done = self._at_once(work)
        return done[0] if done else await self._run(work)

    def _at_once(self, work: Callable[[sa.Connection], Result]) -> tuple[Result] | None:
        """Return the result of short work in a transaction of its own, `None` where it may have to wait for others."""
        if not self._database.is_quick or self._unsettled.has_any:
            return None
        applied: dict[str, int | None] = {}
        done = self._database.at_once(partial(_noting, work, applied))
        if done is None:
            return None
        self._limits.committed(applied)
        return (self._told(done[0]),)

    def _told(self, done: tuple[Result, bool]) -> Result:
        if done[1]:
            self.on_alert()
        return done[0]

    async def _read(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await IO.run(self._database.read, work)

    def _in_transaction(self, work: Callable[[sa.Connection], Result]) -> tuple[Result, bool]:
        failed, alerted = self._settle_waiting()
        result, recorded = self._written(work)
        for name in failed:
            self._unsettled.failed(name)
        return result, alerted or recorded

    def _written(self, work: Callable[[sa.Connection], Result]) -> tuple[Result, bool]:
        """Return the result of `work` in a transaction of its own, and whether that recorded an alert."""
        applied: dict[str, int | None] = {}
        # What is reserved, settled, charged or ended is so once: a lost COMMIT may be done again.
        written = self._database.write(partial(_noting, work, applied), repeatable=True)
        self._limits.committed(applied)
        return written

    def _settle_waiting(self) -> tuple[list[str], bool]:
        """Apply each settlement that waits, in a transaction of its own.

        Returns:
            The names of those that failed though the database is neither busy nor full, and whether an alert was
            recorded.

        Raises:
            StorageBusy: as the transaction that follows would.
        """
        failed, alerted = [], False
        for name, settlement in self._unsettled.waiting().items():
            try:
                alerted |= self._written(settlement.settle)[1]
            except StorageBusy:
                raise
            except StorageFull as error:
                _log.warning("a settlement waits: %s", error.message)
            except Exception as error:  # noqa: BLE001 - every transaction comes here: none may fail for one bad file
                _log.warning("the settlement `%s` failed: %s", name, type(error).__name__)
                failed.append(name)
            else:
                self._unsettled.applied(name)
        return failed, alerted

    def _reserve(
        self, connection: sa.Connection, wanted: attempts.Wanted, *, swept: bool
    ) -> Reservation | BudgetExceeded | None:
        """Reserve, all under the locks of the scopes. Return `None` if something has to be done before, apart.

        Lapsed reservations are charged before the limits are held against a call, unless they were `swept` just now.
        That locks scopes of other runs, for which it is too late here.
        """
        reservation = wanted.reservation
        self._limits.create(connection, reservation.scopes)
        rows = self._limits.locked(connection, reservation.scopes, wanted.limit)
        known = attempts.standing(connection, reservation)
        if known.reserved:  # by an earlier attempt of this transaction, whose connection was lost at the COMMIT
            return reservation
        if known.answered:
            answer = attempts.memoised(connection, reservation.run, reservation.call_key)
            return reservation.model_copy(update={"id": "", "amount": 0, "answer": answer})
        if (known.late and not swept) or len(rows) < len(reservation.scopes):
            return None
        for held in rows:
            needed = held.spent + held.reserved + reservation.amount
            if held.hard_limit is not None and needed > held.hard_limit:
                if held.spent:  # a call that is too dear for an untouched budget has used up nothing
                    ledger_alerts.record(connection, held, held.spent, (100,))
                return BudgetExceeded(kind_of(held.scope), held.hard_limit, needed)
        attempts.insert_attempt(connection, reservation, clock.now_ms() + self._lease_ms, wanted.row)
        return reservation

    def _keys(self, tenant: str, run_id: str, principal: str) -> dict[str, str]:
        return scope_keys(tenant, run_id, principal if self._by_principal else "")

    def _lines(self, connection: sa.Connection, tenant: str, principal: str) -> list[BudgetLine]:
        keys = {kind: key for kind, key in self._keys(tenant, "-", principal).items() if kind != "run"}
        self._limits.forget(keys.values())  # another process may have run `budget set` since
        self._limits.create(connection, keys)
        rows = {row.scope: row for row in self._limits.locked(connection, keys, None)}
        return [budget_line(kind, rows[key], self._soft_percent) for kind, key in keys.items()]


def _noting(
    work: Callable[[sa.Connection], Result], applied: dict[str, int | None], connection: sa.Connection
) -> tuple[Result, bool]:
    """Return the result of `work`, and whether it recorded an alert; the limits that it applied go into `applied`."""
    applied.clear()  # the database may have undone an earlier attempt
    connection.info[ledger_alerts.RECORDED], connection.info[APPLIED] = False, applied
    return work(connection), connection.info[ledger_alerts.RECORDED]
