"""A connection and a pool without a database, derived from the driver's classes.

langchain-oracledb and langgraph-oracledb check with `isinstance`, so that only subclasses are accepted.

Binds are checked against the tables of `sixplane db init` (`binds.py`), so a value that the database would refuse is
refused here too.

pool = RecordingPool()
pool.answer(r"SELECT privilege", [("CREATE TABLE",)])
pool.fail(r"INSERT INTO", "ORA-00001")
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import oracledb

from tests.doubles.oracle.binds import check_binds
from tests.doubles.oracle.errors import oracle_error
from tests.doubles.oracle.tables import columns_by_name, described
from tests.doubles.oracle.trips import fetches

Rows = Sequence[tuple[Any, ...]]
Answer = Rows | Callable[["Statement"], Rows]

_LOCKS = re.compile(r"^(INSERT|UPDATE|DELETE|MERGE)\b|\bFOR UPDATE\b", re.IGNORECASE)
_DEFINES = re.compile(r"^(CREATE|ALTER|DROP|GRANT)\b", re.IGNORECASE)  # commits before it runs, and after
_OPTIONS = ("fetch_lobs", "fetch_decimals", "suspend_on_success")


@dataclass(frozen=True)
class Statement:
    """A statement as it was sent. `many` marks an array bind; `types` are those of `setinputsizes`."""

    sql: str
    binds: Any = None
    many: bool = False
    types: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The statement on one line."""
        return " ".join(self.sql.split())

    @property
    def items(self) -> list[Any]:
        """The items of a list of binds, `i0`, `i1`, …, each once."""
        binds = self.binds if isinstance(self.binds, dict) else {}
        return list(dict.fromkeys(value for name, value in binds.items() if re.fullmatch(r"i\d+", name)))


@dataclass
class _Script:
    """The state that the connections of a recording pool share."""

    statements: list[Statement] = field(default_factory=list)
    answers: list[tuple[re.Pattern[str], Answer]] = field(default_factory=list)
    errors: list[tuple[re.Pattern[str], str, int]] = field(default_factory=list)
    trips: Counter[str] = field(default_factory=Counter)
    commits: int = 0
    rollbacks: int = 0
    held: int = 0
    transactions: int = 0

    def run(self, statement: Statement) -> Rows:
        """Record a statement, then return its rows or raise its error."""
        self.statements.append(statement)
        for n, (pattern, code, times) in enumerate(self.errors):
            if times and pattern.search(statement.text):
                self.errors[n] = (pattern, code, times - 1)
                raise oracle_error(code)
        # Reversed: a test overrides an answer that a fixture gave earlier.
        for pattern, answer in reversed(self.answers):
            if pattern.search(statement.text):
                return answer(statement) if callable(answer) else answer
        return ()


