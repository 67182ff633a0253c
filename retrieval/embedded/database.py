"""The corpus database: one SQLite file, its schema, its transactions, and SQLite's errors as ours.

The statements live in `reads.py` and `writer.py`, as functions that take an open connection.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from state.errors import CorpusBusy, CorpusCorrupt, DependencyUnavailable, StorageFull

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
  version INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL, text_hash TEXT NOT NULL, source TEXT NOT NULL,
  title TEXT NOT NULL, parser TEXT NOT NULL, parser_version TEXT NOT NULL, pages INTEGER, text TEXT NOT NULL,
  ingested_at TEXT NOT NULL, superseded INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS documents_by_id ON documents (document_id, superseded);
CREATE TABLE IF NOT EXISTS passages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, evidence_id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  start INTEGER NOT NULL, "end" INTEGER NOT NULL, page INTEGER, page_end INTEGER, heading_path TEXT NOT NULL,
  text TEXT NOT NULL, metadata TEXT NOT NULL, vector BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS passages_by_version ON passages (version, ordinal);
"""
# AUTOINCREMENT, not plain rowids: a deleted passage's id is never given out again, and the index files find what is
# new by "ids above the last one indexed" (`reads.rows_after`).

_WAIT_SECONDS = 10
"""How long SQLite waits for another connection's lock. A chosen value: a write transaction holds one batch, which takes
well under a second; a corpus that stays locked for longer is reported as busy."""

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Blocking access to one corpus database; made with its folder if it does not exist.

    Every transaction opens its own connection: a `sqlite3` connection belongs to one thread at a time, and the backend
    runs each call in whichever worker thread is free.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self.write() as connection:
            connection.executescript(_SCHEMA)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open one read transaction: all statements of the block see the same moment, whatever a writer commits."""
        with self._connected() as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Open one write transaction, committed when the block ends without an error."""
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode=WAL")  # readers go on while a writer writes
            # IMMEDIATE takes the write lock before the first read: a transaction that reads first and upgrades
            # later fails at once with "database is locked" if another writer came in between, and cannot wait.
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            if connection.in_transaction:  # `executescript` has committed the schema by itself
                connection.execute("COMMIT")

    def ask(self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **named: P.kwargs) -> T:
        """Return what `query` returns, run within one read transaction."""
        with self.read() as connection:
            return query(connection, *args, **named)

    def change(self, action: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **named: P.kwargs) -> T:
        """Return what `action` returns, run within one write transaction."""
        with self.write() as connection:
            return action(connection, *args, **named)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with translated(self.path):
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=_WAIT_SECONDS)
            try:
                connection.row_factory = sqlite3.Row
                yield connection
            finally:
                connection.close()  # rolls back whatever was not committed


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into errors of our tree."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _translation(error, path) from error


def _translation(error: Exception, path: Path) -> DependencyUnavailable:
    # SQLite's result codes reach Python as attributes only from 3.11 on and only for errors of the library; the texts
    # are stable and cover both.
    text = str(error)
    if "malformed" in text or "not a database" in text:
        return CorpusCorrupt(f"the corpus database `{path}` cannot be read")
    if "full" in text or getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull(f"no space is left to write `{path}`")
    if "locked" in text:
        return CorpusBusy(f"another process is writing to `{path}`")
    return DependencyUnavailable(
        f"`{path}` cannot be used: {type(error).__name__}", hint="check that the folder exists and is writable"
    )
