"""JSON schemas in the form that OCI's structured output accepts: no `$ref`, no `anyOf`, every field required.

langchain-oci 0.4.0 inlines `$ref` but sends the `anyOf` of optional fields unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_UNION = ("anyOf", "oneOf")


def wire_schema(schema: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    """Return `schema` without references and optional unions, closed and with every property required.

    An optional field becomes a required one of its type: the service refuses or ignores `anyOf`.

    Raises:
        ValueError: the schema refers to itself, or to something outside it.
    """
    source = schema.model_json_schema() if isinstance(schema, type) else dict(schema)
    inlined = _inlined(source, source.get("$defs", {}), ())
    if not isinstance(inlined, dict):
        raise TypeError("a JSON schema is an object")
    return inlined


def _inlined(node: Any, definitions: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, definitions, within) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = str(node["$ref"]).removeprefix("#/$defs/")
        if name in within or name not in definitions:
            raise ValueError(f"the schema's reference {node['$ref']!r} cannot be inlined")
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _inlined({**definitions[name], **rest}, definitions, (*within, name))
    node = _without_null(node)
    if "$ref" in node:
        return _inlined(node, definitions, within)
    return _closed(
        {
            key: (
                {name: _inlined(each, definitions, within) for name, each in value.items()}
                if key == "properties"
                else _inlined(value, definitions, within)
            )
            for key, value in node.items()
            if key not in ("$defs", "default")
        }
    )


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """Return `node` with an optional union replaced by its first alternative that is not null."""
    union = next((key for key in _UNION if key in node), None)
    if union is None:
        return node
    kinds = [kind for kind in node[union] if kind.get("type") != "null"]
    rest = {key: value for key, value in node.items() if key != union}
    return {**rest, **(kinds[0] if kinds else {"type": "string"})}


def _closed(node: dict[str, Any]) -> dict[str, Any]:
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        return {**node, "required": list(node["properties"]), "additionalProperties": False}
    return node
