"""The filter language `where`: what a caller writes becomes conditions, which each backend compiles into its SQL.

A filter names metadata keys, or `$title`, `$source` and `$kind` of the passage itself, which no key can be called. What
holds for every backend:

- A key that is missing and a key that is `null` are the same: there is no value.
- A value equals another of the same type only: text, number, or true and false. A list or an object equals nothing.
- `$gt`, `$gte`, `$lt` and `$lte` compare numbers with numbers and texts with texts, by code points; a value of another
  type does not match, and neither does none.
- `$ne`, `$nin`, `$not` and `$exists: false` match exactly what `$eq`, `$in`, the filter and `$exists: true` do not.
- The access label is a list, of which a value equals any member.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from state.access import AUDIENCE, Held
from state.errors import BadInput

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""Keys are part of a JSON path, so they are restricted to characters that need no quoting."""

TITLE, SOURCE, KIND = "$title", "$source", "$kind"
COLUMNS = (TITLE, SOURCE, KIND)
"""Fields of a passage that are no metadata. They are always texts."""

MOST_TESTS, MOST_VALUES, MOST_CHARS, DEEPEST = 100, 1000, 1000, 5
"""How many tests a filter has, values in its lists, characters in a text, and filters within filters. Chosen limits:
SQLite takes at most 1,000 nested conditions, and Oracle Database at most 4,000 bytes in a text that it compares."""

_MAX_INT = 2**63 - 1
"""SQLite's largest integer: binding a larger one raises `OverflowError`."""

_LISTS = (list, tuple, set, frozenset)
_SYMBOLS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_TESTS = ("$eq", "$ne", "$in", "$nin", "$exists", *_SYMBOLS)
_JOINING = ("$and", "$or", "$not")

HINT = (
    'use {"key": value} or {"key": {"$in": [...]}}, with $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists or $not; '
    "join filters with $and, $or and $not; `$title`, `$source` and `$kind` are keys too"
)
_LABEL_HINT = f"compare `{AUDIENCE}` with names of audiences, or with null for documents without"

Scalar = str | int | float | bool


@dataclass(frozen=True)
class OneOf:
    """The field equals one of the values, or has none if `none` is set."""

    field: str
    values: tuple[Scalar, ...] = ()
    none: bool = False


@dataclass(frozen=True)
class Ordered:
    """The field has the value's type and stands in this order to it. A text is never empty."""

    field: str
    symbol: str
    value: str | int | float


@dataclass(frozen=True)
class IsText:
    """The field is a text, possibly an empty one."""

    field: str


@dataclass(frozen=True)
class Opposite:
    """The condition does not hold."""

    of: Condition


@dataclass(frozen=True)
class Every:
    """All of the conditions hold; so it is without any."""

    of: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Some:
    """At least one of the conditions holds."""

    of: tuple[Condition, ...] = ()


Condition = OneOf | Ordered | IsText | Opposite | Every | Some


def parsed(where: Mapping[str, Any], held: Held = None) -> Every:
    """Return the condition of a filter, limited to what a member of the audiences `held` may read.

    Raises:
        BadInput: a key, an operator or a value is not allowed, or the filter is too large.
    """
    found = _Parser().filter(where, 1)
    return found if held is None else Every((*found.of, OneOf(AUDIENCE, tuple(filter(None, held)), none=True)))


