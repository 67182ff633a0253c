"""What the extractive and the scripted model share: results with usage figures, chunks, and parsing into a schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.output_parsers import PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel

_CHARS_PER_TOKEN = 4
_PIECES = re.compile(r"\S+\s*|\s+")


def usage_of(messages: Sequence[BaseMessage], content: str) -> UsageMetadata:
    """Return a count of four characters to the token, at least one for each side."""
    asked = max(1, sum(len(str(message.text)) for message in messages) // _CHARS_PER_TOKEN)
    answered = max(1, len(content) // _CHARS_PER_TOKEN)
    return UsageMetadata(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)


def chat_result(
    content: str, usage: UsageMetadata | None, *, model_name: str, finish_reason: str = "stop"
) -> ChatResult:
    """Return `content` as the one generation of a call."""
    metadata = {"finish_reason": finish_reason, "model_name": model_name, "model_provider": "sixplane"}
    message = AIMessage(content=content, response_metadata=metadata, usage_metadata=usage)
    return ChatResult(generations=[ChatGeneration(message=message, generation_info={"finish_reason": finish_reason})])


def cut_at(content: str, stop: Sequence[str] | None) -> str:
    """Return `content` up to the first of the `stop` texts."""
    return min((content.partition(end)[0] for end in stop or [] if end), key=len, default=content)


def chunks(result: ChatResult) -> Iterator[ChatGenerationChunk]:
    """Return `result` word by word; the last chunk carries usage and metadata."""
    message = result.generations[0].message
    if not isinstance(message, AIMessage):
        raise TypeError(f"a chat result holds {type(message).__name__!r}, not an `AIMessage`")
    for piece in _PIECES.findall(str(message.text)):
        yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
    yield ChatGenerationChunk(
        message=AIMessageChunk(
            content="",
            response_metadata=message.response_metadata,
            usage_metadata=message.usage_metadata,
            chunk_position="last",
        ),
    )


def structured(
    model: Runnable[LanguageModelInput, Any], schema: type[BaseModel], *, include_raw: bool
) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
    """Return `model` followed by plain JSON parsing into `schema`.

    With `include_raw` the answer is a `dict` with `raw`, `parsed` and `parsing_error`; without it a malformed answer
    raises `OutputParserException`.
    """
    return _Structured(model, PydanticOutputParser(pydantic_object=schema), include_raw=include_raw)


class _Structured(Runnable[LanguageModelInput, dict[str, Any] | BaseModel]):
    """A model and the parser of its answers. One step: a chain would inspect and schedule each part at every call."""

    def __init__(
        self, model: Runnable[LanguageModelInput, Any], parser: PydanticOutputParser[Any], *, include_raw: bool
    ) -> None:
        self._model, self._parser, self._include_raw = model, parser, include_raw

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the interface
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> dict[str, Any] | BaseModel:
        return self._parsed(self._model.invoke(input, config, **kwargs))

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the interface
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> dict[str, Any] | BaseModel:
        return self._parsed(await self._model.ainvoke(input, config, **kwargs))

    def _parsed(self, message: BaseMessage) -> dict[str, Any] | BaseModel:
        generation: list[Generation] = [ChatGeneration(message=message)]
        if not self._include_raw:
            return cast("BaseModel", self._parser.parse_result(generation))
        try:
            return {"raw": message, "parsed": self._parser.parse_result(generation), "parsing_error": None}
        except OutputParserException as error:
            return {"raw": message, "parsed": None, "parsing_error": error}
