"""The corpus database, one SQLite file: schema, transactions, and the translation of SQLite's errors into ours.

The statements are in `reads.py` and `writes.py`, as functions that take an open connection.
"""

from __future__ import annotations

import errno
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from retrieval.embedded.connections import close_readers, reader
from settings.connections.scrubbing import SECURE_DELETE, truncate_log
from settings.connections.wal import use_wal
from settings.folders import private_folder
from state.errors import CorpusBusy, CorpusCorrupt, DependencyUnavailable, StorageFull

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
  version INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL, text_hash TEXT NOT NULL, source TEXT NOT NULL,
  title TEXT NOT NULL, parser TEXT NOT NULL, parser_version TEXT NOT NULL, pages INTEGER, text TEXT NOT NULL,
  ingested_at TEXT NOT NULL, superseded INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS documents_by_id ON documents (document_id, superseded);
CREATE INDEX IF NOT EXISTS documents_by_text ON documents (text_hash);
CREATE TABLE IF NOT EXISTS passages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, evidence_id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  start INTEGER NOT NULL, "end" INTEGER NOT NULL, page INTEGER, page_end INTEGER, heading_path TEXT NOT NULL,
  text TEXT NOT NULL, metadata TEXT NOT NULL, vector BLOB NOT NULL, kind TEXT NOT NULL DEFAULT 'prose');
CREATE INDEX IF NOT EXISTS passages_by_version ON passages (version, ordinal);
CREATE TABLE IF NOT EXISTS pending (
  evidence_id TEXT NOT NULL, embedding_model TEXT NOT NULL, document_id TEXT NOT NULL, vector BLOB NOT NULL,
  PRIMARY KEY (evidence_id, embedding_model));
CREATE INDEX IF NOT EXISTS pending_by_document ON pending (document_id);
CREATE TABLE IF NOT EXISTS roots (folder TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
  file TEXT PRIMARY KEY, stamp TEXT NOT NULL, digest TEXT NOT NULL, conditions TEXT NOT NULL, documents TEXT NOT NULL);
"""
# AUTOINCREMENT, not plain rowids: SQLite then never reuses the id of a deleted passage, and the indexes rely on new
# passages having ids above the last one indexed (`reads.rows_after`).

_WAIT_SECONDS = 10
"""How long SQLite waits for another connection's lock. A chosen value: a write transaction lasts for one batch only, so
a corpus that stays locked for longer is reported as busy."""

_ADDED = (("passages", "kind", "TEXT NOT NULL DEFAULT 'prose'"), ("documents", "splitting", "TEXT"))
"""Table, name and declaration of the columns that corpora of earlier releases lack."""

_EARLIER = """CREATE INDEX IF NOT EXISTS documents_earlier ON documents (document_id)
              WHERE splitting IS NULL AND superseded = 0"""
"""Finds the documents of earlier releases; it stays empty in a new corpus."""

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Blocking access to one corpus database; it is created with its folder if it does not exist.

    A `sqlite3` connection belongs to one thread at a time, and the backend runs each call in whichever worker thread is
    free: a write opens its own connection, and a read takes one that waits.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated(path):
            private_folder(path.parent)
        with self.write() as connection:
            connection.executescript(_SCHEMA)
            if connection.execute("SELECT 1 FROM meta WHERE key = 'hash_key'").fetchone() is None:
                # Corpora of earlier releases get their key here. IGNORE: another process may have been faster.
                connection.execute("INSERT OR IGNORE INTO meta VALUES ('hash_key', ?)", (secrets.token_hex(32),))
        self.change(_add_columns)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open a read transaction: its statements see one state, whatever a writer commits meanwhile."""
        with translated(self.path), reader(self.path, _WAIT_SECONDS) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Open a write transaction; it is committed if the block ends without an error."""
        with self._connected() as connection:
            use_wal(connection, _WAIT_SECONDS)  # readers are not blocked by a writer
            connection.execute(SECURE_DELETE)
            # IMMEDIATE takes the write lock before the first read. One that reads first and asks for the write
            # lock later fails at once with "database is locked" if another one wrote in between; it cannot wait.
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            if connection.in_transaction:  # `executescript` commits the schema by itself
                connection.execute("COMMIT")

    def truncate_log(self) -> None:
        """Remove what was deleted from the write-ahead log too."""
        with self._connected() as connection:
            truncate_log(connection, self.path.name)

    def close(self) -> None:
        """Close the connections that wait for the next read."""
        close_readers(self.path)

    def ask(self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **named: P.kwargs) -> T:
        """Run `query` within a read transaction and return its result."""
        with self.read() as connection:
            return query(connection, *args, **named)

    def stream(self, query: Callable[[sqlite3.Connection, int], Iterator[Any]], last: int) -> Stream:
        """Return the rows of `query` after row `last` as an iterable that holds one of them at a time."""
        return Stream(self, query, last)

    def change(self, action: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **named: P.kwargs) -> T:
        """Run `action` within a write transaction and return its result."""
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
                connection.close()  # rolls back an uncommitted transaction


class Stream:
    """Rows of a query; each iteration reads them anew, in a transaction of its own."""

    def __init__(
        self, database: Database, query: Callable[[sqlite3.Connection, int], Iterator[Any]], last: int
    ) -> None:
        self._database, self._query, self._last = database, query, last

    def __iter__(self) -> Iterator[Any]:
        with self._database.read() as connection:
            yield from self._query(connection, self._last)


def _add_columns(connection: sqlite3.Connection) -> None:
    for table, name, declaration in _ADDED:
        if not connection.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (table, name)).fetchone():
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {declaration}")
    connection.execute(_EARLIER)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise our own errors for those of SQLite and of the file system."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _translation(error, path) from error


def _translation(error: Exception, path: Path) -> DependencyUnavailable:
    # Tenant, corpus and file, without the folders above: callers of a server see the message.
    shown = "/".join(path.parts[-3:])
    # By message and not by `sqlite_errorcode`: errors that the `sqlite3` module raises by itself carry no code.
    text = str(error)
    if "malformed" in text or "not a database" in text:
        return CorpusCorrupt(f"the corpus database `{shown}` cannot be read")
    if "full" in text or getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull(f"no space is left to write `{shown}`")
    if "locked" in text:
        return CorpusBusy(f"another process is writing to `{shown}`")
    return DependencyUnavailable(
        f"`{shown}` cannot be used: {type(error).__name__}", hint="check that the folder exists and is writable"
    )
