"""The ledger: reserve before a call, settle after it, and the memo of answers, in one SQLite database.

Reserve and settle are immediate transactions in a worker thread: deferred ones fail under contention. A reservation
whose lease has run out is charged in full, never released, or the limit would not hold.
"""

from __future__ import annotations

import asyncio
import errno
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from settings import Settings
from state.errors import BudgetExceeded, DependencyUnavailable, StorageFull
from state.values import Usage, Value

Result = TypeVar("Result")

_metadata = sa.MetaData()
_scopes = sa.Table(
    "ledger_scopes",
    _metadata,
    sa.Column("scope", sa.String(200), primary_key=True),
    sa.Column("spent", sa.BigInteger, nullable=False, default=0),
    sa.Column("reserved", sa.BigInteger, nullable=False, default=0),
    sa.Column("usage", sa.JSON, nullable=False),
)
_reservations = sa.Table(
    "ledger_reservations",
    _metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("scope", sa.String(200), nullable=False, index=True),
    sa.Column("call_key", sa.String(64), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("lease_until", sa.Float, nullable=False),
)
_memo = sa.Table(
    "ledger_memo",
    _metadata,
    sa.Column("scope", sa.String(200), primary_key=True),
    sa.Column("call_key", sa.String(64), primary_key=True),
    sa.Column("answer", sa.Text, nullable=False),
)
_HELD = sa.select(_scopes.c.spent + _scopes.c.reserved).where(_scopes.c.scope == sa.bindparam("wanted"))
_NOTHING = Usage()
_BUSY_SECONDS = 30


class Reservation(Value):
    """Room for one call. `answer` is the memoised answer instead, and then nothing is reserved."""

    id: str = ""
    scope: str
    call_key: str
    amount: int = 0
    answer: str | None = None


class Ledger:
    """Run-scoped ledger on SQLite through SQLAlchemy Core."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.home / "ledger.db"
        self._lease_seconds = settings.models.timeout_seconds * settings.models.max_attempts * 2
        self._opening = threading.Lock()
        self._engine: sa.Engine | None = None

    async def reserve(self, tenant: str, run_id: str, call_key: str, amount: int, limit: int | None) -> Reservation:
        """Reserve `amount` micro-dollars for a call, or return its memoised answer.

        Reservations of an earlier process for the same call are charged: that call was in flight when it died. They
        stay charged where the new one finds no room.

        Raises:
            BudgetExceeded: spent and reserved leave less than `amount` of `limit`.
            StorageFull: the disk is full.
            DependencyUnavailable: the database cannot be read or written.
        """
        wanted = Reservation(id=str(uuid.uuid4()), scope=_scope(tenant, run_id), call_key=call_key, amount=amount)
        outcome = await self._run(lambda connection: _reserve(connection, wanted, limit, self._lease_seconds))
        if isinstance(outcome, BudgetExceeded):
            raise outcome
        return outcome

    async def settle(self, reservation: Reservation, usage: Usage, answer: str | None) -> None:
        """Replace a reservation by what the call used, and keep its answer, in one transaction.

        Where the lease ran out meanwhile, the call has been charged in full and costs nothing more.
        """
        await self._run(lambda connection: _settle(connection, reservation, usage, answer))

    async def usage(self, tenant: str, run_id: str) -> Usage:
        """Return what the run used; calls that died in flight stand in its calls and its cost alone."""
        return await self._run(lambda connection: _usage_now(connection, _scope(tenant, run_id)))

    async def end_run(self, tenant: str, run_id: str) -> None:
        """Forget the run's memo: it answers a crash, not a repeated question."""
        memo_of_run = _memo.delete().where(_memo.c.scope == _scope(tenant, run_id))
        await self._run(lambda connection: connection.execute(memo_of_run).close())

    async def aclose(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            await asyncio.to_thread(self._engine.dispose)

    async def _run(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await asyncio.to_thread(self._in_transaction, work)

    def _in_transaction(self, work: Callable[[sa.Connection], Result]) -> Result:
        with _classified(), self._opened().begin() as connection:
            return work(connection)

    def _opened(self) -> sa.Engine:
        with self._opening:
            if self._engine is None:
                self._engine = _engine(self._path)
            return self._engine


def _engine(path: Path) -> sa.Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None})
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        _metadata.create_all(connection)
    return engine


def _configure(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _reserve(
    connection: sa.Connection, wanted: Reservation, limit: int | None, lease_seconds: float
) -> Reservation | BudgetExceeded:
    memoised = sa.select(_memo.c.answer).where(_memo.c.scope == wanted.scope, _memo.c.call_key == wanted.call_key)
    answer = connection.execute(memoised).scalar()
    if answer is not None:
        return Reservation(scope=wanted.scope, call_key=wanted.call_key, answer=answer)
    _open_scope(connection, wanted.scope)
    _charge_dead(connection, wanted.scope, wanted.call_key)
    held = connection.execute(_HELD, {"wanted": wanted.scope}).scalar_one()
    if limit is not None and held + wanted.amount > limit:
        return BudgetExceeded("run", limit, held + wanted.amount)
    _account(connection, wanted.scope, reserved=wanted.amount)
    values = {**wanted.model_dump(exclude={"answer"}), "lease_until": time.time() + lease_seconds}
    connection.execute(_reservations.insert().values(**values))
    return wanted


def _settle(connection: sa.Connection, reservation: Reservation, usage: Usage, answer: str | None) -> None:
    held = connection.execute(_reservations.delete().where(_reservations.c.id == reservation.id)).rowcount
    if held:
        _account(connection, reservation.scope, usage, reserved=-reservation.amount)
    else:
        _account(connection, reservation.scope, usage.model_copy(update={"calls": 0, "cost_micro_usd": 0}))
    if answer is not None:
        values = {"scope": reservation.scope, "call_key": reservation.call_key, "answer": answer}
        connection.execute(_memo.insert().prefix_with("OR IGNORE").values(**values))


def _open_scope(connection: sa.Connection, scope: str) -> None:
    fresh = {"scope": scope, "spent": 0, "reserved": 0, "usage": Usage().model_dump()}
    connection.execute(_scopes.insert().prefix_with("OR IGNORE").values(**fresh))


def _charge_dead(connection: sa.Connection, scope: str, call_key: str = "") -> None:
    """Charge what was reserved for this very call before, and what has outlived its lease."""
    ended = (_reservations.c.call_key == call_key) | (_reservations.c.lease_until < time.time())
    dead = (_reservations.c.scope == scope) & ended
    amount = connection.execute(sa.select(sa.func.sum(_reservations.c.amount)).where(dead)).scalar() or 0
    found = connection.execute(_reservations.delete().where(dead)).rowcount
    if found:
        _account(connection, scope, Usage(calls=found, cost_micro_usd=amount), reserved=-amount)


def _account(connection: sa.Connection, scope: str, usage: Usage = _NOTHING, *, reserved: int = 0) -> None:
    values = {
        "spent": _scopes.c.spent + usage.cost_micro_usd,
        "reserved": _scopes.c.reserved + reserved,
        "usage": (_usage(connection, scope) + usage).model_dump(),
    }
    connection.execute(_scopes.update().where(_scopes.c.scope == scope).values(**values))


def _usage_now(connection: sa.Connection, scope: str) -> Usage:
    _charge_dead(connection, scope)
    return _usage(connection, scope)


def _usage(connection: sa.Connection, scope: str) -> Usage:
    stored = connection.execute(sa.select(_scopes.c.usage).where(_scopes.c.scope == scope)).scalar()
    return Usage.model_validate(stored) if stored else Usage()


def _scope(tenant: str, run_id: str) -> str:
    return json.dumps(["run", tenant, run_id])


@contextmanager
def _classified() -> Iterator[None]:
    try:
        yield
    except (sa.exc.DBAPIError, OSError) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        if getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(cause, "errno", 0) == errno.ENOSPC:
            raise StorageFull("the ledger cannot be written: the disk is full") from error
        raise DependencyUnavailable(
            f"the ledger cannot be used: {cause}",
            hint="check the permissions of the home folder, or move `ledger.db` away and start again",
        ) from error
