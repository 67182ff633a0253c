"""Structured answers: asking for a schema, and parsing the text of a chat model into it.

Parsing tolerates code fences and prose around the JSON object, and is strict about what the object holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Sequence
from typing import Any, Protocol, TypeVar

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel, ValidationError

Schema = TypeVar("Schema", bound=BaseModel)
Answer = dict[str, Any] | BaseModel
Returned = TypeVar("Returned", covariant=True)

_TRUNCATED = frozenset({"length", "max_tokens", "MAX_TOKENS"})
_STARTS = re.compile(r"\A[^{]*\{|^\{", re.MULTILINE)
_DECODER = json.JSONDecoder(strict=False)  # models put raw line breaks into JSON strings


class _Ask(Protocol[Returned]):
    def __call__(self, prompt: LanguageModelInput, config: RunnableConfig | None, **options: Any) -> Returned: ...


class StructuredModel(Runnable[LanguageModelInput, Answer]):
    """A chat model and the parser of its answers, as one runnable.

    It is a single step on purpose: a chain of model and parser would inspect and schedule each part at every call.

    Args:
        ask: asks the model and parses its answer.
        aask: the same, asynchronously.
    """

    def __init__(self, ask: _Ask[Answer], aask: _Ask[Awaitable[Answer]]) -> None:
        self._ask, self._aask = ask, aask

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's interface names it so
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Answer:
        """Return the parsed answer to `input`."""
        return self._ask(input, config, **kwargs)

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's interface names it so
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Answer:
        """Return the parsed answer to `input`."""
        return await self._aask(input, config, **kwargs)


class SchemaFault(ValueError):
    """An answer does not fit. `detail` tells the model what to correct; `summary` never quotes the answer."""

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(summary)
        self.summary, self.detail = summary, detail


def with_schema_prompt(messages: Sequence[BaseMessage], schema: type[BaseModel]) -> list[BaseMessage]:
    """Return `messages` with the JSON schema in the system prompt, for servers that do not support schemas."""
    spelled = json.dumps(schema.model_json_schema(), ensure_ascii=False, separators=(",", ":"))
    wanted = SystemMessage(f"Answer with one JSON object that fits this JSON schema, and with nothing else:\n{spelled}")
    at = next((n for n, message in enumerate(messages) if not isinstance(message, SystemMessage)), len(messages))
    system = "\n\n".join(message.text for message in [*messages[:at], wanted])
    return [SystemMessage(system), *messages[at:]]


def parse_answer(schema: type[Schema], answer: AIMessage) -> Schema:
    """Return the answer as `schema`: the last JSON object in its text that fits.

    The last, because models that think aloud draft earlier versions first.

    Raises:
        SchemaFault: the answer is truncated, contains no JSON object, or none that fits.
    """
    if answer.response_metadata.get("finish_reason") in _TRUNCATED:
        raise SchemaFault("it was cut off at the longest output", "The answer was cut off; make it shorter.")
    fault = SchemaFault("it is not JSON", "It is not a JSON object.")
    for value in reversed(_objects_in(answer.text)):
        try:
            return schema.model_validate(value)
        except ValidationError as error:
            fault = _fault(schema, error)
    raise fault


def _objects_in(text: str) -> list[Any]:
    """Return the JSON objects in `text`, which weak models wrap in prose, thoughts or a code fence.

    An object starts at the first brace or at the start of a line. A brace within a line is ignored: it would be the
    inner part of a broken object.
    """
    found: list[Any] = []
    end = 0
    for start in [match.end() - 1 for match in _STARTS.finditer(text)]:
        if start >= end:
            try:
                value, end = _DECODER.raw_decode(text, start)
            except (ValueError, RecursionError):
                continue
            found.append(value)
    return found


def _fault(schema: type[BaseModel], error: ValidationError) -> SchemaFault:
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return SchemaFault(f"it does not fit `{schema.__name__}`", f"{'; '.join(faults[:5])}.")
