"""Database engines for SQLAlchemy Core: SQLite files in the home folder, or Oracle Database, from one code base.

Callers run the blocking transactions in worker threads; short ones on a file run in the event loop, if they need not
wait (`settings.pools`). On SQLite every transaction that may write takes the write lock
when it begins: a deferred one that reads first can fail when it upgrades its lock. One that only reads takes no lock,
so that no reader waits for a writer. In Oracle Database only `sixplane db init`
creates tables; opening checks that they exist.
"""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from settings.connections.at_once import READS, AtOnce, driver_of
from settings.connections.oracle_errors import classify_oracle
from settings.connections.outcomes import FAILURES, is_full, was_lost, was_undone
from settings.connections.prepared import DIRECT
from settings.connections.scrubbing import SECURE_DELETE, truncate_log
from settings.connections.sparing import SparingTransactions, committing, ping_after_idling
from settings.connections.upgrading import brought_up_to_date
from settings.connections.wal import copy_log, use_wal
from settings.folders import private_folder
from settings.oracle import OracleSettings
from settings.pools import IO
from settings.tree import Settings
from state.errors import DependencyUnavailable, OutcomeUnknown, StorageBusy, StorageFull

Result = TypeVar("Result")

BUSY_SECONDS = 30
"""How long a transaction waits for the write lock. A chosen value; transactions themselves take milliseconds."""

_COMMITTING = "sixplane_committing"
"""The option of a connection that holds whether its transaction is being committed."""

MONOTONIC = "monotonic_seconds"
"""A function of our SQLite connections: the seconds since the machine was started, which nobody can set. All processes
of a machine share them."""


_WRITES_A_COPY = 100
"""After so many transactions, one in a thread copies the write-ahead log into the file, begins it anew, and waits for
the disk each time. Until then none runs in the event loop. A chosen value: ours write five to ten pages each; SQLite
would copy after 1,000 of them itself, in whatever thread."""

_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Seconds before a transaction that the database undid begins again. Chosen values: ours take milliseconds."""


class JsonText(sa.TypeDecorator[Any]):
    """JSON stored as text: the JSON column of Oracle Database would turn 2.0 into 2."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ARG002  (fixed by SQLAlchemy)
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json.loads(value)


