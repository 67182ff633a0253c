"""The memory of reports in a SQLite file: upstream's synchronous store, called where it costs least.

`AsyncSqliteStore` switches between event loop and thread five times for one value, and syncs its file three times. Here
the event loop itself reads and stores single values, as it does checkpoints (`sqlite_checkpoints`). Whatever would have
to wait is one job of a thread, as is all that touches many values.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path

from langgraph.store.base import GetOp, Op, PutOp, Result
from langgraph.store.sqlite import SqliteStore

from settings.connections.scrubbing import truncate_log
from settings.connections.wal import copy_log, open_wal

BUSY_SECONDS = 10
"""How long a write waits for another process's lock. A chosen value."""

_UNCOPIED = 64
"""Number of values after which the worker copies the log into the database. A chosen value: a report has some tens of
kilobytes, so the log stays at a few megabytes."""


class ThreadedSqliteStore(SqliteStore):
    """`SqliteStore` with an asynchronous interface. Use `open_store`. The synchronous methods work too.

    Args:
        conn: the worker's connection.
        at_once: the event loop's, which waits for no lock and does not write the log back.
    """

    def __init__(self, conn: sqlite3.Connection, at_once: sqlite3.Connection) -> None:
        super().__init__(conn)
        self._at_once = SqliteStore(at_once)
        self._at_once.is_setup = True  # as soon as this one is
        self._uncopied = _UNCOPIED  # what an earlier process has left is copied first
        self._queued: set[Future[list[Result]]] = set()
        # A thread of its own: while another process holds the file, no other work of this one waits behind it.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="memory")

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do the operations in one transaction. What they delete is removed from the write-ahead log too.

        Single values are read and stored by the event loop, if no other process is writing.

        Raises:
            sqlite3.Error: the file is damaged, cannot be read or written, or its disk is full.
        """
        given = [*ops]
        # Never before what waits in the worker: operations run in the order of the calls.
        if len(given) == 1 and not self._queued and self._is_quick(given[0]):
            with suppress(sqlite3.Error):  # the worker waits, or tells of it
                return self._done_at_once(given)
        job = self._worker.submit(self._batch, given)
        self._queued.add(job)
        job.add_done_callback(self._queued.discard)  # when it has ended, also if its caller was cancelled meanwhile
        return await asyncio.wrap_future(job)

    def _done_at_once(self, ops: Sequence[Op]) -> list[Result]:
        try:
            results = self._at_once.batch(ops)
        finally:
            if self._at_once.conn.in_transaction:  # nothing may hold the lock of others
                self._at_once.conn.rollback()
        self._uncopied += isinstance(ops[0], PutOp)
        return results

    def _is_quick(self, op: Op) -> bool:
        return isinstance(op, GetOp) or (isinstance(op, PutOp) and op.value is not None and self._uncopied < _UNCOPIED)

    def _batch(self, ops: Sequence[Op]) -> list[Result]:
        puts = any(isinstance(each, PutOp) for each in ops)
        if puts and self._uncopied >= _UNCOPIED:  # before a write, which begins the log anew, and waits for the disk
            with self.lock:
                copy_log(self.conn, BUSY_SECONDS)
            self._uncopied = 0
        try:
            results = self.batch(ops)
        except sqlite3.Error as error:
            # Upstream commits after a failure, too. That fails as well, and would hide that the disk is full.
            raise _first(error) from None
        self._uncopied += puts
        if any(isinstance(each, PutOp) and each.value is None for each in ops):
            with self.lock:
                truncate_log(self.conn, "store.db")
            self._uncopied = _UNCOPIED  # the next write begins the log anew
        return results

    def close(self) -> None:
        """Close the connection, after what still runs."""
        self._worker.shutdown()
        self._at_once.conn.close()
        with self.lock:
            self.conn.close()


def _first(error: sqlite3.Error) -> sqlite3.Error:
    """Return the error that led to this one, if that is of SQLite, too."""
    cause = error.__context__
    return cause if isinstance(cause, sqlite3.Error) else error


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator[ThreadedSqliteStore]:
    """Yield the store in the SQLite file at `path`.

    Raises:
        sqlite3.DatabaseError: the file is damaged or cannot be read or written.
    """
    store = await asyncio.to_thread(_opened, path)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


def _opened(path: Path) -> ThreadedSqliteStore:
    with ExitStack() as opened:
        connection, at_once = (
            opened.enter_context(closing(open_wal(path, BUSY_SECONDS, isolation_level=None))) for _ in range(2)
        )
        at_once.execute("PRAGMA busy_timeout=0")
        for each in (connection, at_once):
            each.execute("PRAGMA wal_autocheckpoint=0")  # `_batch` copies the log
        store = ThreadedSqliteStore(connection, at_once)
        store.setup()
        opened.pop_all()
    return store
