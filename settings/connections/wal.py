"""SQLite's write-ahead log, with which readers and the writer work at the same time."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path
from typing import Any

from settings.connections.scrubbing import SECURE_DELETE

_COPY_WAITS_MS = 100
"""How long a copy waits for those who still read what it replaces; else the next one has more to copy."""

_AGAIN_SECONDS = 0.01
"""How long to wait before SQLite is asked again. A chosen value: the switch takes less than a millisecond."""

_log = logging.getLogger(__name__)


def use_wal(connection: sqlite3.Connection | Any, seconds: float) -> None:
    """Switch the database of `connection` to WAL, which it then keeps.

    SQLite does not wait for a lock here, whatever the connection's timeout: of several that open a new file at once all
    but one would be told that it is locked.

    Raises:
        sqlite3.OperationalError: another one has held a lock for `seconds`, or the file cannot be written.
    """
    give_up = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_AGAIN_SECONDS)


def open_wal(path: Path, seconds: float, **options: Any) -> sqlite3.Connection:
    """Open a database with a write-ahead log. Any thread may use the connection, one at a time.

    Args:
        path: the file; it is made if it does not exist.
        seconds: how long the connection waits for the lock of another one.
        options: further arguments of `sqlite3.connect`.

    Raises:
        sqlite3.DatabaseError: the file is damaged, locked for longer, or cannot be read or written.
    """
    connection: sqlite3.Connection = sqlite3.connect(path, timeout=seconds, check_same_thread=False, **options)
    try:
        use_wal(connection, seconds)
        connection.execute(SECURE_DELETE)
        connection.execute("PRAGMA synchronous=NORMAL")  # with WAL, survives a killed process
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def copy_log(connection: sqlite3.Connection | Any, seconds: float) -> None:
    """Copy the write-ahead log into the database, so that the next write begins it anew. Run it outside a transaction.

    What fails is left to the next copy, as SQLite leaves its own: on a full disk, a write into the log may still work.
    `seconds`: how long the connection waits for locks otherwise.
    """
    connection.execute(f"PRAGMA busy_timeout={_COPY_WAITS_MS}")
    try:
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    except sqlite3.OperationalError as error:
        _log.warning("the write-ahead log could not be copied: %s", error.sqlite_errorname)
    finally:
        connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