class Database:
    """A database with the tables of `metadata`, opened on first use.

    Args:
        settings: choose SQLite or Oracle Database.
        name: name of the SQLite file in the home folder, for example `ledger.db`.
        metadata: the tables.
        engine: replaces the configured engine.
        upgraded: fills what was added to a SQLite file of an earlier release. In Oracle Database, a migration does it.
    """

    in_loop = True
    """Whether `at_once` may run in the event loops of this process. LangGraph's server forbids it."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        metadata: sa.MetaData,
        *,
        engine: sa.Engine | None = None,
        upgraded: Callable[[sa.Connection], None] | None = None,
    ) -> None:
        self._settings, self._name, self._metadata = settings, name, metadata
        self._upgraded = upgraded
        self._given, self._engine, self._ready = engine, engine, False
        self._opening = threading.Lock()
        self._options: dict[str, bool] = {}
        self._at_once: AtOnce | None = None
        self._uncopied = _WRITES_A_COPY  # what an earlier process has left is copied first
        self._copying = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Open one write transaction, committed when the block ends without an error.

        Raises:
            StorageFull: the disk or tablespace is full.
            StorageBusy: another process wrote for longer than `BUSY_SECONDS`.
            OutcomeUnknown: the connection broke during the COMMIT.
            DependencyUnavailable: the database cannot be reached, read or written, or the tables are missing.
        """
        state, copies = {"committing": False}, False
        try:
            opened, options = self._opened(), {_COMMITTING: state, **self._options}
            copies = self._uncopied >= _WRITES_A_COPY and self._copying.acquire(blocking=False)
            with opened.connect().execution_options(**options) as connection:
                if copies and opened.dialect.name == "sqlite":
                    copy_log(driver_of(connection), BUSY_SECONDS)
                with connection.begin():
                    yield connection
                    state["committing"] = True
            self._uncopied = 0 if copies else self._uncopied + 1
        except FAILURES as error:
            raise self._meaning(error, state["committing"]) from error
        finally:
            if copies:
                self._copying.release()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open one transaction that only reads. It waits for no writer, and sees what was committed before.

        Raises:
            DependencyUnavailable: the database cannot be reached or read, or the tables are missing.
        """
        options = {READS: True, **self._options}
        with self._translated(), self._opened().connect().execution_options(**options) as connection:
            yield connection

    def read(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Return what `work` reads in a transaction of its own; once more on a new connection if this one was lost.

        Raises like `reading`.
        """
        try:
            with self.reading() as connection:
                return work(connection)
        except DependencyUnavailable as error:
            if not was_lost(error.__cause__):
                raise
        with self.reading() as connection:
            return work(connection)

    def write(self, work: Callable[[sa.Connection], Result], *, repeatable: bool = False) -> Result:
        """Return the result of `work` in a write transaction of its own, begun again where it lost to another one.

        A database with row locks ends one of two transactions that wait for each other. A transaction whose connection
        was lost before its COMMIT begins again once: connections that have idled for a short while are not checked.
        Raises like `transaction`.

        Args:
            work: the statements.
            repeatable: whether `work` finds out what an earlier call of it has stored, and stores nothing twice. Then
                the transaction begins again once, too, where the connection was lost during the COMMIT.
        """
        reconnected = False
        for pause in _PAUSES:
            try:
                with self.transaction() as connection:
                    return work(connection)
            except DependencyUnavailable as error:
                unknown = isinstance(error, OutcomeUnknown)
                lost = (repeatable if unknown else was_lost(error.__cause__)) and not reconnected
                if not lost and not was_undone(error.__cause__):
                    raise
                reconnected = reconnected or lost
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - lets the other one pass, guards nothing
        with self.transaction() as connection:
            return work(connection)

    def at_once(self, work: Callable[[sa.Connection], Result], *, reads: bool = False) -> tuple[Result] | None:
        """Return the result of a short `work` in a transaction of its own, in this thread, or `None` where it may wait.

        For the event loop. `None`, and nothing is stored, if the database is no file or not open, another one writes to
        it, its log has to be copied, or something failed: `write` or `read` then wait, mend it or tell of it.
        """
        due = not reads and self._uncopied >= _WRITES_A_COPY
        if due or not self.in_loop or self._at_once is None:
            return None
        done = self._at_once.run(work, reads=reads)
        if done and not reads:
            self._uncopied += 1
        return done

    async def awrite(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Return the result of a short, repeatable `work` in a write transaction: at once, or like `write`."""
        done = self.at_once(work)
        return done[0] if done else await IO.run(self.write, work, repeatable=True)

    async def aread(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Return what a short `work` reads: at once, or like `read`."""
        done = self.at_once(work, reads=True)
        return done[0] if done else await IO.run(self.read, work)

    @property
    def is_quick(self) -> bool:
        """Whether a read of one row takes microseconds and never waits: the database is a file that has been opened."""
        return self._ready and self._engine is not None and self._engine.dialect.name == "sqlite"

    def truncate_log(self) -> None:
        """Remove what was deleted from the write-ahead log too. Oracle Database has none that we could empty."""
        with self._translated():
            engine = self._opened()
            if engine.dialect.name == "sqlite":
                with engine.connect() as connection:
                    truncate_log(driver_of(connection), self._name)

    def close(self) -> None:
        """Close the engine, unless it was passed in."""
        if self._at_once is not None:
            self._at_once.close()
        if self._engine is not None and self._given is None:
            self._engine.dispose()

    def _opened(self) -> sa.Engine:
        with self._opening:  # worker threads call this concurrently
            if self._engine is None:
                self._engine = open_engine(self._settings, self._name)
                if self._engine.dialect.name == "sqlite" and self._settings.data.backend != "oracle":
                    self._options = {DIRECT: True}
            if not self._ready:
                self._prepare(self._engine)
                self._ready = True
            if self.in_loop and self._options and (self._at_once is None or self._at_once.closed):
                self._at_once = AtOnce(self._engine.connect(), self._options)
            return self._engine

    def _prepare(self, engine: sa.Engine) -> None:
        if engine.dialect.name == "sqlite":
            with engine.begin() as connection:
                if brought_up_to_date(connection, self._metadata) and self._upgraded is not None:
                    self._upgraded(connection)
            return
        missing = sorted(set(self._metadata.tables) - {name.lower() for name in sa.inspect(engine).get_table_names()})
        if missing:
            raise DependencyUnavailable(
                f"tables are missing in Oracle Database: {', '.join(missing)}", hint="run `sixplane db init`"
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise self._meaning(error) from error

    def _meaning(self, error: Exception, committing: bool = False) -> Exception:
        if isinstance(error, sa.exc.TimeoutError):
            return DependencyUnavailable(
                "no connection of the database became free in time", hint="raise SIXPLANE_ORACLE__POOL_MAX"
            )
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        if self._engine is not None and self._engine.dialect.name == "oracle":
            return classify_oracle(cause or error, committing=committing)
        if committing and was_lost(error):
            return OutcomeUnknown(f"the connection was lost while `{self._name}` stored changes")
        if is_full(cause, self._settings.home):
            return StorageFull(f"`{self._name}` cannot be written: the disk is full")
        if getattr(cause, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return StorageBusy(f"`{self._name}` is busy: another process wrote to it for over {BUSY_SECONDS} seconds")
        hint = f"check the permissions of the home folder, or move `{self._name}` away and start again"
        # Without the file's path, which the text of an `OSError` has: callers of a server see the message.
        reason = cause.strerror if isinstance(cause, OSError) else cause
        return DependencyUnavailable(f"`{self._name}` cannot be used: {reason}", hint=hint)


@contextmanager
def last_statement(connection: sa.Connection) -> Iterator[None]:
    """Commit a transaction of `Database` with the statement in the block, the last one, which changes rows.

    In Oracle Database that spares the round trip of the COMMIT. Other databases commit at the end of the transaction.
    """
    driver = driver_of(connection)
    if not isinstance(driver, SparingTransactions):
        yield
        return
    connection.get_execution_options()[_COMMITTING]["committing"] = True
    with committing(driver):
        yield


def open_engine(settings: Settings, name: str) -> sa.Engine:
    """Return an engine for Oracle Database if it is configured, else for the SQLite file `name` in the home folder."""
    if settings.data.backend == "oracle":
        return _oracle_engine(settings)
    return _sqlite_engine(settings.home / name)


def _sqlite_engine(path: Path, *, factory: type[sqlite3.Connection] = sqlite3.Connection, **pooling: Any) -> sa.Engine:
    private_folder(path.parent)
    arguments = {"timeout": BUSY_SECONDS, "isolation_level": None, "factory": factory}
    engine = sa.create_engine(f"sqlite:///{path}", connect_args=arguments, **pooling)
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _: Any) -> None:
    use_wal(connection, BUSY_SECONDS)
    # With WAL, NORMAL survives a killed process; only a power failure can lose the last transactions.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")  # `Database` copies the log
    connection.execute(SECURE_DELETE)
    connection.create_function(MONOTONIC, 0, time.monotonic)


def _begin(connection: sa.Connection) -> None:
    """Begin through the driver: a statement of SQLAlchemy takes longer than many of our transactions."""
    options, driver = connection.get_execution_options(), driver_of(connection)
    if options.get(READS):
        driver.execute("BEGIN")
    else:
        driver.execute("BEGIN IMMEDIATE")


def _oracle_engine(settings: Settings) -> sa.Engine:
    """Return an engine with synchronous connections, configured like those of the asynchronous pool."""
    import oracledb

    from settings.connections.oracle_pool import connect_arguments, oracle_secret, prepare_session

    arguments = connect_arguments(settings.oracle, oracle_secret(settings))

    class Sparing(SparingTransactions, oracledb.Connection):
        """A connection that ends only open transactions."""

    def connect() -> Any:
        connection = oracledb.connect(conn_class=Sparing, **arguments)
        prepare_session(connection, settings.oracle)
        return connection

    return pooled(sa.create_engine("oracle+oracledb://", creator=connect, **pooling(settings.oracle)))


def pooled(engine: sa.Engine) -> sa.Engine:
    """Return an engine on Oracle Database that checks its connections after the same time as the asynchronous pool."""
    from settings.connections.oracle_pool import PING_INTERVAL_SECONDS

    ping_after_idling(engine, PING_INTERVAL_SECONDS)
    return engine


def pooling(oracle: OracleSettings) -> dict[str, Any]:
    """Return SQLAlchemy's arguments for the pool of an engine on Oracle Database."""
    return {
        "pool_size": oracle.pool_max,
        "max_overflow": 0,
        "pool_timeout": oracle.acquire_timeout_seconds,
    }
