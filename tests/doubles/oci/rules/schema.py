"""The shape of a request, by the SDK's own models: their names on the wire, types, required fields and enumerations.

`attribute_map` and `swagger_types` say names and types. What is required, and which values an enumeration has, stands
only in the docstrings of the SDK's properties, which Oracle generates from the service's specification.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from oci.generative_ai import models as management
from oci.generative_ai_inference import models

_LIST, _DICT = re.compile(r"list\[(.+)\]"), re.compile(r"dict\(str, (.+)\)")
_ALLOWED = re.compile(r"Allowed values for (?:this property|items in this list) are: (.+)")
_PLAIN = {"str": str, "int": int, "bool": bool, "object": object}


def faults_of(kind: str, body: Any) -> list[str]:
    """Return what is wrong with a request, empty if nothing is.

    Args:
        kind: class name of the request in the SDK, for example `ChatDetails`; of the inference or the management API.
        body: the decoded JSON.
    """
    return list(_faults(kind, body, ""))


def _faults(kind: str, value: Any, path: str) -> Iterator[str]:
    if found := _LIST.fullmatch(kind):
        yield from _each(found[1], dict(enumerate(value)), path) if isinstance(value, list) else _not(path, "a list")
    elif found := _DICT.fullmatch(kind):
        yield from _each(found[1], value, path) if isinstance(value, dict) else _not(path, "an object")
    elif kind == "float":
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        yield from () if number else _not(path, "a number")
    elif kind in _PLAIN:
        fits = isinstance(value, _PLAIN[kind]) and (kind != "int" or not isinstance(value, bool))
        yield from () if fits else _not(path, kind)
    elif not isinstance(value, dict):
        yield from _not(path, "an object")
    else:
        yield from _object(kind, value, path)


def _object(kind: str, value: dict[str, Any], path: str) -> Iterator[str]:
    try:
        shape = _shape(_subtype(kind, value))
    except LookupError as error:
        yield f"{path or 'the body'}: no kind of {kind}: {error}"
        return
    for name in value.keys() - shape.keys():
        yield f"{_joined(path, name)}: unknown field"
    for name, (of, required, allowed) in shape.items():
        given = value.get(name)
        if given is None:
            if required:
                yield f"{_joined(path, name)}: required"
            continue
        yield from _faults(of, given, _joined(path, name))
        if allowed:
            wrong = [each for each in (given if isinstance(given, list) else [given]) if each not in allowed]
            yield from (f"{_joined(path, name)}: {each!r} is not one of {', '.join(sorted(allowed))}" for each in wrong)


def _subtype(kind: str, value: dict[str, Any]) -> str:
    """Return the class for `value`. Raises `LookupError` if it says of no kind what it is."""
    if "get_subtype" not in vars(_class(kind)):  # a class without kinds of its own, or one kind of another class
        return kind
    found = str(_class(kind).get_subtype(value))
    if found == kind:
        raise LookupError("unknown")
    return found


@cache
def _shape(kind: str) -> dict[str, tuple[str, bool, frozenset[str]]]:
    """Return type, whether it is required, and allowed values of each field, by its name on the wire."""
    of = _class(kind)
    made = of()
    return {
        made.attribute_map[name]: (type_, "**[Required]**" in _doc(of, name), _allowed(_doc(of, name)))
        for name, type_ in made.swagger_types.items()
    }


def _class(kind: str) -> Any:
    return getattr(models, kind, None) or getattr(management, kind)


def _doc(of: type, name: str) -> str:
    return getattr(of, name).__doc__ or ""


def _allowed(doc: str) -> frozenset[str]:
    found = _ALLOWED.search(doc)
    return frozenset(re.findall(r'"([^"]+)"', found[1])) if found else frozenset()


def _each(kind: str, items: dict[Any, Any], path: str) -> Iterator[str]:
    for name, item in items.items():
        yield from _faults(kind, item, f"{path}.{name}")


def _not(path: str, what: str) -> Iterator[str]:
    yield f"{path or 'the body'}: not {what}"


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
