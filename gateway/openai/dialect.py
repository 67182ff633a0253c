"""Which optional request fields an endpoint accepts, on chat completions and on Responses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from gateway.catalog import ModelEntry
from gateway.catalog.compatible import CHAT, RESPONSES
from gateway.ledger.account import CallScope
from gateway.schemas import BOUNDS, strict_schema

_FORMAT = re.compile(
    r"response[_ ]format|text\.format|json[_ ](?:schema|object|mode|validate)|structured[_ ]output|grammar|guided_"
    r"|invalid schema",
    re.IGNORECASE,
)
"""What servers say when they refuse a response format, or a schema in it. They agree on no error code for it."""


def speaks_openai(entry: ModelEntry) -> bool:
    """Whether a model is asked through one of OpenAI's APIs, whoever serves it."""
    return entry.api_format in (CHAT, RESPONSES)


@dataclass
class Dialect:
    """Which optional request fields an endpoint accepts: all of them, until it refuses one.

    Local servers ignore `max_completion_tokens` and would answer without end; reasoning models refuse `max_tokens`
    and `temperature`. Of the response formats `json_schema` comes first: its grammar makes even a weak model's answer
    parse at once. Some servers know only `json_object`, some neither, and some refuse lengths of lists in a schema.

    Args:
        api_format: of the model's entry; Responses names length and format differently.
        refused: fields that the endpoint has refused.
    """

    api_format: str = CHAT
    refused: set[str] = field(default_factory=set)

    def body(self, scope: CallScope, schema: type[BaseModel] | None) -> dict[str, Any]:
        """Return the optional fields of one request for an answer in `schema`, or in prose."""
        wanted: dict[str, Any] = {self._length(): scope.max_output_tokens, "temperature": scope.temperature}
        kept = {name: value for name, value in wanted.items() if name not in self.refused}
        format_ = self._response_format(schema) if schema else None
        return {**kept, **self._asked(format_)} if format_ else kept

    def format_text(self, schema: type[BaseModel]) -> str:
        """Return the response format of the next request for `schema` as text."""
        return text_of(self._response_format(schema))

    def learns_from(self, error: BaseException, sent: Mapping[str, Any]) -> bool:
        """Return whether `error` refuses something in the body that was `sent`, and remember it.

        What counts is the body: of two requests at once, the second is refused what the first has just learned.
        """
        status, said = getattr(error, "status_code", None), str(error)
        # llama.cpp answers 500 to a schema that it cannot convert, and other servers 501.
        format_ = format_of(sent) if status in (400, 422, 500, 501) and _FORMAT.search(said) else None
        refused = self._refused_of(format_, said) if format_ else set()
        if status in (400, 422) and "nsupported" in said:
            names = (name for name in ("max_tokens", "temperature") if name in sent)
            refused |= {name for name in names if f"'{name}" in said or f'"{name}' in said or f"`{name}" in said}
        self.refused |= refused
        return bool(refused)

    def _length(self) -> str:
        if self.api_format == RESPONSES:
            return "max_output_tokens"
        return "max_completion_tokens" if "max_tokens" in self.refused else "max_tokens"

    def _asked(self, format_: dict[str, Any]) -> dict[str, Any]:
        if self.api_format == RESPONSES:
            return {"text": {"format": {"type": format_["type"], **format_.get("json_schema", {})}}}
        return {"response_format": format_}

    def _response_format(self, schema: type[BaseModel]) -> dict[str, Any] | None:
        if "json_schema" not in self.refused:
            spelled = strict_schema(schema, frozenset(self.refused.intersection(BOUNDS)))
            return {
                "type": "json_schema",
                "json_schema": {"name": schema.__name__, "strict": True, "schema": spelled},
            }
        return None if "json_object" in self.refused else {"type": "json_object"}

    @staticmethod
    def _refused_of(format_: Mapping[str, Any], said: str) -> set[str]:
        """Return the keywords of the schema that the refusal names, else the format as a whole."""
        whole = json.dumps(format_)
        return {word for word in BOUNDS if word in said and f'"{word}"' in whole} or {str(format_["type"])}


def format_of(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the response format of a body, `None` if it asks for prose."""
    found: Mapping[str, Any] | None = body.get("response_format") or (body.get("text") or {}).get("format")
    return found


def text_of(format_: Mapping[str, Any] | None) -> str:
    """Return a response format as it is sent, for counting; empty without one."""
    return json.dumps(format_) if format_ else ""
