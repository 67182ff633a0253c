"""Deleting from SQLite files so that no byte of what was deleted is left in them.

Without `secure_delete` SQLite leaves deleted rows in free pages, and with WAL earlier versions of a page stay in the
log until it is truncated. Some builds of SQLite have `secure_delete` on, others not, so we say it.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

SECURE_DELETE = "PRAGMA secure_delete=ON"
"""Overwrites deleted content with zeros. Run it on each connection that deletes."""

_log = logging.getLogger(__name__)


def truncate_log(connection: sqlite3.Connection | Any, name: str) -> None:
    """Write the log of the database back and empty it. Run it outside of a transaction.

    Waits for other connections as long as the connection does. If one still reads after that, the log is emptied later
    (when the last connection closes, at the latest), and a warning says so.
    """
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        _log.warning("`%s-wal` is in use and cannot be emptied now: it may hold what was deleted until then", name)