class RecordingCursor:
    """A cursor that, like the driver's, is both a synchronous and an asynchronous context manager."""

    def __init__(self, connection: RecordingConnection, script: _Script) -> None:
        self.connection, self._script = connection, script
        self._rows: list[tuple[Any, ...]] = []
        self.rowcount, self.arraysize, self.prefetchrows = 0, 100, 2
        self.outputtypehandler: Any = None
        self.description: list[Any] | None = None
        self._types: dict[str, Any] = {}

    async def execute(self, statement: str, parameters: Any = None, **named: Any) -> None:
        named = {name: value for name, value in named.items() if name not in _OPTIONS}
        self._fetch(Statement(statement, parameters if parameters is not None else named or None))

    async def executemany(self, statement: str, parameters: Any, **_: Any) -> None:
        self._fetch(Statement(statement, parameters, many=True))
        self.rowcount = len(parameters) if hasattr(parameters, "__len__") else int(parameters)

    def _fetch(self, statement: Statement) -> None:
        statement, self._types = replace(statement, types=self._types), {}
        rows = statement.binds if statement.many and not isinstance(statement.binds, int) else [statement.binds]
        for row in rows:
            check_binds(statement.sql, row, statement.types)
        self.connection.follow(statement)
        self._script.trips["statements"] += 1
        self._rows = [tuple(row) for row in self._script.run(statement)]
        self._script.trips["fetches"] += fetches(statement.sql, len(self._rows), self.prefetchrows, self.arraysize)
        self.connection.settle(statement)
        self.rowcount = len(self._rows)
        self.description = [_Column((name,)) for name in _columns(statement.text, self._rows)]
        if whole := re.fullmatch(r"SELECT \* FROM (\w+) WHERE 1 = 0", statement.text):
            self.description = [described(each) for each in columns_by_name(whole[1]).values()]

    async def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    async def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows, []  # as with the driver, fetched rows are not returned again
        return rows

    async def fetchmany(self, size: int = 100) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def setinputsizes(self, *_: Any, **types: Any) -> None:
        """Keep the types for the next execution, as the driver does."""
        self._types = types

    def getbatcherrors(self) -> list[Any]:
        return []

    def var(self, *_: Any, **__: Any) -> Any:
        return None

    def close(self) -> None:
        """Do nothing: no network connection is open."""

    def __aiter__(self) -> RecordingCursor:
        return self

    async def __anext__(self) -> tuple[Any, ...]:
        row = await self.fetchone()
        if row is None:
            raise StopAsyncIteration
        return row

    def __enter__(self) -> RecordingCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> RecordingCursor:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def _columns(text: str, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return the names or aliases of a plain select list, or else `C0`, `C1`, …"""
    width = len(rows[0]) if rows else 0
    found = re.match(r"SELECT (.*?) FROM ", text, re.IGNORECASE)
    names = [name.split()[-1].rpartition(".")[2].upper() for name in found.group(1).split(",")] if found else []
    return names if len(names) == width else [f"C{n}" for n in range(width)]


class _Column(tuple[str]):
    """An entry of a cursor's description, readable by index and by name."""

    @property
    def name(self) -> str:
        return self[0]


class RecordingLob:
    """A temporary LOB."""

    def __init__(self, data: bytes, script: _Script) -> None:
        self.data, self._script = data, script
        script.trips["LOBs created"] += 1
        script.trips["LOB writes"] += bool(data)

    async def write(self, data: bytes, offset: int = 1) -> None:
        self._script.trips["LOB writes"] += 1
        self.data = self.data[: offset - 1] + data


class RecordingConnection(oracledb.AsyncConnection):
    """A connection whose statements the script answers."""

    version, thin, autocommit = "23.26.0.0.0", True, False
    module = client_identifier = action = current_schema = ""
    call_timeout = 0

    def __init__(self, script: _Script | None = None) -> None:
        # The driver's own constructor is not called: it would connect.
        self.script = script or _Script()
        self.in_transaction = False

    @property
    def transaction_in_progress(self) -> bool:
        """Whether a transaction is open, as the driver knows it from the database's last answer."""
        return self.in_transaction

    def follow(self, statement: Statement) -> None:
        """Note whether a transaction is open after `statement`."""
        if _LOCKS.search(statement.text):
            self._transact(True)
        elif _DEFINES.match(statement.text):
            self._transact(False)

    def _transact(self, begun: bool) -> None:
        self.script.transactions += begun - self.in_transaction
        self.in_transaction = begun

    def cursor(self, *_: Any, **__: Any) -> RecordingCursor:
        return RecordingCursor(self, self.script)

    def settle(self, statement: Statement) -> None:
        """Commit after a change with `autocommit`: the database does so in the round trip of the statement."""
        if self.autocommit and self.in_transaction and not statement.text.startswith("SELECT"):
            self.script.commits += 1
            self._transact(False)

    async def commit(self) -> None:
        self.script.trips["commits"] += 1
        self.script.commits += 1
        self._transact(False)

    async def rollback(self) -> None:
        self.script.trips["rollbacks"] += 1
        self.script.rollbacks += 1
        self._transact(False)

    async def createlob(self, _: Any, data: Any = None) -> Any:
        return RecordingLob(data or b"", self.script)

    async def close(self, *_: Any, **__: Any) -> None:
        """Roll back an open transaction; no network connection is open."""
        self.script.trips["rollbacks"] += self.in_transaction
        self._transact(False)

    async def __aenter__(self) -> RecordingConnection:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self) -> None:
        """Replace the driver's finaliser, which needs a real transport."""


class RecordingPool(oracledb.AsyncConnectionPool):
    """A pool of recording connections that share one script."""

    def __init__(self) -> None:
        self.script = _Script()

    @property
    def statements(self) -> list[Statement]:
        """All statements sent so far."""
        return self.script.statements

    @property
    def trips(self) -> Counter[str]:
        """The round trips so far, by kind, as python-oracledb's thin mode makes them (`tests.doubles.oracle.trips`)."""
        return self.script.trips

    @property
    def commits(self) -> int:
        """The number of commits, with or without a round trip of their own."""
        return self.script.commits

    @property
    def rollbacks(self) -> int:
        """The number of rollbacks."""
        return self.script.rollbacks

    @property
    def held(self) -> int:
        """The number of connections that are acquired at the moment."""
        return self.script.held

    @property
    def transactions(self) -> int:
        """The number of connections with a transaction open at the moment: after a change or a FOR UPDATE."""
        return self.script.transactions

    def answer(self, pattern: str, rows: Answer) -> None:
        """Answer statements that match `pattern` with `rows`; the latest matching answer is used."""
        self.script.answers.append((re.compile(pattern, re.IGNORECASE), rows))

    def fail(self, pattern: str, code: str, times: int = 1) -> None:
        """Raise `code` for the next `times` statements that match `pattern`."""
        self.script.errors.append((re.compile(pattern, re.IGNORECASE), code, times))

    @asynccontextmanager
    async def acquire(self, *_: Any, **__: Any) -> Any:
        """Acquire a connection for a block."""
        self.script.held += 1
        connection = RecordingConnection(self.script)
        try:
            yield connection
        finally:
            self.script.held -= 1
            await connection.close()  # a connection that returns to a pool is rolled back

    async def release(self, *_: Any, **__: Any) -> None:
        """Accept the connection."""

    async def close(self, *_: Any, **__: Any) -> None:
        """Do nothing: no network connection is open."""

    def __del__(self) -> None:
        """Replace the driver's finaliser, which needs a real transport."""
