"""SQLite's write-ahead log, with which readers and the writer work at the same time."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

_AGAIN_SECONDS = 0.01
"""How long to wait before SQLite is asked again. A chosen value: the switch takes less than a millisecond."""


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
