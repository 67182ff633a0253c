"""The OpenAPI document: what FastAPI derives from the routes, with the events of streams.

FastAPI describes the events of a route that yields them itself. Ours come from runs that outlive their requests, so
their types are added here. The clients in `clients/` are generated from this document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import TypeAdapter

from experience.http.ingest_events import INGEST_EVENT
from experience.service.events import RUN_EVENT

_REF = "#/components/schemas/"
_NAMED = re.compile(re.escape(_REF) + r"(\w+)")


class Api(FastAPI):
    """An application with a complete OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI `document` with the events of streams, and with what holds for every answer.

    An answer always has all of its fields, also those with a default. And a later version may send more of them, so
    that a client must not refuse what it does not know.
    """
    schemas = {**_events(), **document["components"]["schemas"]}
    asked = _reachable([each.get("requestBody", {}) for each in _operations(document)], schemas)
    answers = {name: _as_sent(schema) for name, schema in schemas.items() if name not in asked}
    components = {**document["components"], "schemas": dict(sorted({**schemas, **answers}.items()))}
    return {**document, "components": components}


def _events() -> dict[str, Any]:
    kinds: list[tuple[str, Literal["serialization"], TypeAdapter[Any]]] = [
        ("RunEvent", "serialization", RUN_EVENT),
        ("IngestEvent", "serialization", INGEST_EVENT),
    ]
    whole, parts = TypeAdapter.json_schemas(kinds, ref_template=_REF + "{model}")
    return {**parts["$defs"], **{str(name): schema for (name, _), schema in whole.items()}}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for of in document["paths"].values() for operation in of.values())


def _reachable(given: Any, schemas: dict[str, Any]) -> set[str]:
    """Return the names of the schemas that `given` refers to, and those that they refer to."""
    found: set[str] = set()
    waiting = set(_NAMED.findall(str(given)))
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(_NAMED.findall(str(schemas[name]))) - found
    return found


def _as_sent(schema: dict[str, Any]) -> dict[str, Any]:
    if "properties" not in schema:
        return schema
    kept = {key: value for key, value in schema.items() if (key, value) != ("additionalProperties", False)}
    return {**kept, "required": list(schema["properties"])}
