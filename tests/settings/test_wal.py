"""Who opens a file beside another one that writes its first rows waits for it, and is not told that it is locked."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from graphs import open_checkpointer
from retrieval.embedded.database import Database as CorpusDatabase
from settings import Settings
from settings.connections.sql import Database
from settings.connections.wal import copy_log, open_wal, use_wal


def tables(path: Path) -> None:
    database = Database(Settings(home=path.parent), path.name, sa.MetaData())
    with database.reading() as connection:
        connection.execute(sa.text("SELECT 1"))
    database.close()


def corpus(path: Path) -> None:
    CorpusDatabase(path)


def checkpoints(path: Path) -> None:
    async def opened() -> None:
        async with open_checkpointer(path):
            pass

    asyncio.run(opened())


@pytest.mark.parametrize("opened", [tables, corpus, checkpoints])
def test_a_file_that_another_one_has_just_made_is_waited_for(opened: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")  # not yet in WAL: SQLite refuses the switch at once, whatever the timeout

        def later() -> None:
            time.sleep(0.2)
            other.execute("COMMIT")

        writing = threading.Thread(target=later)
        writing.start()
        opened(path)
        writing.join()


def test_what_stays_locked_is_told_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other, closing(sqlite3.connect(path)) as connection:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            use_wal(connection, 0.05)


def test_a_log_that_was_copied_begins_anew_with_the_next_write(tmp_path: Path) -> None:
    with closing(open_wal(tmp_path / "db", 1)) as connection:
        connection.executescript("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        log = tmp_path / "db-wal"
        before, salt = log.stat().st_size, log.read_bytes()[16:24]
        copy_log(connection, 1)
        connection.execute("INSERT INTO t VALUES (2)")
        connection.commit()
        assert (log.stat().st_size, log.read_bytes()[16:24] == salt) == (before, False)
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (1000,)


def test_a_copy_that_fails_is_told_and_stops_no_write(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(open_wal(tmp_path / "db", 1)) as connection:
        connection.executescript("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        connection.execute("INSERT INTO t VALUES (2)")  # SQLite refuses a copy within a transaction
        copy_log(connection, 1)
        connection.commit()
        assert connection.execute("SELECT COUNT(*) FROM t").fetchone() == (2,)
    assert "could not be copied: SQLITE_LOCKED" in caplog.text
