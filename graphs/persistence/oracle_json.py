"""Which values a JSON column of Oracle Database returns exactly as they were stored."""

from __future__ import annotations

from typing import Any

MAX_EXACT_INTEGER = 10**38
"""NUMBER has 38 digits."""

MAX_KEY_BYTES = 255
"""The driver rejects longer field names (DPY-3020), unless the server announces that it supports them."""


def is_exact_json(value: Any) -> bool:
    """Whether Oracle's JSON column returns `value` unchanged, including all types in it."""
    kind = type(value)
    if kind in (type(None), bool):
        return True
    if kind is str:
        return _encodes(value)
    if kind is int:
        return bool(abs(value) < MAX_EXACT_INTEGER)
    if kind is list:
        return all(map(is_exact_json, value))
    return kind is dict and all(
        type(key) is str and _encodes(key, MAX_KEY_BYTES) and is_exact_json(each) for key, each in value.items()
    )


def _encodes(text: str, longest: int | None = None) -> bool:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return longest is None or size <= longest
