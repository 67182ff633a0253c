"""What a caller's statements cost on a recording pool."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.doubles.oracle.oson import encoded
from tests.doubles.oracle.recording import RecordingLob, RecordingPool, Rows, Statement


class PoolCost:
    """Counts the rows that are read from tables whose names hold `table`, and the bytes that are bound for them."""

    def __init__(self, pool: RecordingPool, table: str) -> None:
        self._table, self._rows, self._bytes = table, 0, 0
        self._run = pool.script.run
        pool.script.run = self._counted  # type: ignore[method-assign]

    def taken(self) -> tuple[int, int]:
        """Return rows and bytes since the last call."""
        found = self._rows, self._bytes
        self._rows = self._bytes = 0
        return found

    def _counted(self, statement: Statement) -> Rows:
        rows = self._run(statement)
        if self._table in statement.text:
            self._rows += len(rows)
            bound = statement.binds if statement.many else [statement.binds or {}]
            self._bytes += sum(map(size, (value for each in bound for value in values(each))))
        return rows


def values(binds: Any) -> Iterable[Any]:
    """Return the values of one row of binds, by name or by position."""
    return binds.values() if isinstance(binds, dict) else binds


def size(value: Any) -> int:
    """Return the bytes of a value as it is sent: JSON in the driver's own encoding."""
    if isinstance(value, RecordingLob):
        return len(value.data)
    if isinstance(value, bytes):
        return len(value)
    return len(str(value).encode()) if isinstance(value, str | int | float) or value is None else encoded(value)
