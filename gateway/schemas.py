"""JSON schemas of answers, in the forms in which they are sent as a field of a request, and spelled in a prompt.

No form holds a reference: langchain-oci 0.4.0 inlines `$ref` but sends the `anyOf` of optional fields unchanged, and a
small model cannot follow one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

_UNION = ("anyOf", "oneOf")
_DATA = frozenset({"const", "default", "enum", "examples", "required"})
"""Keywords whose value is no schema."""

_NEVER_SENT = frozenset(
    ("default", "format", "maxLength", "maximum", "minLength", "minimum", "multipleOf", "pattern")
) | {"exclusiveMaximum", "exclusiveMinimum"}
"""Keywords that strict OpenAI-compatible servers refuse, or that some refuse. Answers are validated here anyway."""

BOUNDS = ("minItems", "maxItems")
"""Sent until a server refuses them: under a grammar, they end the list of a model that would go on for ever."""


def wire_schema(schema: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    """Return `schema` without references and optional unions, closed and with every property required.

    An optional field becomes a required one of its type: OCI refuses or ignores `anyOf`. What a class gives is cached:
    do not change it.

    Raises:
        ValueError: the schema refers to itself, or to something outside it.
    """
    return _wire_schema(schema) if isinstance(schema, type) else _mapped(inlined_schema(schema), _closed)


@cache
def _wire_schema(schema: type[BaseModel]) -> dict[str, Any]:
    return _mapped(model_schema(schema), _closed)


@cache
def wire_text(schema: type[BaseModel]) -> str:
    """Return `wire_schema` as text: what a provider is sent beside the messages, and may bill."""
    return json.dumps(wire_schema(schema))


@cache
def strict_schema(schema: type[BaseModel], without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return `wire_schema` with only the keywords that strict servers take, and without those in `without`.

    It is cached: do not change it.
    """
    left_out = _NEVER_SENT | without
    return _mapped(wire_schema(schema), lambda node: {key: node[key] for key in node if key not in left_out})


@cache
def schema_in_words(schema: type[BaseModel]) -> str:
    """Return the JSON schema as compact text for a prompt: types, descriptions and what is required."""
    inlined = inlined_schema(schema)
    told = _mapped(inlined, lambda node: {key: node[key] for key in node if key not in ("title", "default")})
    titled = {"title": schema.__name__, **told}
    return json.dumps(titled, ensure_ascii=False, separators=(",", ":"))


@cache
def model_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return the inlined JSON schema of a class. Cached: making it takes longer than a call's bookkeeping."""
    return inlined_schema(schema)


def inlined_schema(schema: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    """Return `schema` without references, and with each optional union replaced by its first type that is not null.

    Raises:
        ValueError: the schema refers to itself, or to something outside it.
    """
    source = schema.model_json_schema() if isinstance(schema, type) else dict(schema)
    return _inlined({key: source[key] for key in source if key != "$defs"}, source.get("$defs", {}), ())


def _inlined(node: dict[str, Any], definitions: Mapping[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
    while "$ref" in node or any(key in node for key in _UNION):
        if "$ref" not in node:
            node = _without_null(node)
            continue
        name = str(node["$ref"]).removeprefix("#/$defs/")
        if name in within or name not in definitions:
            raise ValueError(f"the schema's reference {node['$ref']!r} cannot be inlined")
        node = {**definitions[name], **{key: value for key, value in node.items() if key != "$ref"}}
        within = (*within, name)
    return _children(node, lambda child: _inlined(child, definitions, within))


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    union = next(key for key in _UNION if key in node)
    kinds = [kind for kind in node[union] if kind.get("type") != "null"]
    rest = {key: value for key, value in node.items() if key != union}
    return {**rest, **(kinds[0] if kinds else {"type": "string"})}


def _closed(node: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in node.items() if key != "default"}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        return {**kept, "required": list(node["properties"]), "additionalProperties": False}
    return kept


def _mapped(node: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Return the schema with `change` applied to every schema in it."""
    return _children(change(node), lambda child: _mapped(child, change))


def _children(node: Mapping[str, Any], change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Return the schema with `change` applied to the schemas directly below it."""

    def below(key: str, value: Any) -> Any:
        if key in _DATA:
            return value
        if key == "properties" and isinstance(value, dict):
            return {name: change(child) for name, child in value.items()}
        if isinstance(value, list):
            return [change(each) if isinstance(each, dict) else each for each in value]
        return change(value) if isinstance(value, dict) else value

    return {key: below(key, value) for key, value in node.items()}
