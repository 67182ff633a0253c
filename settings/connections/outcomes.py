"""What became of a transaction that failed: undone for another one, its connection lost, or the disk full."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from settings.connections.oracle_errors import codes_of

FAILURES = (sa.exc.DBAPIError, sa.exc.TimeoutError, sqlite3.Error, OSError)
"""What a database that cannot be used raises, through SQLAlchemy or from its driver."""

NO_ROOM_BYTES = 64 * 1024
"""If less space is free, an I/O error of SQLite is reported as a full disk."""

_UNDONE = {"40P01", "40001", "ORA-00060", "ORA-08177"}
"""A deadlock, or a change that could not be serialised: the database undid a transaction that may succeed if repeated.
The first two are SQLSTATEs, which PostgreSQL sends."""


def was_undone(cause: BaseException | None) -> bool:
    """Whether the database undid a transaction for the sake of another one."""
    original = cause.orig if isinstance(cause, sa.exc.DBAPIError) else None
    if original is None:
        return False
    return not _UNDONE.isdisjoint([getattr(original, "sqlstate", None), *codes_of(original)])


def was_lost(cause: BaseException | None) -> bool:
    """Whether the database had closed the connection, which its pool has replaced."""
    return isinstance(cause, sa.exc.DBAPIError) and cause.connection_invalidated


def is_full(cause: BaseException | None, folder: Path) -> bool:
    """Whether the disk is full. SQLite reports an I/O error instead if its write-ahead log cannot grow."""
    if getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(cause, "errno", 0) == errno.ENOSPC:
        return True
    return "disk I/O" in str(cause) and folder.is_dir() and shutil.disk_usage(folder).free < NO_ROOM_BYTES
