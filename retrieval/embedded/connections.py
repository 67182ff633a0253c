"""Connections of this process that only read corpora, kept open between reads.

To open one takes 0.3 ms, more than most reads: SQLite maps the log's index and reads the schema. A connection is used
by one thread at a time, and waits outside of any transaction: it neither holds a writer up nor keeps an old state.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MOST = 16
"""Connections that wait for the next read, of all corpora together. A chosen value: each takes three file descriptors
and up to 2 MB."""

Key = tuple[str, int, int]
"""Path, device and inode: a corpus that was deleted and made anew is another file."""

_waiting: list[tuple[Key, sqlite3.Connection]] = []
"""The one that was used last is the last one."""
_lock = threading.Lock()


@contextmanager
def reader(path: Path, wait_seconds: float) -> Iterator[sqlite3.Connection]:
    """Lend a connection to the database at `path` for a read transaction, which begins here.

    After an error it is closed. Raises `OSError` if there is no such file.
    """
    found = path.stat()
    key = (str(path), found.st_dev, found.st_ino)
    connection = _taken(key) or _opened(path, wait_seconds)
    try:
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")  # not COMMIT, which would leave what a running SELECT sees locked
    except BaseException:
        connection.close()
        raise
    _give_back(key, connection)


def close_readers(path: Path | None = None) -> None:
    """Close the connections to one database, or all of them, that wait."""
    with _lock:
        closing = [each for each in _waiting if path is None or each[0][0] == str(path)]
        _waiting[:] = [each for each in _waiting if each not in closing]
    for _, connection in closing:
        connection.close()


def _opened(path: Path, wait_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=wait_seconds, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def _taken(key: Key) -> sqlite3.Connection | None:
    with _lock:
        at = next((at for at in reversed(range(len(_waiting))) if _waiting[at][0] == key), None)
        return None if at is None else _waiting.pop(at)[1]


def _give_back(key: Key, connection: sqlite3.Connection) -> None:
    with _lock:
        _waiting.append((key, connection))
        oldest = _waiting.pop(0)[1] if len(_waiting) > _MOST else None
    if oldest is not None:
        oldest.close()


def _forget() -> None:
    """Leave the connections of the process that forked to that process."""
    global _lock, _inherited
    _lock, _inherited = threading.Lock(), [*_waiting]
    _waiting.clear()


_inherited: list[tuple[Key, sqlite3.Connection]] = []
"""Connections of a parent process. Never closed here: SQLite connections must not be used after a fork."""

atexit.register(close_readers)
os.register_at_fork(after_in_child=_forget)
