"""The OpenAPI document that the clients are generated from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from experience.http.app import create_app
from experience.http.problems import MEDIA_TYPE
from policy.identity import Principal
from settings import Settings
from state.errors import Unauthenticated

LEFT_OUT = {"openai"}
"""Tags without methods in the clients: OpenAI's own clients call these routes."""

ALIASES = {"probeLive", "probeReady"}
"""Operations that have a second path, for platforms that probe it. The clients have the first."""

# What the server checks, and names the reason for, is no concern of a type; titles repeat the names of fields. Defaults
# are the server's: a client that sent its own would keep those of the version that it was made from.
_NO_TYPE = {"default", "title", "pattern", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"}
_NO_TYPE |= {"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "contains", "propertyNames", "contentMediaType"}
_REF = re.compile(r"#/components/schemas/(\w+)")


async def _nobody(_header: str | None, _address: str) -> Principal:
    raise Unauthenticated("this application only describes itself")


@cache
def openapi_text() -> str:
    """Return the document of a server with default settings, as JSON."""
    # `model_construct` reads neither the environment nor a file: the document is the same everywhere.
    document = create_app(Settings.model_construct(), _nobody).openapi()
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def openapi_document() -> dict[str, Any]:
    """Return the document, newly parsed."""
    document: dict[str, Any] = json.loads(openapi_text())
    return document


@dataclass(frozen=True)
class Operation:
    """An operation that the clients have a method for."""

    method: str
    path: str
    described: dict[str, Any]

    @property
    def id(self) -> str:
        """The operation's id, in camel case."""
        name: str = self.described["operationId"]
        return name

    @property
    def responses(self) -> dict[str, Any]:
        """The responses by status."""
        responses: dict[str, Any] = self.described["responses"]
        return responses


def operations() -> Iterator[Operation]:
    """Yield the operations of the clients in the order of the document."""
    for path, of in openapi_document()["paths"].items():
        for method, described in of.items():
            if not LEFT_OUT & set(described["tags"]) and described["operationId"] not in ALIASES:
                yield Operation(method.upper(), path, described)


def client_document() -> dict[str, Any]:
    """Return the document of the clients' operations, without what is no concern of a type."""
    document, paths = openapi_document(), dict[str, Any]()
    for each in operations():
        described = {**_typed(each.described), "responses": _with_one_problem(_typed(each.responses))}
        paths.setdefault(each.path, {})[each.method.lower()] = described
    schemas = {name: _typed(schema) for name, schema in document["components"]["schemas"].items()}
    wanted, found = set(_REF.findall(str(paths))), dict[str, Any]()
    while wanted:
        name = wanted.pop()
        found[name] = schemas[name]
        wanted |= set(_REF.findall(str(found[name]))) - set(found)
    components = {"schemas": dict(sorted(found.items())), "securitySchemes": document["components"]["securitySchemes"]}
    return {"openapi": document["openapi"], "info": document["info"], "paths": paths, "components": components}


def _with_one_problem(responses: dict[str, Any]) -> dict[str, Any]:
    """Return responses with one for all problems: their statuses are the same for every operation."""
    answers = {status: each for status, each in responses.items() if MEDIA_TYPE not in each.get("content", {})}
    problems = [each for status, each in responses.items() if status not in answers]
    return {**answers, "default": {**problems[0], "description": "A problem."}} if problems else answers


def _typed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_typed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "patternProperties" in schema:  # free names: a filter on metadata
        return {"type": "object", "additionalProperties": True, "description": schema.get("description", "")}
    kept = {key: value for key, value in schema.items() if key not in _NO_TYPE}
    # A property may have the name of a keyword: `title` of a document.
    named = {key: {name: _typed(each) for name, each in kept[key].items()} for key in ("properties",) if key in kept}
    return {**{key: _typed(value) for key, value in kept.items() if key not in named}, **named}
