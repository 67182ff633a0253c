"""The filter language `where` on passage metadata, and its translation to SQLite; every value is bound."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from state.access import AUDIENCE, Held
from state.errors import BadInput

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""Keys are part of a JSON path, so they are restricted to characters that need no quoting."""

_OPERATORS = {"$eq": "=", "$ne": "IS NOT", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_MAX_INT = 2**63 - 1
"""SQLite's largest integer: binding a larger one raises `OverflowError`."""

MOST_KEYS, MOST_VALUES = 100, 1000
"""How many keys a filter has, and values in its lists. Chosen limits: SQLite takes at most 1,000 nested conditions, and
Oracle Database at most 65,535 binds."""

_NONE = "json_extract(metadata, ?) IS NULL"
_LABEL = f'$."{AUDIENCE}"'

HINT = 'use {"key": value} or {"key": {"$in": [...]}}, with $eq, $ne, $gt, $gte, $lt, $lte or $in'
_LABEL_HINT = f"compare `{AUDIENCE}` with $eq, $ne or $in to names of audiences, or to null for documents without"


def compile_where(where: Mapping[str, Any], held: Held = None) -> tuple[str, list[Any]]:
    """Return an SQL condition on the column `metadata` and its parameters; conditions are joined by AND.

    `None` matches passages without that key, in `$eq`, `$ne` and `$in`. The access label is a list, of which a value
    matches any member. `held` limits the passages to those that a member of these audiences may read, whatever `where`
    says.

    Raises:
        BadInput: a key, an operator or a value is not allowed.
    """
    check_size(where)
    clauses: list[str] = []
    binds: list[Any] = []
    for key, condition in where.items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise BadInput(f"{key!r} is not a metadata key", hint=HINT)
        tests = condition if isinstance(condition, Mapping) else {"$eq": condition}
        for operator, value in tests.items():
            if key == AUDIENCE:
                clause, values = _label_test(*label_test(operator, value))
            else:
                clause, values = _test(f'$."{key}"', operator, value)
            clauses.append(clause)
            binds += values
    if held is not None:
        clause, values = _label_test([None, *held], wanted=True)
        clauses.append(clause)
        binds += values
    return " AND ".join(clauses) or "1", binds


def check_size(where: Mapping[str, Any]) -> None:
    """Raise `BadInput` if a filter is too large for a statement of a database."""
    listed = [each.get("$in") for each in where.values() if isinstance(each, Mapping)]
    values = sum(len(each) for each in listed if isinstance(each, list | tuple | set | frozenset))
    if len(where) > MOST_KEYS or values > MOST_VALUES:
        raise BadInput(f"the filter has more than {MOST_KEYS} keys or {MOST_VALUES:,} values", hint="ask several times")


def label_test(operator: str, value: Any) -> tuple[list[str | None], bool]:
    """Return the audiences that a test of the access label names, and whether one of them is wanted or none of them.

    Raises:
        BadInput: the operator or a value cannot be used on the label.
    """
    named = list(value) if operator == "$in" and isinstance(value, list | tuple | set | frozenset) else [value]
    if operator not in ("$eq", "$ne", "$in") or not all(name is None or isinstance(name, str) for name in named):
        raise BadInput(f"`{AUDIENCE}` is compared with {operator!r} to another type than text", hint=_LABEL_HINT)
    if operator == "$in" and not isinstance(value, list | tuple | set | frozenset):
        raise BadInput(f"'$in' is not a filter operator for {type(value).__name__}", hint=HINT)
    return [bindable(name) for name in named], operator != "$ne"


def _label_test(named: Sequence[str | None], wanted: bool) -> tuple[str, list[Any]]:
    # One bind for all names. A label that is no list of texts has no such member, and stays hidden.
    member = (
        "EXISTS (SELECT 1 FROM json_each(metadata, ?) AS label WHERE label.type = 'text' "
        "AND label.value IN (SELECT value FROM json_each(?)))"
    )
    names = [name for name in named if name]
    clauses, binds = [], []
    if None in named:
        clauses.append(_NONE)
        binds.append(_LABEL)
    if names:
        clauses.append(member)
        binds += [_LABEL, json.dumps(names)]
    found = f"({' OR '.join(clauses)})" if clauses else "0"
    return found if wanted else f"NOT {found}", binds


def _test(path: str, operator: str, value: Any) -> tuple[str, list[Any]]:
    column = "json_extract(metadata, ?)"
    if operator == "$in" and isinstance(value, list | tuple | set | frozenset):
        # `x IN (NULL)` is never true in SQL, so `None` becomes a condition of its own.
        values = [_scalar(item) for item in value if item is not None]
        one_of = f"{column} IN ({', '.join('?' * len(values))})"
        if None in value:
            return f"({column} IS NULL OR {one_of})", [path, path, *values]
        return one_of, [path, *values]
    if operator not in _OPERATORS:
        raise BadInput(f"{operator!r} is not a filter operator for {type(value).__name__}", hint=HINT)
    if value is None and operator == "$eq":
        return f"{column} IS ?", [path, None]
    return f"{column} {_OPERATORS[operator]} ?", [path, _scalar(value)]


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return bindable(value)
    raise BadInput(f"a filter value cannot be {type(value).__name__}", hint=HINT)


def bindable(value: Any) -> Any:
    """Return a value that databases accept: an integer beyond 64 bits becomes the nearest float.

    Raises:
        BadInput: the integer is too large for a float as well, or a text is not valid Unicode.
    """
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):  # no database can store it
        raise BadInput("a text in the filter is not valid Unicode", hint=HINT)
    if not isinstance(value, int) or abs(value) <= _MAX_INT:
        return value
    try:
        return float(value)
    except OverflowError:
        raise BadInput("a number in the filter is too large", hint=HINT) from None
