"""Compares what a stack wants with what OCI returns.

OCI may leave fields out, and add some: neither is a difference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MASKED = re.compile(r"\*+")
_KEYS = ("name", "environment_variable_key")
"""What tells the entries of a list apart: the service need not keep their order."""


def differing(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields of which OCI returns something else, the values of variables left out.

    Args:
        wanted: fields and values; a value of `None`, at any depth, wants nothing.
        found: what OCI returned; a field that is missing or `None` is not known to differ.
    """
    told: list[str] = []
    for name, value in wanted.items():
        other = found.get(name)
        if value is None or other is None:
            continue
        if _is_keyed(value) or _is_keyed(other):
            told += [f"{name}.{key}" for key in _differing_entries(value, other)]
        elif not _same(value, other):
            told.append(name)
    return told


def _is_keyed(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping) and bool(_key(value[0]))


def _key(entry: Mapping[str, Any]) -> str:
    return str(next((entry[key] for key in _KEYS if entry.get(key)), ""))


def _differing_entries(wanted: list[Any], found: list[Any]) -> list[str]:
    ours, theirs = ({_key(entry): entry for entry in entries} for entries in (wanted, found))
    return [
        key
        for key in sorted({*ours, *theirs})
        if key not in ours or key not in theirs or not _same(_comparable(ours[key]), theirs[key])
    ]


def _comparable(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry without what need not come back as it was sent: the secret of a variable."""
    return {**entry, "value": None} if entry.get("type") == "VAULT" else entry


def _same(wanted: Any, found: Any) -> bool:
    if wanted is None or (isinstance(found, str) and _MASKED.fullmatch(found)):
        return True
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(_same(value, found.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return sorted(map(str, wanted)) == sorted(map(str, found))
    return bool(wanted == found)
