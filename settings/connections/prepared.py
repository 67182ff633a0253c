"""Statements of SQLAlchemy Core that are sent often: one source of SQL for each database, compiled once.

Of a short transaction on an SQLite file, SQLAlchemy's own execution takes most of the time: it looks the statement up,
builds its parameters and wraps its result anew each time. A `Prepared` statement gives the driver its text and the
parameters instead. On other databases it goes the ordinary way, with their types, errors and round trips.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

DIRECT = "sixplane_direct"
"""The option of a connection to an SQLite file of ours, whose driver takes statements directly."""

Values = Mapping[str, Any]

_DIALECT: Any = sqlite.dialect(paramstyle="named")


class Prepared:
    """A statement with named parameters.

    Args:
        statement: the same object for all databases. Its parameters have values of their own, or are given each time;
            none is a list (`in_` takes expressions here: their number stands in the text).
    """

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._sent: _Sent | None = None

    def rows(self, connection: sa.Connection, values: Values | None = None) -> Sequence[Any]:
        """Return the rows of a query, their columns as attributes."""
        if DIRECT in connection.get_execution_options():
            return self._direct().rows(connection, values or {})
        return connection.execute(self._statement, values).all()

    def first(self, connection: sa.Connection, values: Values | None = None) -> dict[str, Any] | None:
        """Return the first row of a query, or `None`."""
        if DIRECT in connection.get_execution_options():
            found = self._direct().rows(connection, values or {})
            return found[0]._asdict() if found else None
        row = connection.execute(self._statement, values).mappings().first()
        return None if row is None else dict(row)

    def changed(self, connection: sa.Connection, values: Values | None = None) -> int:
        """Execute a statement that changes rows, and return their number."""
        if DIRECT in connection.get_execution_options():
            return self._direct().changed(connection, values or {})
        # SQLAlchemy asks the cursor of an insertion later otherwise, when it is closed.
        return connection.execute(self._statement, values, execution_options={"preserve_rowcount": True}).rowcount

    def each(self, connection: sa.Connection, rows: Sequence[Values]) -> None:
        """Execute an insertion for each of `rows`, in their order and in one round trip."""
        if DIRECT in connection.get_execution_options():
            self._direct().each(connection, rows)
        else:
            connection.execute(self._statement, [dict(row) for row in rows])

    def _direct(self) -> _Sent:
        if self._sent is None:
            self._sent = _Sent(self._statement)
        return self._sent


class _Sent:
    """What the driver of SQLite gets of a statement."""

    def __init__(self, statement: Any) -> None:
        inserts = isinstance(statement, sa.Insert)
        columns = list(statement.table.columns.keys()) if inserts else None
        compiled = statement.compile(dialect=_DIALECT, column_keys=columns)
        self._text = str(compiled)
        # An insertion may leave columns out. Elsewhere the driver refuses a statement with a parameter missing.
        named = {name: bind for bind, name in compiled.bind_names.items()}
        asked = {name for name, bind in named.items() if bind.required}
        given = compiled.construct_params(dict.fromkeys(asked))
        self._given = {name: value for name, value in given.items() if inserts or name not in asked}
        processors = {name: _processor(bind.type, "bind_processor") for name, bind in named.items()}
        self._stored = {name: process for name, process in processors.items() if process is not None}
        found = statement.selected_columns if isinstance(statement, sa.SelectBase) else ()
        kind: Any = namedtuple("Row", [str(column.key) for column in found], rename=True)  # type: ignore[misc]
        self._made: Callable[[Iterable[Any]], Any] = kind._make
        read = [_processor(column.type, "result_processor", None) for column in found]
        self._read = read if any(read) else None

    def rows(self, connection: sa.Connection, values: Values) -> list[Any]:
        cursor = _driver(connection).execute(self._text, self._parameters(values))
        rows: Iterable[Any] = cursor.fetchall()
        if self._read is not None:
            rows = [map(_processed, self._read, row) for row in rows]
        return [self._made(row) for row in rows]

    def changed(self, connection: sa.Connection, values: Values) -> int:
        return int(_driver(connection).execute(self._text, self._parameters(values)).rowcount)

    def each(self, connection: sa.Connection, rows: Sequence[Values]) -> None:
        _driver(connection).executemany(self._text, [self._parameters(row) for row in rows])

    def _parameters(self, values: Values) -> dict[str, Any]:
        given = {**self._given, **values}
        for name, process in self._stored.items():
            given[name] = process(given[name])
        return given


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _processor(kind: Any, name: str, *given: Any) -> Callable[[Any], Any] | None:
    processor: Callable[[Any], Any] | None = getattr(kind.dialect_impl(_DIALECT), name)(_DIALECT, *given)
    return processor


def _processed(process: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if process is None else process(value)
