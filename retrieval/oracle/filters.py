"""The filter language of `retrieval.filters`, translated to Oracle Database; every value is bound.

A JSON path must be a literal, so the key becomes part of the statement's text. It is first checked against a pattern
that allows no quotes, braces or blanks. Values are compared within their JSON type (`stringOnly()` and so on), so a
number never equals a text that looks like it. Oracle takes empty text for NULL, so empty text is compared within the
JSON path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retrieval.filters import HINT, KEY, bindable, check_size, label_test
from state.access import AUDIENCE, Held
from state.errors import BadInput

_ORDER = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_NEVER = "1 = 0"

Bind = Callable[[Any], str]
"""Binds a value and returns its placeholder, such as `:w0`."""


def compile_where(where: Mapping[str, Any], held: Held = None) -> tuple[str, dict[str, Any]]:
    """Return a condition on `p.metadata` and its binds `w0`, `w1`, …; conditions are joined by AND.

    `held` limits the passages to those that a member of these audiences may read, whatever `where` says.

    Raises:
        BadInput: a key, an operator or a value is not allowed.
    """
    check_size(where)
    binds: dict[str, Any] = {}

    def bind(value: Any) -> str:
        name = f"w{len(binds)}"
        binds[name] = value
        return f":{name}"

    clauses = []
    for key, condition in where.items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise BadInput(f"{key!r} is not a metadata key", hint=HINT)
        tests = condition if isinstance(condition, Mapping) else {"$eq": condition}
        if key == AUDIENCE:
            clauses += [_label_test(*label_test(operator, value), bind) for operator, value in tests.items()]
        else:
            clauses += [_test(key, operator, value, bind) for operator, value in tests.items()]
    if held is not None:
        clauses.append(_label_test([None, *held], True, bind))
    return " AND ".join(clauses), binds


def _label_test(named: Sequence[str | None], wanted: bool, bind: Bind) -> str:
    # In a path of Oracle's lax mode, `[*]` also takes a label that is one text and no list, as earlier versions stored.
    member = f"""JSON_EXISTS(p.metadata, '$."{AUDIENCE}"[*]?(@.stringOnly() == $label)' PASSING {{}} AS "label")"""
    clauses = [f"""NOT JSON_EXISTS(p.metadata, '$."{AUDIENCE}"')"""] if None in named else []
    clauses += [member.format(bind(name)) for name in named if name]
    found = f"({' OR '.join(clauses)})" if clauses else _NEVER
    return found if wanted else f"NOT ({found})"


def _test(key: str, operator: str, value: Any, bind: Bind) -> str:
    if operator == "$in" and isinstance(value, list | tuple | set | frozenset):
        found = [_equal(key, _scalar(item), bind) for item in value]
        return f"({' OR '.join(found)})" if found else _NEVER
    if operator == "$eq":
        return _equal(key, _scalar(value), bind)
    if operator == "$ne":
        return f"NOT {_equal(key, _scalar(value), bind)}" if value in (None, "") else _differs(key, value, bind)
    if operator in _ORDER:
        return _ordered(key, _ORDER[operator], _scalar(value), bind)
    raise BadInput(f"{operator!r} is not a filter operator for {type(value).__name__}", hint=HINT)


def _equal(key: str, value: Any, bind: Bind) -> str:
    if value is None:
        return f"""(NOT JSON_EXISTS(p.metadata, '$."{key}"?(@ != null)'))"""
    if value == "":
        return f"""JSON_EXISTS(p.metadata, '$."{key}"?(@ == "")')"""
    return f"{_column(key, value)} = {bind(_bound(value))}"


def _differs(key: str, value: Any, bind: Bind) -> str:
    column = _column(key, _scalar(value))
    # In SQL, `NULL <> x` is not true: passages without the key need their own condition to match `$ne`.
    return f"({column} IS NULL OR {column} <> {bind(_bound(value))})"


def _ordered(key: str, symbol: str, value: Any, bind: Bind) -> str:
    if value is None:
        return _NEVER
    if value == "" or isinstance(value, bool):
        raise BadInput(f"{value!r} cannot be ordered on Oracle Database", hint="use $eq or $ne with it")
    return f"{_column(key, value)} {symbol} {bind(value)}"


def _column(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"""JSON_VALUE(p.metadata, '$."{key}".booleanOnly()' RETURNING VARCHAR2(5))"""
    if isinstance(value, str):
        return f"""JSON_VALUE(p.metadata, '$."{key}".stringOnly()' RETURNING VARCHAR2(4000))"""
    return f"""JSON_VALUE(p.metadata, '$."{key}".numberOnly()' RETURNING NUMBER)"""


def _bound(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"{value!r} is not a JSON number", hint=HINT)
    if value is None or isinstance(value, str | int | float):
        return bindable(value)
    raise BadInput(f"a filter value cannot be {type(value).__name__}", hint=HINT)
