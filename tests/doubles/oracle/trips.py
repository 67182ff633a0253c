"""Counts the round trips that python-oracledb's thin mode makes, after its source (`impl/thin/messages/*.pyx`).

A statement is one. A query returns its first rows with it, at most `prefetchrows`, and each further fetch brings
`arraysize` rows; if a column is a LOB, JSON or a VECTOR, it returns none with it. Commits and rollbacks are one each,
also where there is nothing to commit; with `autocommit` a change is committed in the trip of its statement. A temporary
LOB is one, and each write to it another.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from functools import lru_cache
from typing import Any

import oracledb
import sqlalchemy as sa
from sqlglot import exp

from settings import Settings
from settings.connections import sql as connections
from settings.connections.sparing import SparingTransactions
from tests.doubles.oracle.binds import parsed
from tests.doubles.oracle.tables import columns_by_name


def fetches(sql: str, rows: int, prefetched: int, arraysize: int) -> int:
    """Return how many round trips follow a statement until all its rows are read."""
    if not sql.lstrip().upper().startswith("SELECT"):
        return 0
    if is_large(sql):
        return 1 + rows // arraysize
    return 0 if rows < prefetched else 1 + (rows - prefetched) // arraysize


@lru_cache(maxsize=2000)
def is_large(sql: str) -> bool:
    """Return whether a query returns a LOB, JSON or a VECTOR."""
    tree = parsed(sql)
    if tree is None:
        return False
    tables = {(node.alias or node.name).upper(): columns_by_name(node.name) for node in tree.find_all(exp.Table)}
    return any(_is_large(each.unalias(), tables) for each in tree.selects)


def _is_large(value: exp.Expression, tables: Any) -> bool:
    if not isinstance(value, exp.Column):
        return "RETURNING CLOB" in value.sql(dialect="oracle")
    named = [tables.get(value.table.upper(), {})] if value.table else [*tables.values()]
    return any(value.name.upper() in each and each[value.name.upper()].large for each in named)


class SqlTrips:
    """Engines on SQLite files, pooled like those of Oracle Database, that count what would be round trips there."""

    def __init__(self) -> None:
        self.trips: Counter[str] = Counter()
        self.breaking: list[bool] = []
        """For each of the next commits that breaks its connection: whether it has taken effect before."""

    def engine(self, settings: Settings, name: str) -> sa.Engine:
        """Return an engine on the file `name` of the home folder."""
        pooling = connections.pooling(settings.oracle)
        engine = connections._sqlite_engine(settings.home / name, factory=_played(self.trips, self.breaking), **pooling)
        dialect: Any = engine.dialect
        ping = dialect.do_ping

        def counted(connection: Any) -> Any:
            self.trips["pings"] += 1
            return ping(connection)

        dialect.do_ping = counted
        sa.event.listen(engine, "after_cursor_execute", self._executed)
        return connections.pooled(engine)

    def _executed(self, _: Any, cursor: Any, statement: str, __: Any, context: Any, ___: bool) -> None:
        word = statement.lstrip().split(maxsplit=1)[0].upper()
        self.trips["statements"] += word != "RELEASE"  # of a savepoint, which Oracle's dialect does not send
        changes = word in ("INSERT", "UPDATE", "DELETE")
        cursor.connection.changed |= changes
        if changes and cursor.connection.autocommit:  # in the round trip of the statement
            cursor.connection.committed()
        columns = context.compiled._result_columns if context.compiled is not None else ()
        self.trips["fetches"] += any(isinstance(each.type, sa.Text | connections.JsonText) for each in columns or ())


class _Closable(sqlite3.Connection):
    """Has the driver's `autocommit`, which is none of a closed connection."""

    closed = False
    _autocommit = False

    @property
    def autocommit(self) -> Any:  # not what `sqlite3` has had since Python 3.12
        return self._autocommit

    @autocommit.setter
    def autocommit(self, wanted: Any) -> None:
        if self.closed:
            raise oracledb.InterfaceError("DPY-1001: not connected to database")
        self._autocommit = wanted

    def close(self) -> None:
        self.closed = True
        super().close()


def _played(trips: Counter[str], breaking: list[bool]) -> type[sqlite3.Connection]:
    """Return a class of connections that counts what it ends, as one of Oracle Database would."""

    class Counted(_Closable):
        changed = False

        @property
        def transaction_in_progress(self) -> bool:
            return self.changed

        def commit(self) -> None:
            trips["commits"] += 1

        def rollback(self) -> None:
            trips["rollbacks"] += 1

    class Played(SparingTransactions, Counted):
        def commit(self) -> None:
            super().commit()
            self.committed()

        def committed(self) -> None:
            if self.changed and breaking:
                if breaking.pop(0):
                    sqlite3.Connection.commit(self)
                self.close()
            sqlite3.Connection.commit(self)
            self.changed = False

        def rollback(self) -> None:
            super().rollback()
            sqlite3.Connection.rollback(self)
            self.changed = False

    return Played
