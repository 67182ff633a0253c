"""Short transactions on an SQLite file in the event loop, and statements that are compiled once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from settings import Settings
from settings.connections import sql
from settings.connections.inserting import InsertNew
from settings.connections.prepared import Prepared
from settings.connections.sql import Database, JsonText

THINGS = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("name", sa.String(10), primary_key=True),
    sa.Column("told", JsonText),
    sa.Column("number", sa.Integer),
)
INSERT = Prepared(InsertNew(THINGS))
COUNT_UP = Prepared(
    THINGS.update().where(THINGS.c.name == sa.bindparam("of")).values(number=THINGS.c.number + sa.bindparam("by"))
)
NAMED = Prepared(sa.select(THINGS).where(THINGS.c.name.in_([sa.bindparam("one"), sa.bindparam("other", value="-")])))
ROW = {"name": "a", "told": {"n": [2.0, None]}, "number": 1}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Yield an open database, however the process is set."""
    monkeypatch.setattr(Database, "in_loop", True)
    with closing(Database(Settings(home=tmp_path), "things.db", THINGS.metadata)) as opened:
        opened.write(lambda _: None)
        yield opened


@contextmanager
def written_by_another(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("COMMIT")


def insert(connection: sa.Connection) -> bool:
    return INSERT.changed(connection, ROW) == 1


def number(connection: sa.Connection) -> Any:
    found = NAMED.first(connection, {"one": "a"})
    return found and found["number"]


@pytest.mark.parametrize("direct", [True, False])
def test_a_prepared_statement_says_the_same_in_both_ways(tmp_path: Path, direct: bool) -> None:
    """Without an engine of its own, a database hands statements to SQLAlchemy, as Oracle Database does."""
    engine = None if direct else sql.open_engine(Settings(home=tmp_path), "things.db")
    with closing(Database(Settings(home=tmp_path), "things.db", THINGS.metadata, engine=engine)) as opened:
        with opened.transaction() as connection:
            assert (insert(connection), insert(connection)) == (True, False)
            INSERT.each(connection, [{"name": "b", "number": 5}, ROW])
            assert (COUNT_UP.changed(connection, {"of": "b", "by": 2}), number(connection)) == (1, 1)
            assert COUNT_UP.changed(connection, {"of": "none", "by": 2}) == 0
            rows = NAMED.rows(connection, {"one": "a", "other": "b"})
            assert [(row.name, row.told, row.number) for row in rows] == [("a", ROW["told"], 1), ("b", None, 7)]
            assert NAMED.first(connection, {"one": "c"}) is None
        with pytest.raises(Exception, match=r"(?i)bind"):  # each driver has its own
            opened.read(lambda reading: NAMED.rows(reading, {}))


def test_what_need_not_wait_happens_in_this_thread_and_is_stored(database: Database) -> None:
    threads = list[int]()

    def noted(connection: sa.Connection) -> bool:
        threads.append(threading.get_ident())
        return insert(connection)

    assert database.at_once(noted) == (True,)
    assert database.at_once(number, reads=True) == (1,)
    assert threads == [threading.get_ident()]
    assert database.read(number) == 1


def test_while_another_writes_nothing_waits_in_the_loop(tmp_path: Path, database: Database) -> None:
    with written_by_another(tmp_path / "things.db"):
        assert database.at_once(insert) is None
        assert database.at_once(number, reads=True) == (None,), "a reader waits for nobody"
    assert database.at_once(insert) == (True,)


def test_no_connection_is_opened_in_the_loop(database: Database) -> None:
    """Opening may wait for a lock of another process, and all connections of the pool are in use by workers."""
    with database.transaction():
        opened = list[bool]()
        sa.event.listen(database._opened(), "connect", lambda *_: opened.append(True))
        assert database.at_once(number, reads=True) == (None,)
        assert database.at_once(insert) is None
    assert database.at_once(insert) == (True,)
    assert not opened


def test_nothing_waits_for_another_thread_that_uses_the_connection_or_a_lock_of_the_file(database: Database) -> None:
    def nested(_: sa.Connection) -> object:
        return database.at_once(number, reads=True)

    def timeout(connection: sa.Connection) -> object:
        return connection.exec_driver_sql("PRAGMA busy_timeout").scalar()

    assert database.at_once(nested, reads=True) == (None,)
    assert (database.at_once(timeout), database.read(timeout)) == ((0,), sql.BUSY_SECONDS * 1000)


def test_a_transaction_that_could_not_be_undone_holds_no_lock(database: Database) -> None:
    def broken(connection: sa.Connection) -> None:
        connection.connection.driver_connection.execute("BEGIN IMMEDIATE")  # type: ignore[union-attr]
        raise sqlite3.OperationalError("disk I/O error")

    assert database.at_once(broken, reads=True) is None
    database.write(insert)
    assert database.at_once(number, reads=True) == (1,), "a worker has opened the connection anew"


def test_an_error_stores_nothing_and_one_of_the_database_is_left_to_the_thread(database: Database) -> None:
    def fails(connection: sa.Connection, error: Exception) -> None:
        insert(connection)
        raise error

    with pytest.raises(KeyError):
        database.at_once(lambda connection: fails(connection, KeyError()))
    assert database.at_once(lambda connection: fails(connection, sqlite3.OperationalError("disk I/O error"))) is None
    assert database.read(number) is None


async def test_the_log_is_copied_in_a_thread_after_many_transactions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_WRITES_A_COPY", 3)
    threads = list[bool]()

    def count_up(connection: sa.Connection) -> None:
        threads.append(threading.current_thread() is threading.main_thread())
        insert(connection)
        COUNT_UP.changed(connection, {"of": "a", "by": 1})

    for _ in range(8):
        await database.awrite(count_up)
    assert threads == [True, True, True, False, True, True, True, False]
    assert await database.aread(number) == 9


async def test_the_log_does_not_grow_beyond_what_is_copied_at_once(tmp_path: Path, database: Database) -> None:
    def count_up(connection: sa.Connection) -> None:
        insert(connection)
        COUNT_UP.changed(connection, {"of": "a", "by": 1})

    sizes = list[int]()
    for _ in range(4):
        for _ in range(sql._WRITES_A_COPY + 1):
            await database.awrite(count_up)
        sizes.append((tmp_path / "things.db-wal").stat().st_size)
    assert sizes[-1] == sizes[0], "the copied log is begun anew"


async def test_a_process_that_forbids_it_and_another_database_use_threads(tmp_path: Path, database: Database) -> None:
    engine = sql.open_engine(Settings(home=tmp_path), "things.db")
    with closing(Database(Settings(home=tmp_path), "things.db", THINGS.metadata, engine=engine)) as given:
        given.write(insert)
        assert given.at_once(number, reads=True) is None
        assert await given.aread(number) == 1
    database.in_loop = False
    assert database.at_once(number, reads=True) is None
