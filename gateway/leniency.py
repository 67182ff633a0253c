"""What a model's answer may get wrong without harm: it is put right before the answer is validated.

Extra keys are ignored by the schemas themselves. Everything else that does not fit stays as it is, and validation
tells what is wrong with it: a guess at what a model meant could be published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.echoes import is_schema

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def fitted(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return `value`, decoded JSON, as `schema` wants it where that takes no guess.

    - A list of one object for the object, an object for a list of one, a text for a list of one text.
    - `null` for an empty list, and for a field that may be left out.
    - The words of an enumeration in other case or with other separators: `RESEARCH_MORE`, `Research more`.
    - A number as text: `"0.8"`; a text as number, for example the `3` of a claim's id.

    Args:
        value: the decoded answer or a part of it.
        schema: the JSON schema for it, without references.
    """
    if "enum" in schema or "const" in schema:
        return _enumerated(value, schema.get("enum", [schema.get("const")]))
    fit = _FITS.get(str(schema.get("type")))
    return fit(value, schema) if fit else value


def _object(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    properties = schema.get("properties")
    if not isinstance(value, dict) or not isinstance(properties, dict):
        return value
    required = schema.get("required", ())
    return {
        key: fitted(each, properties[key]) if key in properties else each
        for key, each in value.items()
        if each is not None or key in required
    }


def _array(value: Any, schema: Mapping[str, Any]) -> Any:
    items = schema.get("items", {})
    if value is None:
        return []
    if isinstance(value, dict) and items.get("type") == "object" and not is_schema(value):
        value = [value]
    if isinstance(value, str) and items.get("type") == "string":
        value = [value] if value.strip() else []
    return [fitted(each, items) for each in value if each is not None] if isinstance(value, list) else value


def _number(value: Any, _: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    return value


def _text(value: Any, _: Mapping[str, Any]) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _enumerated(value: Any, options: Any) -> Any:
    """Return the option that has the same words as `value`."""
    if not isinstance(value, str):
        return value
    return next((option for option in options if _words(str(option)) == _words(value)), value)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


_FITS = {"object": _object, "array": _array, "number": _number, "integer": _number, "string": _text}
