"""Connections of this process that only read corpora, kept open between reads.

To open one takes 0.3 ms, more than most reads: SQLite maps the log's index and reads the schema. A connection is used
by one thread at a time, and waits outside of any transaction: it neither holds a writer up nor keeps an old state.

Another process may delete a corpus, or make it anew. The connections to its old file hold the deleted texts on the
disk, so they are closed at the next read of its path, and when any corpus is read after they waited for a minute.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_MOST = 16
"""Connections that wait for the next read, of all corpora together. A chosen value: each takes three file descriptors
and up to 2 MB."""

_LONGEST_SECONDS = 60.0
"""How long a connection waits at most while others are given back. A chosen value."""

Key = tuple[str, int, int]
"""Path, device and inode: a corpus that was deleted and made anew is another file."""


class _Waiting(NamedTuple):
    """A connection that waits, and since when by the monotonic clock."""

    key: Key
    connection: sqlite3.Connection
    since: float


_waiting: list[_Waiting] = []
"""The one that was used last is the last one."""
_lock = threading.Lock()


@contextmanager
def reader(path: Path, wait_seconds: float) -> Iterator[sqlite3.Connection]:
    """Lend a connection to the database at `path` for a read transaction, which begins here.

    After an error it is closed. Raises `OSError` if there is no such file.
    """
    try:
        found = path.stat()
    except OSError:
        close_readers(path)
        raise
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
    _close(lambda each: path is None or each.key[0] == str(path))


def _close(chosen: Callable[[_Waiting], bool]) -> None:
    with _lock:
        closing = [each for each in _waiting if chosen(each)]
        _waiting[:] = [each for each in _waiting if not chosen(each)]
    for each in closing:
        each.connection.close()  # SQLite deletes no log of another file that has the path by now


def _opened(path: Path, wait_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=wait_seconds, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def _taken(key: Key) -> sqlite3.Connection | None:
    """Take a connection that waits; those to other files that had the same path are closed."""
    if any(_is_former(each, key) for each in _waiting.copy()):
        _close(lambda each: _is_former(each, key))
    with _lock:
        at = next((at for at in reversed(range(len(_waiting))) if _waiting[at].key == key), None)
        return None if at is None else _waiting.pop(at).connection


def _is_former(each: _Waiting, key: Key) -> bool:
    return each.key[0] == key[0] and each.key != key


def _give_back(key: Key, connection: sqlite3.Connection) -> None:
    now = time.monotonic()
    with _lock:
        _waiting.append(_Waiting(key, connection, now))
        kept = [each for each in _waiting[:-1][1 - _MOST :] if now - each.since < _LONGEST_SECONDS] + _waiting[-1:]
        closing, _waiting[:] = [each for each in _waiting if each not in kept], kept
    for each in closing:
        each.connection.close()


def _forget() -> None:
    """Leave the connections of the process that forked to that process."""
    global _lock, _inherited
    _lock, _inherited = threading.Lock(), [*_waiting]
    _waiting.clear()


_inherited: list[_Waiting] = []
"""Connections of a parent process. Never closed here: SQLite connections must not be used after a fork."""

atexit.register(close_readers)
os.register_at_fork(after_in_child=_forget)
