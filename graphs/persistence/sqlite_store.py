"""The memory of reports in a SQLite file: upstream's synchronous store, with each batch as one job of a thread.

`AsyncSqliteStore` switches between event loop and thread five times for one value, and syncs its file three times.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from langgraph.store.base import Op, PutOp, Result
from langgraph.store.sqlite import SqliteStore

from settings.connections.scrubbing import truncate_log
from settings.connections.wal import open_wal

BUSY_SECONDS = 10
"""How long a write waits for another process's lock. A chosen value."""


class ThreadedSqliteStore(SqliteStore):
    """`SqliteStore` with an asynchronous interface. Use `open_store`. The synchronous methods work too."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        super().__init__(conn)
        # A thread of its own: while another process holds the file, no other work of this one waits behind it.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="memory")

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do the operations in one transaction. What they delete is removed from the write-ahead log too.

        Raises:
            sqlite3.Error: the file is damaged, cannot be read or written, or its disk is full.
        """
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._batch, [*ops])

    def _batch(self, ops: Sequence[Op]) -> list[Result]:
        try:
            results = self.batch(ops)
        except sqlite3.Error as error:
            # Upstream commits after a failure, too. That fails as well, and would hide that the disk is full.
            raise _first(error) from None
        if any(isinstance(each, PutOp) and each.value is None for each in ops):
            with self.lock:
                truncate_log(self.conn, "store.db")
        return results

    def close(self) -> None:
        """Close the connection, after what still runs."""
        self._worker.shutdown()
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
    connection = open_wal(path, BUSY_SECONDS, isolation_level=None)
    try:
        store = ThreadedSqliteStore(connection)
        store.setup()
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return store
