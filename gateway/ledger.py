"""The ledger: reserve before a call, settle after it, and the memo of answers, in one SQLite database.

Reserve and settle are immediate transactions in a worker thread: deferred ones fail under contention. A reservation
whose lease has run out is charged in full, never released, or the limit would not hold.
"""

from __future__ import annotations

import asyncio
import json
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
    sa.Column("call_key", sa.String(64), primary_key=True),
    sa.Column("scope", sa.String(200), nullable=False, index=True),
    sa.Column("answer", sa.Text, nullable=False),
)


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
        self._engine: sa.Engine | None = None

    async def reserve(self, tenant: str, run_id: str, call_key: str, amount: int, limit: int | None) -> Reservation:
        """Reserve `amount` micro-dollars for a call, or return its memoised answer.

        Reservations of an earlier process for the same call are charged: that call was in flight when it died.

        Raises:
            BudgetExceeded: spent and reserved leave less than `amount` of `limit`.
            StorageFull: the disk is full.
        """
        return await self._run(
            lambda c: _reserve(c, _scope(tenant, run_id), call_key, amount, limit, self._lease_seconds)
        )

    async def settle(self, reservation: Reservation, usage: Usage, answer: str | None) -> None:
        """Replace a reservation by what the call used, and keep its answer, in one transaction."""
        await self._run(lambda c: _settle(c, reservation, usage, answer))

    async def usage(self, tenant: str, run_id: str) -> Usage:
        """Return what the run used; calls that died in flight stand in its cost alone."""
        return await self._run(lambda c: _usage(c, _scope(tenant, run_id)))

    async def end_run(self, tenant: str, run_id: str) -> None:
        """Forget the run's memo: it answers a crash, not a repeated question."""
        scope = _scope(tenant, run_id)
        await self._run(lambda c: c.execute(_memo.delete().where(_memo.c.scope == scope)) and None)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            await asyncio.to_thread(self._engine.dispose)

    async def _run(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await asyncio.to_thread(self._in_transaction, work)

    def _in_transaction(self, work: Callable[[sa.Connection], Result]) -> Result:
        if self._engine is None:
            self._engine = _engine(self._path)
        with _classified(), self._engine.begin() as connection:
            return work(connection)


def _engine(path: Path) -> sa.Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "isolation_level": None})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    @sa.event.listens_for(engine, "begin")
    def _immediate(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with _classified(), engine.begin() as connection:
        _metadata.create_all(connection)
    return engine


def _reserve(
    connection: sa.Connection, scope: str, call_key: str, amount: int, limit: int | None, lease_seconds: float
) -> Reservation:
    answer = connection.execute(sa.select(_memo.c.answer).where(_memo.c.call_key == call_key)).scalar()
    if answer is not None:
        return Reservation(scope=scope, call_key=call_key, answer=answer)
    _open_scope(connection, scope)
    _charge_dead(connection, scope, call_key)
    room = _scopes.update().where(_scopes.c.scope == scope).values(reserved=_scopes.c.reserved + amount)
    if limit is not None:
        room = room.where(_scopes.c.spent + _scopes.c.reserved + amount <= limit)
    if connection.execute(room).rowcount != 1:
        held = connection.execute(
            sa.select(_scopes.c.spent + _scopes.c.reserved).where(_scopes.c.scope == scope)
        ).scalar_one()
        raise BudgetExceeded("run", limit or 0, held + amount)
    reservation = Reservation(id=str(uuid.uuid4()), scope=scope, call_key=call_key, amount=amount)
    values = {**reservation.model_dump(exclude={"answer"}), "lease_until": time.time() + lease_seconds}
    connection.execute(_reservations.insert().values(**values))
    return reservation


def _settle(connection: sa.Connection, reservation: Reservation, usage: Usage, answer: str | None) -> None:
    held = connection.execute(_reservations.delete().where(_reservations.c.id == reservation.id)).rowcount
    total = _usage(connection, reservation.scope) + usage
    spent = {"spent": _scopes.c.spent + usage.cost_micro_usd} if held else {}
    connection.execute(
        _scopes.update()
        .where(_scopes.c.scope == reservation.scope)
        .values(reserved=_scopes.c.reserved - (reservation.amount if held else 0), usage=total.model_dump(), **spent)
    )
    if answer is not None:
        connection.execute(_memo.insert().values(call_key=reservation.call_key, scope=reservation.scope, answer=answer))


def _open_scope(connection: sa.Connection, scope: str) -> None:
    if connection.execute(sa.select(_scopes.c.scope).where(_scopes.c.scope == scope)).scalar() is None:
        connection.execute(_scopes.insert().values(scope=scope, spent=0, reserved=0, usage=Usage().model_dump()))


def _charge_dead(connection: sa.Connection, scope: str, call_key: str) -> None:
    """Charge what was reserved for this very call before, and what has outlived its lease."""
    dead = (_reservations.c.scope == scope) & (
        (_reservations.c.call_key == call_key) | (_reservations.c.lease_until < time.time())
    )
    amount = connection.execute(sa.select(sa.func.sum(_reservations.c.amount)).where(dead)).scalar() or 0
    found = connection.execute(_reservations.delete().where(dead)).rowcount
    if not found:
        return
    total = _usage(connection, scope) + Usage(calls=found, cost_micro_usd=amount)
    connection.execute(
        _scopes.update()
        .where(_scopes.c.scope == scope)
        .values(spent=_scopes.c.spent + amount, reserved=_scopes.c.reserved - amount, usage=total.model_dump())
    )


def _usage(connection: sa.Connection, scope: str) -> Usage:
    stored = connection.execute(sa.select(_scopes.c.usage).where(_scopes.c.scope == scope)).scalar()
    return Usage.model_validate(stored) if stored else Usage()


def _scope(tenant: str, run_id: str) -> str:
    return json.dumps(["run", tenant, run_id])


@contextmanager
def _classified() -> Iterator[None]:
    try:
        yield
    except sa.exc.DatabaseError as error:
        if "full" in str(error.orig):
            raise StorageFull("the ledger cannot be written: the disk is full") from error
        raise DependencyUnavailable(
            f"the ledger cannot be used: {error.orig}",
            hint="check the permissions of the home folder, or move `ledger.db` away and start again",
        ) from error
