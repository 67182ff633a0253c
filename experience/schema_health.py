"""What the data dictionary says of the schema: existence is not health.

A text index whose creation failed (ORA-29855) exists all the same, and a second CREATE says ORA-00955. A table of
somebody else may have the name of one of ours. So indexes are asked for their status, and tables for their columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

CONDITIONS = (
    "SELECT index_name, status, domidx_opstatus, table_name, index_type FROM all_indexes "
    "WHERE owner = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')"
)
"""The status of each index. That of a vector index is `status`; a domain index fails with `domidx_opstatus`."""

OBJECTS = (
    "SELECT object_name, object_type, temporary FROM all_objects WHERE owner = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')"
)
"""What there is in the schema, with its type."""

_NAMESAKES = frozenset(
    {"TABLE", "VIEW", "MATERIALIZED VIEW", "SYNONYM", "SEQUENCE", "PROCEDURE", "FUNCTION", "PACKAGE", "TYPE"}
)
"""What shares its names with tables. A SELECT may read some of it as if it were ours: a synonym may lead to a table of
somebody else, and a temporary table forgets its rows."""

_INDEX = re.compile(
    r"CREATE (?:(?P<kind>UNIQUE|SEARCH|VECTOR) )?INDEX (?:IF NOT EXISTS )?(?P<name>\w+) ON", re.IGNORECASE
)
_TABLE = re.compile(r"(?:CREATE TABLE (?:IF NOT EXISTS )?|ALTER TABLE )(?P<name>\w+)(?: ADD)? ?\(", re.IGNORECASE)
_SOUND = frozenset({"VALID", "N/A"})  # N/A: a partitioned index, whose partitions have a status of their own
_NOT_COLUMNS = frozenset({"CONSTRAINT", "PRIMARY", "FOREIGN", "UNIQUE", "CHECK"})
_VARIANTS = {"VARCHAR2": "VARCHAR", "INTEGER": "NUMBER", "FLOAT": "NUMBER"}
"""Types that the driver calls otherwise."""


TABLE = "table"


@dataclass(frozen=True)
class Condition:
    """The state of an index on `table`; `fault` is its status if it cannot be used. `plain` ones can be rebuilt."""

    table: str
    fault: str | None
    plain: bool


@dataclass(frozen=True)
class Column:
    """A column as a statement defines it; `dimensions` are those of a vector."""

    name: str
    type: str
    dimensions: int | None = None


def index_of(statement: str) -> str | None:
    """Return the name of the index that `statement` creates, in upper case."""
    found = _INDEX.match(statement)
    return found["name"].upper() if found else None


def table_of(statement: str) -> str | None:
    """Return the name of the table that `statement` creates or adds columns to, in upper case."""
    found = _TABLE.match(statement)
    return found["name"].upper() if found else None


def conditions_of(rows: Iterable[Sequence[Any]]) -> dict[str, Condition]:
    """Return the state of each index, from the rows of `CONDITIONS`."""
    found = {}
    for name, status, operation, table, kind in rows:
        bad = [str(each) for each in (status, operation) if each is not None and str(each).upper() not in _SOUND]
        found[str(name).upper()] = Condition(str(table).upper(), bad[0] if bad else None, "NORMAL" in str(kind))
    return found


def kinds_of(rows: Iterable[Sequence[Any]]) -> dict[str, str]:
    """Return what each name of the schema is, in words, from the rows of `OBJECTS`."""
    found: dict[str, str] = {}
    for name, kind, temporary in rows:
        if kind not in _NAMESAKES:
            continue
        told = "temporary table" if temporary == "Y" else str(kind).lower()
        # A materialized view stands there as a table too, of the same name.
        found[str(name)] = told if found.get(str(name), TABLE) == TABLE else found[str(name)]
    return found


def intruders(statements: Iterable[str], kinds: Mapping[str, str]) -> list[str]:
    """Return the names of our tables that belong to something else, with what it is."""
    names = dict.fromkeys(table for table in map(table_of, statements) if table)
    return [f"{name} is a {kinds[name]}" for name in names if kinds.get(name, TABLE) != TABLE]


@cache
def columns_of(statement: str) -> tuple[Column, ...]:
    """Return the columns that a CREATE TABLE or an ALTER TABLE … ADD (…) defines; of other statements, none."""
    found = _TABLE.match(statement)
    if found is None:
        return ()
    listed = list(_parts(statement[found.end() :]))
    return tuple(_column(part) for part in listed if part.split()[0].upper() not in _NOT_COLUMNS)


def differences(statement: str, described: Mapping[str, tuple[str, int | None]]) -> list[str]:
    """Return how a table differs from what `statement` defines, in words. Further columns do no harm.

    Args:
        statement: the CREATE TABLE or ALTER TABLE … ADD.
        described: for each column of the table, the name of the driver's type and the dimensions of a vector.
    """
    found = []
    for column in columns_of(statement):
        kind, dimensions = described.get(column.name, ("", None))
        if not kind:
            found.append(f"{column.name} is missing")
        elif not kind.startswith(f"DB_TYPE_{_VARIANTS.get(column.type, column.type)}"):
            found.append(f"{column.name} is {kind.removeprefix('DB_TYPE_')} instead of {column.type}")
        elif dimensions != column.dimensions:
            found.append(f"{column.name} has {dimensions or 'any number of'} dimensions instead of {column.dimensions}")
    return found


def absent(statement: str, described: Mapping[str, tuple[str, int | None]]) -> list[str]:
    """Return the columns that `statement` defines and the table does not have."""
    return [column.name for column in columns_of(statement) if column.name not in described]


def _column(part: str) -> Column:
    name, rest = part.split(maxsplit=1)
    vector = re.match(r"VECTOR\((\d+)", rest, re.IGNORECASE)
    kind = re.match(r"\w+", rest)
    return Column(name.strip('"').upper(), kind[0].upper() if kind else "", int(vector[1]) if vector else None)


def _parts(text: str) -> Iterator[str]:
    """Yield what stands between the commas up to the parenthesis that closes, without what parentheses enclose."""
    depth, part = 0, ""
    for letter in text:
        if letter == ")" and not depth:
            break
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += letter
    if part.strip():
        yield part.strip()
