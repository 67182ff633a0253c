"""From a chat model's text to a schema: tolerant of fences and prose around the JSON, strict about what is in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.utils.json import parse_json_markdown
from pydantic import BaseModel, ValidationError

Schema = TypeVar("Schema", bound=BaseModel)

_TRUNCATED = frozenset({"length", "max_tokens", "MAX_TOKENS"})


class SchemaFault(ValueError):
    """An answer does not fit. `detail` tells the model what to mend; `summary` never quotes the answer."""

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(summary)
        self.summary, self.detail = summary, detail


def with_schema_prompt(messages: Sequence[BaseMessage], schema: type[BaseModel]) -> list[BaseMessage]:
    """Return `messages` with the JSON schema spelled out in the system prompt, for servers that know no schemas."""
    spelled = json.dumps(schema.model_json_schema(), ensure_ascii=False, separators=(",", ":"))
    wanted = SystemMessage(f"Answer with one JSON object that fits this JSON schema, and with nothing else:\n{spelled}")
    at = next((n for n, message in enumerate(messages) if not isinstance(message, SystemMessage)), len(messages))
    system = "\n\n".join(message.text for message in [*messages[:at], wanted])
    return [SystemMessage(system), *messages[at:]]


def parse_answer(schema: type[Schema], answer: AIMessage) -> Schema:
    """Return the answer as `schema`.

    Raises:
        SchemaFault: it is truncated, is no JSON object, or does not fit.
    """
    if answer.response_metadata.get("finish_reason") in _TRUNCATED:
        raise SchemaFault("it was cut off at the longest output", "The answer was cut off; make it shorter.")
    try:
        value = parse_json_markdown(_object_in(answer.text), parser=json.loads)
    except (ValueError, RecursionError) as error:
        raise SchemaFault("it is not JSON", "It is not a JSON object.") from error
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise SchemaFault(f"it does not fit `{schema.__name__}`", "; ".join(faults[:5])) from error


def _object_in(text: str) -> str:
    """Return the outermost JSON object in `text`, which weak models wrap in prose or a code fence."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text
