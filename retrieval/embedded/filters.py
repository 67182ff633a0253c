"""The filter language of `retrieval.filters` as SQL for SQLite; every value is bound.

A condition is a part of `FROM passages p JOIN documents d`. It is 0 or 1, never NULL, so that `NOT` is its opposite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from retrieval.filters import (
    KIND,
    SOURCE,
    TITLE,
    Condition,
    Every,
    OneOf,
    Opposite,
    Ordered,
    Scalar,
    Some,
    parsed,
)
from state.access import AUDIENCE, Held

_COLUMNS = {TITLE: "d.title", SOURCE: "d.source", KIND: "p.kind"}
_LISTED = "IN (SELECT value FROM json_each(?))"
_TYPES = {str: "('text')", bool: "('true', 'false')", int: "('integer', 'real')", float: "('integer', 'real')"}

Compiled = tuple[str, list[Any]]


def compile_where(where: Mapping[str, Any], held: Held = None) -> Compiled:
    """Return an SQL condition and its parameters, for the rows that match `where` and that `held` may read.

    Raises:
        BadInput: a key, an operator or a value is not allowed.
    """
    return _compiled(parsed(where, held))


def _compiled(condition: Condition) -> Compiled:
    if isinstance(condition, Every | Some):
        parts = [_compiled(each) for each in condition.of]
        binds = [bind for _, values in parts for bind in values]
        word, empty = (" AND ", "1") if isinstance(condition, Every) else (" OR ", "0")
        return f"({word.join(text for text, _ in parts)})" if parts else empty, binds
    if isinstance(condition, Opposite):
        text, binds = _compiled(condition.of)
        return f"NOT {text}", binds
    if isinstance(condition, OneOf):
        return _one_of(condition)
    if isinstance(condition, Ordered):
        return _ordered(condition)
    if condition.field in _COLUMNS:
        return "1", []
    return _typed(condition.field, str)


def _one_of(condition: OneOf) -> Compiled:
    field, values = condition.field, condition.values
    if field in _COLUMNS:
        return f"({_COLUMNS[field]} {_LISTED})", [json.dumps(values)]
    parts = [_none(field)] if condition.none else []
    if values and field == AUDIENCE:
        parts.append(_member(values))
    elif values:
        texts = [each for each in values if isinstance(each, str)]
        flags = [each for each in values if isinstance(each, bool)]
        numbers = [each for each in values if not isinstance(each, str | bool)]
        parts += [_equal(field, each) for each in (texts, flags, numbers) if each]
    binds = [bind for _, found in parts for bind in found]
    return f"({' OR '.join(text for text, _ in parts)})" if parts else "0", binds


def _none(field: str) -> Compiled:
    return "json_extract(metadata, ?) IS NULL", [_path(field)]


def _member(names: tuple[Scalar, ...]) -> Compiled:
    # A label that is no list of texts has no such member, and stays hidden.
    found = (
        f"EXISTS (SELECT 1 FROM json_each(metadata, ?) AS label WHERE label.type = 'text' AND label.value {_LISTED})"  # noqa: S608 - constants of this module
    )
    return found, [_path(AUDIENCE), json.dumps(names)]


def _equal(field: str, values: list[Any]) -> Compiled:
    """Return the condition for values of one type."""
    typed, binds = _typed(field, type(values[0]))
    return f"({typed} AND json_extract(metadata, ?) {_LISTED})", [*binds, _path(field), json.dumps(values)]


def _typed(field: str, kind: type) -> Compiled:
    return f"ifnull(json_type(metadata, ?) IN {_TYPES[kind]}, 0)", [_path(field)]


def _ordered(condition: Ordered) -> Compiled:
    field, symbol, value = condition.field, condition.symbol, condition.value
    if field in _COLUMNS:
        return f"({_COLUMNS[field]} {symbol} ?)", [value]
    typed, binds = _typed(field, type(value))
    return f"({typed} AND json_extract(metadata, ?) {symbol} ?)", [*binds, _path(field), value]


def _path(field: str) -> str:
    return f'$."{field}"'