@dataclass
class _Parser:
    """Counts what a filter holds while it is read."""

    tests: int = 0
    values: int = 0

    def filter(self, where: Any, depth: int) -> Every:
        if not isinstance(where, Mapping) or (not where and depth > 1):
            raise BadInput(f"a filter is an object with keys, not {_named(where)}", hint=HINT)
        _check_depth(depth)
        return Every(tuple(self._entry(key, value, depth) for key, value in where.items()))

    def _entry(self, key: Any, value: Any, depth: int) -> Condition:
        if key == "$not":
            return Opposite(self.filter(value, depth + 1))
        if key in _JOINING:
            if not isinstance(value, list | tuple) or not value:
                raise BadInput(f"`{key}` takes a list of filters, not {_named(value)}", hint=HINT)
            self._count(tests=len(value))
            joined = tuple(self.filter(each, depth + 1) for each in value)
            return Every(joined) if key == "$and" else Some(joined)
        if key not in COLUMNS and (not isinstance(key, str) or not KEY.fullmatch(key)):
            if key in _TESTS:
                raise BadInput(f"`{key}` stands within a key, not beside keys", hint=HINT)
            raise BadInput(f"{key!r:.100} is not a metadata key", hint=HINT)
        return self._tests(key, value if isinstance(value, Mapping) else {"$eq": value}, depth)

    def _tests(self, key: str, tests: Mapping[Any, Any], depth: int) -> Condition:
        if not tests:
            raise BadInput(f"`{key}` is compared with nothing", hint=HINT)
        found: list[Condition] = []
        for operator, value in tests.items():
            if operator == "$not":
                found.append(Opposite(self._negated(key, value, depth + 1)))
            else:
                self._count(tests=1)
                found.append(self._test(key, operator, value))
        return found[0] if len(found) == 1 else Every(tuple(found))

    def _negated(self, key: str, value: Any, depth: int) -> Condition:
        if not isinstance(value, Mapping):
            raise BadInput(f"`$not` of `{key}` takes an object with operators, not {_named(value)}", hint=HINT)
        _check_depth(depth)
        return self._tests(key, value, depth)

    def _test(self, key: str, operator: Any, value: Any) -> Condition:
        if operator in ("$eq", "$ne"):
            return _opposite_if(operator == "$ne", OneOf(key, *self._split(key, operator, [value])))
        if operator in ("$in", "$nin"):
            if not isinstance(value, _LISTS):
                raise BadInput(f"`{operator}` of `{key}` takes a list, not {_named(value)}", hint=HINT)
            self._count(values=len(value))
            return _opposite_if(operator == "$nin", OneOf(key, *self._split(key, operator, value)))
        if operator == "$exists":
            if not isinstance(value, bool):
                raise BadInput(f"`$exists` of `{key}` takes true or false, not {_named(value)}", hint=HINT)
            return _opposite_if(value, OneOf(key, none=True))
        if operator in _SYMBOLS and key != AUDIENCE:
            return self._ordered(key, operator, value)
        hint = _LABEL_HINT if key == AUDIENCE else HINT
        raise BadInput(f"{operator!r:.100} of `{key}` is not a filter operator", hint=hint)

    def _split(self, key: str, operator: str, values: Iterable[Any]) -> tuple[tuple[Scalar, ...], bool]:
        """Return the values other than `None`, and whether `None` is among them."""
        found, none = [], False
        for value in values:
            if value is None:
                none = True
            elif not isinstance(value, str) and (key in COLUMNS or key == AUDIENCE):
                hint = _LABEL_HINT if key == AUDIENCE else HINT
                raise BadInput(f"`{operator}` of `{key}` takes texts, not {_named(value)}", hint=hint)
            else:
                found.append(_scalar(key, operator, value))
        return tuple(found), none

    def _ordered(self, key: str, operator: str, value: Any) -> Condition:
        if value is None or isinstance(value, bool):
            raise BadInput(f"`{operator}` of `{key}` takes a number or a text, not {_named(value)}", hint=HINT)
        if key in COLUMNS and not isinstance(value, str):
            raise BadInput(f"`{operator}` of `{key}` takes a text, not {_named(value)}", hint=HINT)
        found = _scalar(key, operator, value)
        if found == "":  # which Oracle Database cannot compare: empty text is NULL there
            empty = OneOf(key, ("",))
            meanings: dict[str, Condition] = {
                "$gt": Every((IsText(key), Opposite(empty))),
                "$gte": IsText(key),
                "$lt": Some(),
                "$lte": empty,
            }
            return meanings[operator]
        return Ordered(key, _SYMBOLS[operator], found)

    def _count(self, tests: int = 0, values: int = 0) -> None:
        self.tests += tests
        self.values += values
        if self.tests > MOST_TESTS or self.values > MOST_VALUES:
            raise BadInput(
                f"the filter has more than {MOST_TESTS} tests or {MOST_VALUES:,} values", hint="ask several times"
            )


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise BadInput(f"the filter has more than {DEEPEST} filters within each other", hint="write it flatter")


def _opposite_if(wanted: bool, condition: Condition) -> Condition:
    return Opposite(condition) if wanted else condition


def _scalar(key: str, operator: str, value: Any) -> Scalar:
    if isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):  # no database can store it
            raise BadInput(f"a text for `{operator}` of `{key}` is not valid Unicode", hint=HINT)
        if len(value) > MOST_CHARS:
            raise BadInput(f"a text for `{operator}` of `{key}` has more than {MOST_CHARS:,} characters", hint=HINT)
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"`{operator}` of `{key}` takes numbers that JSON knows, not {value!r}", hint=HINT)
    if isinstance(value, int | float):
        return bindable(value)
    raise BadInput(f"`{operator}` of `{key}` takes texts, numbers, true, false or null, not {_named(value)}", hint=HINT)


def bindable(value: int | float) -> int | float:
    """Return a number that databases accept: an integer beyond 64 bits becomes the nearest float.

    Raises:
        BadInput: the integer is too large for a float as well.
    """
    if not isinstance(value, int) or abs(value) <= _MAX_INT:
        return value
    try:
        return float(value)
    except OverflowError:
        raise BadInput("a number in the filter is too large", hint=HINT) from None


def _named(value: Any) -> str:
    """Return what JSON calls a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a number", float: "a number"}
    if isinstance(value, Mapping):
        return "an object" if value else "an empty object"
    if isinstance(value, _LISTS):
        return "a list" if value else "an empty list"
    return names.get(type(value), type(value).__name__)
