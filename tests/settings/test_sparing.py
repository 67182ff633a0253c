"""SQLAlchemy ends only open transactions of Oracle Database, and pings what has idled for long."""

from __future__ import annotations

import sqlite3
from typing import Any

import oracledb
import pytest
import sqlalchemy as sa

from settings.connections import sparing
from settings.connections.sparing import SparingTransactions, ping_after_idling


class Ended:
    def __init__(self, open_: bool) -> None:
        self.transaction_in_progress, self.ended = open_, list[str]()

    def commit(self) -> None:
        self.ended.append("commit")

    def rollback(self) -> None:
        self.ended.append("rollback")


class Sparing(SparingTransactions, Ended):
    """As the engine's connections are built on the driver's."""


def test_only_an_open_transaction_is_ended() -> None:
    for open_, ended in ((True, ["commit", "rollback"]), (False, [])):
        connection = Sparing(open_)
        connection.commit()
        connection.rollback()
        assert connection.ended == ended
    assert isinstance(oracledb.Connection.transaction_in_progress, property), "the driver says whether one is open"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [0.0]
    monkeypatch.setattr(sparing.time, "monotonic", lambda: seconds[0])
    return seconds


def engine_of(pings: list[Any], alive: list[bool]) -> sa.Engine:
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.QueuePool, pool_size=1, max_overflow=0)
    dialect: Any = engine.dialect

    def ping(connection: Any) -> bool:
        pings.append(connection)
        if not alive[0]:
            raise sqlite3.OperationalError("the connection is gone")
        return True

    dialect.do_ping = ping
    ping_after_idling(engine, 60)
    return engine


def test_a_connection_is_pinged_only_after_it_has_idled(clock: list[float]) -> None:
    pings: list[Any] = []
    engine = engine_of(pings, [True])
    for now, pinged in ((0, 0), (59, 0), (118, 0), (178, 1), (179, 1)):
        clock[0] = now
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
        assert len(pings) == pinged


def test_a_connection_that_was_dropped_while_it_idled_is_replaced(clock: list[float]) -> None:
    pings: list[Any] = []
    engine = engine_of(pings, [False])
    with engine.connect() as connection:
        first = connection.connection.dbapi_connection
    clock[0] = 60
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
        assert connection.connection.dbapi_connection is not first
    assert pings == [first]
