"""What a JSON column of Oracle Database gives back exactly, type by type."""

from __future__ import annotations

from typing import Any

MAX_EXACT_INTEGER = 10**38
"""NUMBER holds 38 digits."""

MAX_KEY_BYTES = 255
"""Longer names of fields are refused by the driver (DPY-3020), unless the server says that it takes them."""


def is_exact_json(value: Any) -> bool:
    """Whether Oracle's JSON column gives `value` back as it is, type by type."""
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
