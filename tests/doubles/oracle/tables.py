"""The columns of the tables that `sixplane db init` creates, read from its own statements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any

import oracledb

from tests.doubles.oracle.words import TYPES

Tables = Mapping[str, Mapping[str, "Column"]]
"""The columns by the names of table and column, in upper case."""

TEXT_BYTES = 4000
"""The bytes of a VARCHAR2 with `MAX_STRING_SIZE=STANDARD`, the default (*Database Reference*)."""

_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')|(?P<quoted>\"[^\"]*\")|(?P<bind>:\w+)|(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w$#]*)"
    r"|(?P<mark>=>|<=|>=|<>|!=|:=|\|\||[(),.=<>+*/;-])|(?P<other>\S)"
)
_NOT_COLUMNS = frozenset({"CONSTRAINT", "PRIMARY", "FOREIGN", "UNIQUE", "CHECK"})


@dataclass(frozen=True)
class Token:
    """A token with its kind: `text`, `quoted`, `bind`, `number`, `word`, `mark`, or `other` for what SQL lacks."""

    kind: str
    text: str

    @property
    def upper(self) -> str:
        return self.text.upper()


@dataclass(frozen=True)
class Column:
    """A column. `size` is the length of a VARCHAR2 in `unit` (`CHAR` or `BYTE`), or the digits of a NUMBER."""

    table: str
    name: str
    type: str
    size: int | None = None
    scale: int | None = None
    unit: str = "BYTE"
    nullable: bool = True
    filled: bool = False  # by a default or an identity

    @property
    def place(self) -> str:
        return f'"{self.table}"."{self.name}"'

    @property
    def large(self) -> bool:
        """Whether it can be neither compared, sorted nor grouped (ORA-00932, ORA-22848)."""
        return self.type in ("CLOB", "NCLOB", "BLOB", "JSON", "VECTOR", "LONG")


JOURNAL = "SIXPLANE_MIGRATIONS"


@dataclass(frozen=True)
class Described:
    """What the driver says of a column (`FetchInfo`)."""

    name: str
    type_code: Any
    vector_dimensions: int | None


def described(column: Column) -> Described:
    """Return what the driver says of `column`."""
    called = {"VARCHAR2": "VARCHAR", "INTEGER": "NUMBER", "FLOAT": "NUMBER", "TIMESTAMP": "TIMESTAMP_TZ"}
    kind = getattr(oracledb, f"DB_TYPE_{called.get(column.type, column.type)}")
    return Described(column.name, kind, column.size if column.type == "VECTOR" else None)


def tokens(sql: str) -> list[Token]:
    """Return the tokens of a statement."""
    return [Token(str(found.lastgroup), found[0]) for found in _TOKEN.finditer(sql)]


def closing(read: list[Token], opening: int) -> int:
    """Return the place of the parenthesis that closes the one at `opening`."""
    depth = 0
    for n in range(opening, len(read)):
        depth += {"(": 1, ")": -1}.get(read[n].text, 0)
        if not depth:
            return n
    raise ValueError("a parenthesis is not closed")


def parts(read: list[Token]) -> Iterator[list[Token]]:
    """Yield what stands between the commas that no parentheses enclose."""
    part: list[Token] = []
    depth = 0
    for token in read:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and not depth:
            yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part


def columns_of(sql: str) -> list[Column]:
    """Return the columns that a `CREATE TABLE` or an `ALTER TABLE … ADD (…)` defines; of other statements, none.

    Raises:
        ValueError: a type is none of Oracle's, or has a size that no column can have.
    """
    found = re.match(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)|ALTER TABLE (\w+) ADD(?= ?\()", sql, re.IGNORECASE)
    if not found:
        return []
    table, read = (found[1] or found[2]).upper(), tokens(sql[found.end() :])
    listed = list(parts(read[1 : closing(read, 0)]))
    keys = {token.upper for part in listed if part[0].upper in ("PRIMARY", "CONSTRAINT") for token in _key(part)}
    return [_column(table, part, keys) for part in listed if part[0].upper not in _NOT_COLUMNS]


def tables_of(statements: Iterable[str]) -> dict[str, dict[str, Column]]:
    """Return the tables that the statements create."""
    found: dict[str, dict[str, Column]] = {}
    for sql in statements:
        for column in columns_of(sql):
            found.setdefault(column.table, {})[column.name] = column
    return found


def columns_by_name(table: str) -> Mapping[str, Column]:
    """Return the columns of one of our tables; of any other, none."""
    # Loading the packages of saver and store takes seconds, and a test of corpora needs neither.
    name = table.upper()
    return (_corpora() if name.startswith("SIXPLANE_") and name != JOURNAL else schema()).get(name, {})


@cache
def schema() -> dict[str, dict[str, Column]]:
    """Return the tables of `sixplane db init` with the default settings."""
    from experience.database import _journal_ddl, migrations
    from settings import Settings

    made = (statement for each in migrations(Settings(), 384) for statement in each.statements)
    return tables_of((_journal_ddl(Settings()), *made))


def objects() -> list[tuple[str, str, str]]:
    """Return what the data dictionary says of these tables."""
    return [(name, "TABLE", "N") for name in schema()]


@cache
def _corpora() -> dict[str, dict[str, Column]]:
    from retrieval.oracle import schema as corpora
    from settings.oracle import OracleSettings

    makers = [getattr(corpora, name) for name in dir(corpora) if name.endswith("_ddl")]
    given = {each: (OracleSettings(), 384)[: len(signature(each).parameters)] for each in makers}
    return tables_of(statement for each in makers for statement in each(*given[each]))


def _key(part: list[Token]) -> list[Token]:
    words = [token.upper for token in part]
    if "PRIMARY" not in words:
        return []
    opening = next(n for n, token in enumerate(part) if token.text == "(")
    return part[opening + 1 : closing(part, opening)]


def _column(table: str, part: list[Token], keys: set[str]) -> Column:
    name, kind = part[0].upper, part[1].upper if len(part) > 1 else ""
    if kind not in TYPES:
        raise ValueError(f"{table}.{name}: {kind or 'nothing'} is none of Oracle's types (ORA-00902)")
    inner = part[3 : closing(part, 2)] if len(part) > 2 and part[2].text == "(" else []
    numbers = [int(token.text) for token in inner if token.kind == "number"]
    size, unit = numbers[0] if numbers else None, inner[-1].upper if inner and inner[-1].kind == "word" else "BYTE"
    if kind == "VARCHAR2" and (size is None or not 1 <= size <= TEXT_BYTES):
        raise ValueError(f"{table}.{name}: a VARCHAR2 has a length from 1 to {TEXT_BYTES} (ORA-00906, ORA-00910)")
    if kind == "NUMBER" and size is not None and not 1 <= size <= 38:
        raise ValueError(f"{table}.{name}: a NUMBER has 1 to 38 digits (ORA-01727)")
    rest = " ".join(token.upper for token in part[2:])
    return Column(
        table,
        name,
        kind,
        size=38 if kind == "INTEGER" else size,
        scale=0
        if kind == "INTEGER"
        else numbers[1]
        if len(numbers) > 1
        else (0 if kind == "NUMBER" and size else None),
        unit=unit,
        nullable="NOT NULL" not in rest and "PRIMARY KEY" not in rest and name not in keys,
        filled="GENERATED" in rest or re.search(r"DEFAULT (?!NULL)", rest) is not None,
    )
