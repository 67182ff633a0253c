"""A database that knows its tables, columns and indexes, and nothing else: for tests of `sixplane db init`.

It refuses what exists already, leaves a text index that could not be made behind as FAILED, and can be cut off before
or after any statement, as a connection can.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import oracledb

from tests.doubles.oracle.errors import oracle_error
from tests.doubles.oracle.recording import RecordingConnection
from tests.doubles.oracle.tables import Described, columns_of, described

_INDEX = re.compile(r"CREATE (\w+ )?INDEX (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)
_REBUILD = re.compile(r'ALTER INDEX "(\w+)" REBUILD$')
_defined = cache(columns_of)


@dataclass
class Dictionary:
    """Tables, indexes and committed migrations; `others` are names that are no plain tables, such as views.

    `cut` counts down to the statement at which the connection breaks.
    """

    tables: dict[str, dict[str, Described]] = field(default_factory=dict)
    indexes: dict[str, str] = field(default_factory=dict)
    journal: dict[int, str] = field(default_factory=dict)
    pending: dict[int, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    privileges: list[str] = field(default_factory=list)
    passages: int = 0
    builds: dict[str, int] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    cut: int = -1
    how: str = ""

    def run(self, sql: str, binds: dict[str, Any]) -> tuple[list[tuple[Any, ...]], list[Described]]:
        """Run a statement. Raises as `how` says if it is the one at which the connection breaks."""
        text, how = " ".join(sql.split()), self.how if len(self.ran) == self.cut else ""
        self.ran.append(text)
        if how == "before":
            self._lost()
        if how == "failed":
            found = _INDEX.match(text)
            if found and (found[1] or "").strip().upper() == "SEARCH" and found[2].upper() not in self.indexes:
                self.indexes[found[2].upper()] = "FAILED"
                raise oracle_error("ORA-29855")
            raise oracle_error("ORA-01653")
        if how == "after":
            with suppress(oracledb.Error):
                self._answer(text, binds)
            self._lost()
        return self._answer(text, binds)

    def _lost(self) -> None:
        self.pending = {}
        raise oracle_error("DPY-4011")

    def _answer(self, text: str, binds: dict[str, Any]) -> tuple[list[tuple[Any, ...]], list[Described]]:
        if text.startswith(("COMMIT", "CREATE", "ALTER", "DROP")):  # DDL commits before it runs
            self.journal, self.pending = {**self.journal, **self.pending}, {}
        if text.startswith("CREATE TABLE"):
            self._create(text)
        elif text.startswith("ALTER TABLE"):
            self._widen(text)
        elif found := _INDEX.match(text):
            if found[2].upper() in self.indexes and "IF NOT EXISTS" not in text:
                raise oracle_error("ORA-00955")
            self.indexes.setdefault(found[2].upper(), "VALID")
        elif found := _REBUILD.match(text):
            self.indexes[found[1]] = "VALID"
        elif text.startswith("DROP INDEX"):
            if self.indexes.pop(text.split()[2].upper(), None) is None:
                raise oracle_error("ORA-01418")
        elif text.startswith(("INSERT", "DELETE")):
            self._change(text, binds)
        else:
            return self._read(text, binds)
        return [], []

    def _change(self, text: str, binds: dict[str, Any]) -> None:
        if "_MIGRATIONS (version_no, name)" in text:
            self.pending[binds["n"]] = binds["name"]
        elif text.startswith("DELETE FROM SIXPLANE_BUILDS"):
            self.builds.pop(binds["name"], None)
        elif text.startswith("INSERT INTO SIXPLANE_BUILDS"):
            self.builds[binds["name"]] = binds["passages"]

    def _read(self, text: str, binds: dict[str, Any]) -> tuple[list[tuple[Any, ...]], list[Described]]:
        if text.startswith("SELECT version_no"):
            if "SIXPLANE_MIGRATIONS" not in self.tables:
                raise oracle_error("ORA-00942")
            return sorted(self.journal.items()), []
        if text.startswith("SELECT index_name"):
            return [self._condition(name, status) for name, status in self.indexes.items()], []
        if text.startswith("SELECT object_name"):
            there = [*((name, "TABLE") for name in self.tables), *self.others.items()]
            return [(name, kind.removeprefix("TEMPORARY "), "NY"[kind[:4] == "TEMP"]) for name, kind in there], []
        if text.startswith("SELECT privilege"):
            return [(each,) for each in self.privileges], []
        if found := re.match(r"SELECT \* FROM (\w+)", text):
            if found[1] not in self.tables:
                raise oracle_error("ORA-00942")
            return [], list(self.tables[found[1]].values())
        if text.startswith("SELECT COUNT(*) FROM SIXPLANE_PASSAGES"):
            return [(self.passages,)], []
        if text.startswith("SELECT passages"):
            return [(self.builds[binds["name"]],)] if binds["name"] in self.builds else [], []
        return [], []

    def _condition(self, name: str, status: str) -> tuple[Any, ...]:
        if name.endswith("_TX"):
            return (name, "VALID", status, "SIXPLANE_PASSAGES", "DOMAIN")
        return (name, status, None, "SIXPLANE_PASSAGES", "VECTOR" if name.endswith("_VX") else "NORMAL")

    def _create(self, text: str) -> None:
        columns = _defined(text)
        table = columns[0].table
        if table in self.tables:
            if "IF NOT EXISTS" in text:
                return
            raise oracle_error("ORA-00955")
        self.tables[table] = {each.name: described(each) for each in columns}

    def _widen(self, text: str) -> None:
        for each in _defined(text):
            if each.name in self.tables[each.table]:
                raise oracle_error("ORA-01430")
        for each in _defined(text):
            self.tables[each.table][each.name] = described(each)


class DictionaryConnection(RecordingConnection):
    """A connection to such a database."""

    def __init__(self, database: Dictionary) -> None:
        super().__init__()
        self.database = database

    def cursor(self, *_: Any, **__: Any) -> Any:
        return _Cursor(self.database)

    async def commit(self) -> None:
        self.database.run("COMMIT", {})


class DictionaryPool:
    """A pool of such connections."""

    def __init__(self, database: Dictionary) -> None:
        self._database = database

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[DictionaryConnection]:
        yield DictionaryConnection(self._database)


class _Cursor:
    def __init__(self, database: Dictionary) -> None:
        self._database, self._rows = database, []
        self.description: list[Described] = []

    async def execute(self, statement: str, binds: dict[str, Any] | None = None) -> None:
        self._rows, self.description = self._database.run(statement, binds or {})

    async def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def __enter__(self) -> _Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: nothing is open."""
