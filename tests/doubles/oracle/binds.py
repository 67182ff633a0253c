"""Checks the binds of a statement as driver and database do: names, types, bytes, NOT NULL, and `''` as NULL.

A value is checked where it goes straight into a column (`VALUES (:x)`, `SET c = :x`, or through the SELECT of a MERGE)
and where it is compared with one. `MAX_STRING_SIZE` is taken to be STANDARD, the default.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn

import oracledb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from docs.sql_inventory import rewritten
from tests.doubles.oracle.errors import oracle_error
from tests.doubles.oracle.oson import through_oson
from tests.doubles.oracle.tables import TEXT_BYTES, Column, columns_by_name, tokens

LONG_TEXT = 1000
"""Characters from which on the thin driver declares a text as LONG: it reserves four bytes for each, and more than the
database's 4,000 bytes are a LONG (`buffer_size > max_string_size` in `impl/thin/messages/base.pyx` of python-oracledb).
The database takes a LONG only as a value of its own for a column (ORA-01461)."""

LONG_BYTES = 2000
"""The same for bytes: RAW has at most 2,000 in SQL (*SQL Language Reference*, "Data Types")."""

_VALUE, _COMPARED, _ELSEWHERE = "value", "compared", "elsewhere"


@dataclass(frozen=True)
class Use:
    """Where a bind stands: as the value of a column, compared with one, or elsewhere. `direct`: it is not passed on."""

    name: str
    place: str
    column: Column | None = None
    updates: bool = False
    direct: bool = True


def check_binds(sql: str, binds: Any, types: Mapping[str, Any]) -> None:
    """Check the binds of one execution; `types` are those of `setinputsizes`.

    Raises:
        oracledb.Error: the driver or the database would refuse them.
    """
    names = bind_names(sql)
    rows = _by_name(sql, names, binds)
    uses = _uses(sql)
    for use in uses:
        if use.name in rows:
            _check(use, rows[use.name], types.get(use.name))
    for column in _left_out(sql):
        _refuse("ORA-01400", f"cannot insert NULL into ({column.place})")


@lru_cache(maxsize=2000)
def bind_names(sql: str) -> tuple[str, ...]:
    """Return the names of the binds, each once."""
    return tuple(dict.fromkeys(token.text[1:] for token in tokens(sql) if token.kind == "bind"))


def _by_name(sql: str, names: Sequence[str], binds: Any) -> dict[str, Any]:
    if isinstance(binds, Mapping):
        given = {str(name).lstrip(":").lower(): value for name, value in binds.items()}
        wanted = {name.lower(): name for name in names}
        if missing := [name for name in wanted if name not in given]:
            _refuse("DPY-4010", f'a bind variable replacement value for placeholder ":{missing[0]}" was not provided')
        if surplus := [name for name in given if name not in wanted]:
            _refuse("DPY-4008", f'no bind placeholder named ":{surplus[0]}" was found in the SQL text')
        return {wanted[name]: value for name, value in given.items()}
    listed = list(binds or ())
    places = [token.text[1:] for token in tokens(sql) if token.kind == "bind"]
    in_order = places if len(listed) == len(places) else list(names)  # each place, or each name once
    if len(listed) != len(in_order):
        _refuse("DPY-4009", f"{len(places)} positional bind values are required but {len(listed)} were provided")
    return dict(zip(in_order, listed, strict=True))


@lru_cache(maxsize=2000)
def _uses(sql: str) -> tuple[Use, ...]:
    names = bind_names(sql)
    if not names:
        return ()
    tree = parsed(sql)
    found = list(_used(tree)) if tree is not None else []
    known = {use.name for use in found}
    return (*found, *(Use(name, _ELSEWHERE) for name in names if name not in known))


@lru_cache(maxsize=2000)
def parsed(sql: str) -> Any:
    """Return the tree of a statement, or `None` if `sqlglot` does not know its words."""
    try:
        return sqlglot.parse_one(rewritten(" ".join(sql.split())), read="oracle")
    except SqlglotError:
        return None


def _used(tree: exp.Expression) -> Iterator[Use]:
    if isinstance(tree, exp.Insert):
        yield from _inserted(tree)
    elif isinstance(tree, exp.Update):
        yield from _updated(tree, _target(tree))
    elif isinstance(tree, exp.Merge):
        yield from _merged(tree)
    yield from _compared(tree)


def _inserted(tree: exp.Insert) -> Iterator[Use]:
    columns = _target(tree)
    named = [each.name.upper() for each in tree.this.expressions] if isinstance(tree.this, exp.Schema) else [*columns]
    values = tree.expression
    if isinstance(values, exp.Values):
        for row in values.expressions:
            for name, value in zip(named, row.expressions, strict=False):
                yield from _value(columns.get(name), value)


def _updated(tree: exp.Expression, columns: Mapping[str, Column]) -> Iterator[Use]:
    for each in tree.expressions:
        if isinstance(each, exp.EQ):
            yield from _value(columns.get(each.this.name.upper()), each.expression, updates=True)


def _merged(tree: exp.Merge) -> Iterator[Use]:
    """Follow binds through the aliases of the SELECT to the columns that they are stored in."""
    columns = _target(tree)
    source = tree.args["using"].this
    aliases: dict[str, exp.Expression] = {}
    if isinstance(source, exp.Select):
        aliases = {each.alias.upper(): each.this for each in source.expressions if isinstance(each, exp.Alias)}
    for when in tree.args["whens"].expressions:
        then = when.args["then"]
        if isinstance(then, exp.Insert):
            pairs = list(zip(then.this.expressions, then.expression.expressions, strict=True))
        else:
            pairs = [(each.this, each.expression) for each in getattr(then, "expressions", ())]
        for column, value in pairs:
            passed = isinstance(value, exp.Column)
            given = aliases.get(value.name.upper(), value) if passed else value
            updates = isinstance(then, exp.Update)
            yield from _value(columns.get(column.name.upper()), given, updates=updates, direct=not passed)


def _value(
    column: Column | None, value: exp.Expression, *, updates: bool = False, direct: bool = True
) -> Iterator[Use]:
    if isinstance(value, exp.Placeholder) and column is not None:
        yield Use(value.name, _VALUE, column, updates, direct)


def _compared(tree: exp.Expression) -> Iterator[Use]:
    tables = {(node.alias or node.name).upper(): columns_by_name(node.name) for node in tree.find_all(exp.Table)}
    for node in tree.find_all(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between):
        column = node.this
        if not isinstance(column, exp.Column) or (
            isinstance(node.parent, exp.Update) and node.arg_key == "expressions"
        ):
            continue
        named = [tables.get(column.table.upper(), {})] if column.table else [*tables.values()]
        described = next((each[column.name.upper()] for each in named if column.name.upper() in each), None)
        others = [node.args.get("expression"), node.args.get("low"), node.args.get("high"), *node.expressions]
        for each in others:
            if isinstance(each, exp.Placeholder) and described is not None:
                yield Use(each.name, _COMPARED, described)


def _target(tree: exp.Expression) -> Mapping[str, Column]:
    table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    return columns_by_name(table.name)


@lru_cache(maxsize=2000)
def _left_out(sql: str) -> tuple[Column, ...]:
    """Return the columns that an INSERT leaves out although they are NOT NULL and have no default."""
    tree = parsed(sql) if sql.lstrip().upper().startswith("INSERT") else None
    if not isinstance(tree, exp.Insert) or not isinstance(tree.this, exp.Schema):
        return ()
    named = {each.name.upper() for each in tree.this.expressions}
    return tuple(
        each for each in _target(tree).values() if each.name not in named and not (each.nullable or each.filled)
    )


def _check(use: Use, value: Any, declared: Any) -> None:
    if declared is None:
        _check_size(use, value)
    if use.column is None:
        return
    if value is None or value in ("", b""):
        if use.place == _VALUE and not use.column.nullable:
            code = "ORA-01407" if use.updates else "ORA-01400"
            _refuse(code, f"cannot {'update' if use.updates else 'insert NULL into'} ({use.column.place}) (to NULL)")
        return
    _KINDS.get(use.column.type, _anything)(use, value, declared)


def _check_size(use: Use, value: Any) -> None:
    """Check a value whose type the driver infers."""
    if isinstance(value, str):
        value.encode()  # as the driver does: a lone surrogate is no text
    limit = LONG_TEXT if isinstance(value, str) else LONG_BYTES
    if isinstance(value, str | bytes) and len(value) > limit and not (use.place == _VALUE and use.direct):
        _refuse("ORA-01461", f":{use.name} is longer than {limit} and is no value of a column by itself")
    if isinstance(value, dict | list | tuple):
        _refuse("DPY-3002", f'Python value of type "{type(value).__name__}" is not supported (:{use.name})')


def _text(use: Use, value: Any, _: Any) -> None:
    column = use.column
    assert column is not None
    assert column.size is not None
    if use.place == _VALUE and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # the database converts it; in a comparison it would convert the column
    if not isinstance(value, str):
        _refuse("ORA-00932", f"expected text for {column.place}, got {type(value).__name__}")
    size = len(value) if column.unit == "CHAR" else len(value.encode())
    limit = min(column.size, TEXT_BYTES)
    if use.place == _VALUE and (size > limit or len(value.encode()) > TEXT_BYTES):
        _refuse("ORA-12899", f"value too large for column {column.place} (actual: {size}, maximum: {limit})")


def _number(use: Use, value: Any, _: Any) -> None:
    column = use.column
    assert column is not None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        _refuse("ORA-01722", f"invalid number for {column.place}: {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        _refuse("DPY-4004", f"the value of :{use.name} cannot be represented as a NUMBER")
    if use.place == _VALUE and column.size is not None and abs(value) >= 10 ** (column.size - (column.scale or 0)):
        _refuse("ORA-01438", f"value larger than specified precision allowed for {column.place}")
    if use.place == _VALUE and column.scale == 0 and value != int(value):
        _refuse("ORA-01438", f"a fraction would be rounded in {column.place}")


def _clob(use: Use, value: Any, _: Any) -> None:
    if not isinstance(value, str | oracledb.AsyncLOB) and not hasattr(value, "data"):
        _refuse("ORA-00932", f"expected text for the CLOB of :{use.name}, got {type(value).__name__}")


def _blob(use: Use, value: Any, _: Any) -> None:
    if not isinstance(value, bytes | oracledb.AsyncLOB) and not hasattr(value, "data"):
        _refuse("ORA-00932", f"expected bytes for the BLOB of :{use.name}, got {type(value).__name__}")


def _json(use: Use, value: Any, declared: Any) -> None:
    if declared is oracledb.DB_TYPE_JSON:
        through_oson(value)
        return
    try:
        json.loads(value)
    except (TypeError, ValueError):
        _refuse("ORA-40441", f"JSON syntax error in :{use.name}")


def _time(use: Use, value: Any, _: Any) -> None:
    if not isinstance(value, dt.datetime):
        _refuse("ORA-01843", f"not a valid month: a {type(value).__name__} for the time of :{use.name}")
    if value.tzinfo is None:
        _refuse("ORA-01805", f"the time of :{use.name} has no zone: the session's would be assumed")


def _vector(use: Use, value: Any, declared: Any) -> None:
    if not (hasattr(value, "typecode") or (isinstance(value, list) and declared is oracledb.DB_TYPE_VECTOR)):
        _refuse("ORA-51805", f"the vector of :{use.name} is a {type(value).__name__}")


def _anything(*_: Any) -> None:
    """Check nothing: the column has a type that no bind of ours goes to."""


_KINDS = {
    "VARCHAR2": _text,
    "NUMBER": _number,
    "INTEGER": _number,
    "FLOAT": _number,
    "CLOB": _clob,
    "BLOB": _blob,
    "JSON": _json,
    "TIMESTAMP": _time,
    "VECTOR": _vector,
}


def _refuse(code: str, message: str) -> NoReturn:
    raise oracle_error(code, f"{code}: {message}")
