"""Structured answers: asking for a schema, and parsing the text of a chat model into it.

Parsing tolerates code fences, thoughts and prose around the JSON object, and in the object what `leniency` puts right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel, ValidationError

from gateway.bare_text import CUT_OFF, bare_field, unwrapped, without_thoughts
from gateway.echoes import echoes_text, echoes_value
from gateway.leniency import fitted
from gateway.schemas import model_schema, schema_in_words

Schema = TypeVar("Schema", bound=BaseModel)
Answer = dict[str, Any] | BaseModel
Returned = TypeVar("Returned", covariant=True)

SCHEMA_PROMPT = "Answer with one JSON object that fits this JSON schema, and with nothing else:"

_SHOWN_CHARS = 80
"""How much of an answer a repair shows beside each fault. A chosen value: enough to find the place."""

_TRUNCATED = frozenset({"length", "max_tokens", "MAX_TOKENS"})
_STARTS = re.compile(r"\A[^{]*\{|^\{", re.MULTILINE)
_JSON_ALONE = re.compile(r"\{|\[\s*\{|```(?:json)?\s*\{[^`]*```\Z")
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
    """Return `messages` with the JSON schema in the system prompt, for servers that do not show it to the model."""
    wanted = SystemMessage(f"{SCHEMA_PROMPT}\n{schema_in_words(schema)}")
    at = next((n for n, message in enumerate(messages) if not isinstance(message, SystemMessage)), len(messages))
    system = "\n\n".join(message.text for message in [*messages[:at], wanted])
    return [SystemMessage(system), *messages[at:]]


def is_cut_off(answer: AIMessage) -> bool:
    """Return whether an answer ended at the longest output instead of by itself."""
    return answer.response_metadata.get("finish_reason") in _TRUNCATED


def parse_answer(schema: type[Schema], answer: AIMessage, prompt: Sequence[BaseMessage] = ()) -> Schema:
    """Return the answer as `schema`: the last JSON object in its text that fits, or the text itself.

    The last, because models that think aloud draft earlier versions first. The text itself, if the schema has a field
    for it (`bare_text`).

    Args:
        schema: what is wanted.
        answer: the model's message.
        prompt: the messages that it answers, to tell an answer from an echo of them.

    Raises:
        SchemaFault: the answer is cut off, does not fit, or repeats the prompt.
    """
    if is_cut_off(answer):
        raise SchemaFault("it was cut off at the longest output", "The answer was cut off; make it shorter.")
    field = bare_field(schema)
    if not field:
        return _of_json(schema, answer.text, prompt)
    found = _of_text(schema, field, answer.text, prompt)
    return found.model_copy(update={CUT_OFF: True}) if answer.response_metadata.get(CUT_OFF) else found


def further_text(schema: type[BaseModel], answer: AIMessage) -> str:
    """Return the text with which a model goes on; empty if it is JSON in which the bare text is missing."""
    said = without_thoughts(answer.text).strip()
    told = _in_object(said, bare_field(schema))
    return told if told or _JSON_ALONE.match(said) else answer.text


def _of_json(schema: type[Schema], text: str, prompt: Sequence[BaseMessage]) -> Schema:
    said = without_thoughts(text)
    objects = _objects_in(said or text)
    if not objects:
        raise SchemaFault("it is not JSON", _not_json(said or text))
    faults = []
    for value, _ in reversed(objects):
        try:
            return _fitting(schema, value, prompt)
        except SchemaFault as fault:
            faults.append(fault)
    raise faults[0]


def _of_text(schema: type[Schema], field: str, text: str, prompt: Sequence[BaseMessage]) -> Schema:
    """Return the text as the schema's field, or what its JSON says where it is JSON in spite of the request."""
    said = without_thoughts(text).strip()
    plain = unwrapped(_in_object(said, field) or _unquoted(unwrapped(said)))
    if not plain:
        raise SchemaFault("it says nothing", "It says nothing.")
    if _JSON_ALONE.match(plain):
        raise SchemaFault(
            "it is JSON that does not fit", f"It is JSON. Give the value of `{field}` alone, as plain text."
        )
    if echoes_text(plain, prompt, schema_in_words(schema)):
        raise SchemaFault("it repeats its prompt", "It repeats the instructions or the input instead of answering.")
    return _validated(schema, {field: plain})


def _fitting(schema: type[Schema], value: Any, prompt: Sequence[BaseMessage]) -> Schema:
    try:
        if "type" not in schema.model_fields and echoes_value(value, prompt, schema_in_words(schema)):
            raise SchemaFault(
                "it repeats its prompt", "It repeats the schema or the instructions instead of answering."
            )
        return _validated(schema, fitted(value, model_schema(schema)))
    except RecursionError as error:  # the decoder goes deeper than Python functions do
        raise SchemaFault("it is nested too deeply", "It is nested too deeply.") from error


def _validated(schema: type[Schema], value: Any) -> Schema:
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise _fault(schema, error) from error


def _objects_in(text: str) -> list[tuple[dict[str, Any], int]]:
    """Return the JSON objects in `text` with their lengths; weak models wrap them in prose, thoughts or a code fence.

    An object starts at the first brace or at the start of a line. A brace within a line is ignored: it would be the
    inner part of a broken object.
    """
    found: list[tuple[dict[str, Any], int]] = []
    end = 0
    for start in [match.end() - 1 for match in _STARTS.finditer(text)]:
        if start >= end:
            try:
                value, end = _DECODER.raw_decode(text, start)
            except (ValueError, RecursionError):
                continue
            found.append((value, end - start))
    return found


def _in_object(text: str, field: str) -> str:
    """Return the text of `field` in a JSON object that is most of `text`; empty if there is none.

    An object that is less may be part of the answer: an example of a configuration, for instance.
    """
    objects = [(value, size) for value, size in _objects_in(text) if isinstance(value.get(field), str)]
    return str(objects[-1][0][field]) if objects and 2 * objects[-1][1] >= len(text) else ""


def _unquoted(text: str) -> str:
    """Return the text of a JSON string, as some models answer where JSON was no part of the request."""
    if text.startswith('"'):
        try:
            value, end = _DECODER.raw_decode(text)
        except ValueError:
            return text
        if isinstance(value, str) and end == len(text):
            return value.strip()
    return text


def _not_json(text: str) -> str:
    """Return what is wrong with a text in which no JSON object was found, with the place where it breaks off."""
    start = text.find("{")
    if start < 0:
        return "It holds no JSON object."
    try:
        _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        return f"It is not valid JSON: {error.msg} after `{text[max(start, error.pos - _SHOWN_CHARS) : error.pos]}`."
    except RecursionError:
        return "It is not valid JSON: it is nested too deeply."
    return "It holds no JSON object at the start of a line."


def _fault(schema: type[BaseModel], error: ValidationError) -> SchemaFault:
    faults = [_told(fault) for fault in error.errors()]
    return SchemaFault(f"it does not fit `{schema.__name__}`", f"{'; '.join(faults[:5])}.")


def _told(fault: Mapping[str, Any]) -> str:
    """Return one fault with the part of the answer that it concerns."""
    where = ".".join(map(str, fault["loc"]))
    if fault["type"] == "missing":  # its input is the whole object around the place
        return f"{where}: {fault['msg']}"
    shown = json.dumps(fault["input"], ensure_ascii=False, default=str)
    return f"{where}: {fault['msg']}, not `{shown[:_SHOWN_CHARS]}{'…' * (len(shown) > _SHOWN_CHARS)}`"
