"""The filter language `where` on passage metadata, and its translation to SQLite; every value is bound."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from state.errors import BadInput

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""Keys are part of a JSON path, so they are restricted to characters that need no quoting."""

_OPERATORS = {"$eq": "=", "$ne": "IS NOT", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_MAX_INT = 2**63 - 1
"""SQLite's largest integer: binding a larger one raises `OverflowError`."""

HINT = 'use {"key": value} or {"key": {"$in": [...]}}, with $eq, $ne, $gt, $gte, $lt, $lte or $in'


def compile_where(where: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Return an SQL condition on the column `metadata` and its parameters; conditions are joined by AND.

    `None` matches passages without that key, in `$eq`, `$ne` and `$in`.

    Raises:
        BadInput: a key, an operator or a value is not allowed.
    """
    clauses: list[str] = []
    binds: list[Any] = []
    for key, condition in where.items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise BadInput(f"{key!r} is not a metadata key", hint=HINT)
        tests = condition if isinstance(condition, Mapping) else {"$eq": condition}
        for operator, value in tests.items():
            clause, values = _test(f'$."{key}"', operator, value)
            clauses.append(clause)
            binds += values
    return " AND ".join(clauses) or "1", binds


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
        BadInput: the integer is too large for a float as well.
    """
    if not isinstance(value, int) or abs(value) <= _MAX_INT:
        return value
    try:
        return float(value)
    except OverflowError:
        raise BadInput("a number in the filter is too large", hint=HINT) from None
