"""The base of the chat models that answer in this process, without a provider: the extractive and the scripted one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, ClassVar, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.output_parsers import PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel

from gateway.structure import Answer, StructuredModel
from gateway.token_estimates import TYPICAL_CHARS_PER_TOKEN
from state.errors import UnsupportedSchema

_PIECES = re.compile(r"\S+\s*|\s+")


class LocalChatModel(BaseChatModel):
    """Streams the answer of `_generate` word by word, and parses it into a schema. Subclasses implement `_generate`."""

    takes_schema_names: ClassVar[bool] = True
    """Whether a call may name the schema that is wanted, as `role_schema`: then the gateway alone parses the answer."""

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _chunks(self._generate(messages, stop, **kwargs)):
            if run_manager:
                run_manager.on_llm_new_token(str(chunk.text), chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(await self._agenerate(messages, stop, **kwargs)):
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.text), chunk=chunk)
            yield chunk

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Answer]:
        """Return a runnable that parses the answer's JSON into the Pydantic model `schema`; `kwargs` are ignored.

        Raises:
            UnsupportedSchema: `schema` is not a Pydantic model.
        """
        del kwargs
        if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
            raise UnsupportedSchema(f"the model {self._llm_type!r} parses into Pydantic models only")
        return self._structured(schema, include_raw=include_raw)

    def _structured(self, schema: type[BaseModel], *, include_raw: bool) -> Runnable[LanguageModelInput, Answer]:
        """Return this model followed by JSON parsing into `schema`.

        With `include_raw` the answer is a `dict` with `raw`, `parsed` and `parsing_error`; without it, an answer that
        does not fit raises `OutputParserException`.
        """
        parser: PydanticOutputParser[Any] = PydanticOutputParser(pydantic_object=schema)
        # Given with each call: `bind` would merge its configuration each time.
        named: dict[str, Any] = {"role_schema": schema.__name__}

        def answer(prompt: LanguageModelInput, config: RunnableConfig | None, **options: Any) -> Answer:
            return _parsed(self.invoke(prompt, config, **named, **options), parser, include_raw=include_raw)

        async def aanswer(prompt: LanguageModelInput, config: RunnableConfig | None, **options: Any) -> Answer:
            return _parsed(await self.ainvoke(prompt, config, **named, **options), parser, include_raw=include_raw)

        return StructuredModel(answer, aanswer)


def usage_of(messages: Sequence[BaseMessage], content: str) -> UsageMetadata:
    """Return estimated token counts, at least one for prompt and answer each."""
    asked = max(1, sum(len(str(message.text)) for message in messages) // TYPICAL_CHARS_PER_TOKEN)
    answered = max(1, len(content) // TYPICAL_CHARS_PER_TOKEN)
    return UsageMetadata(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)


def chat_result(
    content: str, usage: UsageMetadata | None, *, model_name: str, finish_reason: str = "stop"
) -> ChatResult:
    """Return `content` as the only generation of a call."""
    metadata = {"finish_reason": finish_reason, "model_name": model_name, "model_provider": "sixplane"}
    message = AIMessage(content=content, response_metadata=metadata, usage_metadata=usage)
    return ChatResult(generations=[ChatGeneration(message=message, generation_info={"finish_reason": finish_reason})])


def cut_at(content: str, stop: Sequence[str] | None) -> str:
    """Return `content` up to the first occurrence of any of the `stop` texts."""
    return min((content.partition(end)[0] for end in stop or [] if end), key=len, default=content)


def _chunks(result: ChatResult) -> Iterator[ChatGenerationChunk]:
    """Yield `result` word by word, then an empty last chunk with usage and metadata."""
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


def _parsed(message: BaseMessage, parser: PydanticOutputParser[Any], *, include_raw: bool) -> Answer:
    generation: list[Generation] = [ChatGeneration(message=message)]
    if not include_raw:
        return cast("BaseModel", parser.parse_result(generation))
    try:
        return {"raw": message, "parsed": parser.parse_result(generation), "parsing_error": None}
    except (OutputParserException, RecursionError) as error:  # a JSON value may be nested thousands of levels deep
        return {"raw": message, "parsed": None, "parsing_error": error}
