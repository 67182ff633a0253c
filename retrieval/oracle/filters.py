"""The filter language of `retrieval.filters` as SQL for Oracle Database; every value is bound.

A JSON path must be a literal, so the key becomes part of the statement's text. It is first checked against a pattern
that allows no quotes, braces or blanks. Values are compared within their JSON type: `type()` tells it, also of a list,
from which a path in lax mode would take the members. Oracle takes empty text for NULL, so empty text is compared within
the JSON path. Every condition is true or false, never unknown, so that `NOT` is its opposite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from retrieval.filters import KIND, SOURCE, TITLE, Condition, Every, OneOf, Opposite, Ordered, Some, parsed
from state.access import AUDIENCE, Held

_NEVER, _ALWAYS = "1 = 0", "1 = 1"
_COLUMNS = {TITLE: "d.title", SOURCE: "d.source", KIND: "p.kind"}
_TYPES = {"string": "'string'", "boolean": "'boolean'", "number": "'number', 'double', 'float'"}

Bind = Callable[[Any], str]
"""Binds a value and returns its placeholder, such as `:w0`."""


def compile_where(where: Mapping[str, Any], held: Held = None) -> tuple[str, dict[str, Any]]:
    """Return a condition and its binds `w0`, `w1`, …, for the rows that match `where` and that `held` may read.

    Raises:
        BadInput: a key, an operator or a value is not allowed.
    """
    binds: dict[str, Any] = {}

    def bind(value: Any) -> str:
        name = f"w{len(binds)}"
        binds[name] = value
        return f":{name}"

    conditions = parsed(where, held).of
    return " AND ".join(_compiled(each, bind) for each in conditions), binds


def _compiled(condition: Condition, bind: Bind) -> str:
    if isinstance(condition, Every | Some):
        word, empty = (" AND ", _ALWAYS) if isinstance(condition, Every) else (" OR ", _NEVER)
        return f"({word.join(_compiled(each, bind) for each in condition.of) or empty})"
    if isinstance(condition, Opposite):
        return f"(NOT {_compiled(condition.of, bind)})"  # no condition follows another NOT there without it
    if isinstance(condition, OneOf):
        return _one_of(condition, bind)
    if isinstance(condition, Ordered):
        return _ordered(condition, bind)
    return f"({_ALWAYS})" if condition.field in _COLUMNS else f"({_typed(condition.field, 'string')})"


def _one_of(condition: OneOf, bind: Bind) -> str:
    field, values = condition.field, condition.values
    texts = [each for each in values if isinstance(each, str) and each]
    if field == AUDIENCE:
        parts = [f"""NOT JSON_EXISTS(p.metadata, '$."{AUDIENCE}"')"""] if condition.none else []
        parts += [_member(name, bind) for name in texts]
    elif field in _COLUMNS:
        parts = [f"{_COLUMNS[field]} IS NULL"] if "" in values else []
        parts += [f"({_COLUMNS[field]} IS NOT NULL AND {_COLUMNS[field]} IN ({_bound(texts, bind)}))"] if texts else []
    else:
        parts = [_none(field)] if condition.none else []
        parts += [_empty(field)] if "" in values else []
        flags = [str(each).lower() for each in values if isinstance(each, bool)]
        numbers = [each for each in values if not isinstance(each, str | bool)]
        for kind, listed in (("string", texts), ("boolean", flags), ("number", numbers)):
            if listed:
                parts.append(f"({_holds(field, kind)} AND {_column(field, kind)} IN ({_bound(listed, bind)}))")
    return f"({' OR '.join(parts) or _NEVER})"


def _ordered(condition: Ordered, bind: Bind) -> str:
    field, symbol, value = condition.field, condition.symbol, condition.value
    if field in _COLUMNS:
        # An empty text, which is NULL here, stands before every other.
        less = f" OR {_COLUMNS[field]} IS NULL" if symbol in ("<", "<=") else ""
        return f"(({_COLUMNS[field]} IS NOT NULL AND {_COLUMNS[field]} {symbol} {bind(value)}){less})"
    kind = "string" if isinstance(value, str) else "number"
    found = f"({_holds(field, kind)} AND {_column(field, kind)} {symbol} {bind(value)})"
    return f"({found} OR {_empty(field)})" if kind == "string" and symbol in ("<", "<=") else found


def _none(field: str) -> str:
    return f"{_type_of(field)} = 'null'"


def _empty(field: str) -> str:
    return f"""({_typed(field, "string")} AND JSON_EXISTS(p.metadata, '$."{field}"?(@ == "")'))"""


def _member(name: str, bind: Bind) -> str:
    # In a path of Oracle's lax mode, `[*]` also takes a label that is one text and no list, as earlier versions stored.
    return (
        f"""JSON_EXISTS(p.metadata, '$."{AUDIENCE}"[*]?(@.stringOnly() == $label)' PASSING {bind(name)} AS "label")"""
    )


def _typed(field: str, kind: str) -> str:
    return f"{_type_of(field)} IN ({_TYPES[kind]})"


def _type_of(field: str) -> str:
    return f"""NVL(JSON_VALUE(p.metadata, '$."{field}".type()'), 'null')"""


def _holds(field: str, kind: str) -> str:
    return f"{_typed(field, kind)} AND {_column(field, kind)} IS NOT NULL"


def _column(field: str, kind: str) -> str:
    returning = {"string": "VARCHAR2(4000)", "boolean": "VARCHAR2(5)", "number": "NUMBER"}[kind]
    return f"""JSON_VALUE(p.metadata, '$."{field}".{kind}Only()' RETURNING {returning})"""


def _bound(values: list[Any], bind: Bind) -> str:
    return ", ".join(map(bind, values))
