"""Database engines for SQLAlchemy Core: SQLite files of the home folder, or Oracle Database, from one code.

Callers run blocking transactions in worker threads. On SQLite every transaction takes the writer's lock as it begins:
deferred ones fail under contention. On Oracle Database tables are made by `sixplane db init` alone: opening verifies.
"""

from __future__ import annotations

import errno
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from settings.connections.oracle_errors import classify_oracle
from settings.tree import Settings
from state.errors import DependencyUnavailable, StorageFull

BUSY_SECONDS = 30

NO_ROOM_BYTES = 64 * 1024
"""Free space below which an I/O error of SQLite means a full disk."""


class JsonText(sa.TypeDecorator[Any]):
    """JSON as text, on every database alike."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ARG002  (the interface)
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json.loads(value)


class Database:
    """The tables of `metadata`, opened on first use.

    Args:
        settings: which database.
        name: of the SQLite file in the home folder, for example `ledger.db`.
        metadata: what has to be there.
        engine: in place of the configured one.
    """

    def __init__(
        self, settings: Settings, name: str, metadata: sa.MetaData, *, engine: sa.Engine | None = None
    ) -> None:
        self._settings, self._name, self._metadata = settings, name, metadata
        self._given, self._engine, self._ready = engine, engine, False
        self._opening = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Open one write transaction, committed when the block ends without an error.

        Raises:
            StorageFull: there is no room.
            DependencyUnavailable: the database cannot be reached, read or written, or lacks the tables.
        """
        with self._translated(), self._opened().begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections that were opened here."""
        if self._engine is not None and self._given is None:
            self._engine.dispose()

    def _opened(self) -> sa.Engine:
        with self._opening:
            if self._engine is None:
                self._engine = open_engine(self._settings, self._name)
            if not self._ready:
                self._prepare(self._engine)
                self._ready = True
            return self._engine

    def _prepare(self, engine: sa.Engine) -> None:
        if engine.dialect.name == "sqlite":
            with engine.begin() as connection:
                self._metadata.create_all(connection)
                _add_columns(connection, self._metadata)
            return
        missing = sorted(set(self._metadata.tables) - {name.lower() for name in sa.inspect(engine).get_table_names()})
        if missing:
            raise DependencyUnavailable(
                f"Oracle Database lacks the tables {', '.join(missing)}", hint="run `sixplane db init`"
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, sqlite3.Error, OSError) as error:
            raise self._meaning(error) from error

    def _meaning(self, error: Exception) -> Exception:
        if isinstance(error, sa.exc.TimeoutError):
            return DependencyUnavailable(
                "no connection of the database became free in time", hint="raise SIXPLANE_ORACLE__POOL_MAX"
            )
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        if self._engine is not None and self._engine.dialect.name == "oracle":
            return classify_oracle(cause or error)
        if _is_full(cause, self._settings.home):
            return StorageFull(f"`{self._name}` cannot be written: the disk is full")
        hint = f"check the permissions of the home folder, or move `{self._name}` away and start again"
        return DependencyUnavailable(f"`{self._name}` cannot be used: {cause}", hint=hint)


def _add_columns(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Add the columns that a table of an earlier version lacks; they may be empty."""
    inspector = sa.inspect(connection)
    for table in metadata.sorted_tables:
        known = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                added = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {added}")


def open_engine(settings: Settings, name: str) -> sa.Engine:
    """Return an engine on the SQLite file `name` of the home folder, or on Oracle Database where that is set."""
    if settings.data.backend == "oracle":
        return _oracle_engine(settings)
    return _sqlite_engine(settings.home / name)


def _sqlite_engine(path: Path) -> sa.Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: sa.Connection) -> None:
    """Begin by the driver itself: a statement of SQLAlchemy's costs more than many a transaction's own."""
    connection.connection.driver_connection.execute("BEGIN IMMEDIATE")  # type: ignore[union-attr]


def _oracle_engine(settings: Settings) -> sa.Engine:
    """Return an engine whose connections are made like those of the pool, in worker threads."""
    import oracledb

    from settings.connections.oracle_pool import connect_arguments, oracle_password, prepare_session

    arguments = connect_arguments(settings.oracle, oracle_password(settings))

    def connect() -> Any:
        connection = oracledb.connect(**arguments)
        prepare_session(connection, settings.oracle)
        return connection

    return sa.create_engine(
        "oracle+oracledb://",
        creator=connect,
        pool_size=settings.oracle.pool_max,
        max_overflow=0,
        pool_timeout=settings.oracle.acquire_timeout_seconds,
        pool_pre_ping=True,
    )


def _is_full(cause: BaseException | None, folder: Path) -> bool:
    """Whether the disk is full. SQLite calls it an I/O error where its write-ahead log cannot grow."""
    if getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(cause, "errno", 0) == errno.ENOSPC:
        return True
    return "disk I/O" in str(cause) and folder.is_dir() and shutil.disk_usage(folder).free < NO_ROOM_BYTES
