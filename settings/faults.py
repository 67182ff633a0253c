"""What a validation found, in words for the person who wrote the value: which field, and what it must be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

# By pydantic's types of errors. Its own words ("Extra inputs are not permitted") speak of code, not of a file.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match `{pattern}`",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
}


def words_of(fault: Mapping[str, Any]) -> str:
    """Return what is wrong with a field: `must be a number`. What pydantic alone has words for is told in its own.

    Args:
        fault: one of `ValidationError.errors()`.
    """
    words = _WORDS.get(fault["type"])
    if words is None:
        return str(fault["msg"]).removeprefix("Value error, ")
    limits = {name: _plain(limit) for name, limit in fault.get("ctx", {}).items()}
    return words.format(**limits).replace(" 1 characters", " 1 character").replace(" 1 entries", " 1 entry")


def fault_of(where: str, fault: Mapping[str, Any]) -> str:
    """Return what is wrong with the field `where`, as a sentence that begins with its name."""
    return f"{where} {words_of(fault)}" if fault["type"] in _WORDS else f"{where}: {words_of(fault)}"


def faults_of(
    error: Exception, *, within: str = "", whole: str = "it", known: Collection[str] = (), limit: int | None = None
) -> str:
    """Return each fault with the field that has it; values, which may be secrets or personal data, are left out.

    Args:
        error: a `ValidationError`; the text of another error is returned as it is.
        within: the name of what was validated, if it is a field itself.
        whole: what to call all that was validated, where no field of it is at fault.
        known: the names of the fields; the one that is like an unknown name is told.
        limit: how many faults are told; all if it is `None`.
    """
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(_told(fault, within, whole, known) for fault in error.errors()[:limit])


def _plain(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit  # `1`, not `1.0`


def _told(fault: Mapping[str, Any], within: str, whole: str, known: Collection[str]) -> str:
    path = [str(part) for part in fault["loc"]]
    where = ".".join([*filter(None, [within]), *path])
    near = get_close_matches(path[-1], known, 1) if fault["type"] == "extra_forbidden" else []
    return fault_of(f"`{where}`" if where else whole, fault) + (f"; did you mean `{near[0]}`?" if near else "")
