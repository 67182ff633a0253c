"""`ChatOCIGenAI` of langchain-oci with our own transport.

Requests (messages, tools, formats) are built by langchain-oci. They are sent by us, through one asynchronous SDK client
per event loop with the retries, breaker, timeouts and proxies of the session. langchain-oci 0.4.0 builds its client
itself, and its two transports have faults that we cannot work around from outside (verified against oci 2.189):

- synchronous: fails on answers without `content-length`, or with a `charset` in `content-type`;
- asynchronous: ignores the given client's retry strategy and breaker, retries 429 eight times over minutes, ignores
  `Retry-After` and proxies, and loses the finish reason and the request id;
- both: turn `<tool_call>` in plain text into tool calls, and return some error events as answers.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, TypeVar

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from langchain_oci import ChatOCIGenAI
from langchain_oci.common.param_compat import drop_unsupported_param, extract_unsupported_param
from oci.exceptions import ServiceError
from oci.generative_ai_inference import models as wire
from opentelemetry import trace
from pydantic import BaseModel, Field

from gateway.oci.cohere_v2 import CohereV2Provider
from gateway.oci.streams import StreamReader
from gateway.oci.wire import answer_of
from gateway.schemas import wire_schema
from gateway.sync import run_sync
from settings.connections.oci_inference import InferenceClients, new_request_id
from state.errors import ModelOutputInvalid

Result = TypeVar("Result")

_DROPPABLE = frozenset({"temperature", "topP", "topK", "frequencyPenalty", "presencePenalty", "seed"})
"""Parameters that may be dropped if a model refuses them. Never a schema, a tool or a message, nor the output limit on
which the reservation is based."""


class OCIChatModel(ChatOCIGenAI):  # type: ignore[misc]  # upstream is untyped
    """A chat model of OCI Generative AI. `client` is the session's `InferenceClients`.

    Args:
        refused: parameters that this model has refused; shared by all calls to the model.
    """

    refused: set[str] = Field(default_factory=set)

    @property
    def clients(self) -> InferenceClients:
        """The session's clients, one per event loop."""
        found: InferenceClients = self.client
        return found

    @property
    def _provider_map(self) -> dict[str, Any]:
        return {**super()._provider_map, "cohere-v2": CohereV2Provider()}

    async def aclose(self) -> None:
        """Close the running loop's connections."""
        await self.clients.aclose()

    def response_format(self, schema: type[BaseModel] | dict[str, Any]) -> Any:
        """Return the request field that asks for `schema`."""
        spelled = wire_schema(schema)
        name = str(spelled.get("title") or "Answer")
        if issubclass(self._provider.oci_chat_request, wire.CohereChatRequest):
            return wire.CohereResponseJsonFormat(schema=spelled)
        described = wire.ResponseJsonSchema(name=name, schema=spelled, is_strict=True)
        return wire.JsonSchemaResponseFormat(json_schema=described)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: str = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable that answers with `schema`; an answer that does not fit raises `ModelOutputInvalid`.

        langchain-oci 0.4.0 returns `None`, without an error, if the model answers in prose instead of calling the tool.
        """
        if method != "json_schema" or schema is None:
            parsed: Runnable[LanguageModelInput, Any] = super().with_structured_output(
                schema, method=method, include_raw=True, strict=strict, **kwargs
            )
            return parsed if include_raw else parsed | RunnableLambda(_parsed)
        spelled = convert_to_json_schema(schema)
        traced = {"kwargs": {"method": method, "strict": strict}, "schema": spelled}
        model = self.bind(response_format=self.response_format(spelled), ls_structured_output_format=traced)
        into = isinstance(schema, type) and is_basemodel_subclass(schema)
        parser: Any = PydanticOutputParser(pydantic_object=schema) if into else JsonOutputParser()
        read: Runnable[LanguageModelInput, Any] = model | RunnableLambda(functools.partial(_read, parser))
        return read if include_raw else read | RunnableLambda(_parsed)

    def _details(self, messages: list[BaseMessage], stop: list[str] | None, *, stream: bool, **options: Any) -> Any:
        details = self._prepare_request(messages, stop, stream, **options)
        _move_preamble(details.chat_request)
        for name in self.refused:
            drop_unsupported_param(details.chat_request, name)
        return details

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        return run_sync(lambda: self._agenerate(messages, stop, **kwargs), self.aclose)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        details = self._details(messages, stop, stream=False, **kwargs)
        data, headers = await self._without_refused_parameters(
            details, lambda: self.clients.call("chat", self.model_id, details)
        )
        answer = answer_of(data, headers, tools_bound=bool(kwargs.get("tools")))
        return ChatResult(generations=[ChatGeneration(message=_trimmed(answer, stop or self.stop))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        details = self._details(messages, stop, stream=True, **kwargs)
        request_id = new_request_id()
        reader = StreamReader(self.model_id, request_id, tools_bound=bool(kwargs.get("tools")))
        events = await self._without_refused_parameters(details, lambda: self._opened(details, request_id))
        async with aclosing(events), aclosing(reader.chunks(events)) as chunks:
            async for chunk in chunks:
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        runner, chunks = asyncio.Runner(), self._astream(messages, stop, **kwargs)
        with ThreadPoolExecutor(1) as thread:  # its own loop in its own thread: the caller's loop may be running
            try:
                while (chunk := thread.submit(runner.run, _next(chunks)).result()) is not None:
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
            finally:
                thread.submit(runner.run, self._closed(chunks)).result()
                thread.submit(runner.close).result()

    async def _closed(self, chunks: Any) -> None:
        await chunks.aclose()
        await self.aclose()

    async def _opened(self, details: Any, request_id: str) -> Any:
        """Open the stream and return its events. The first is fetched here, so that a refusal is raised here too."""
        events = self.clients.stream("/actions/chat", self.model_id, details, request_id)
        first = await anext(aiter(events), None)

        async def rest() -> AsyncIterator[Any]:
            async with aclosing(events):  # type: ignore[type-var]
                if first is not None:
                    yield first
                async for event in events:
                    yield event

        return rest()

    async def _without_refused_parameters(self, details: Any, ask: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Call `ask`, again without each parameter that the model refuses. Each drop is an event of the span.

        langchain-oci drops refused parameters with only a log warning, and forgets them after the call.
        """
        while True:
            try:
                return await ask()
            except ServiceError as error:
                name = _refused_parameter(error)
                if name is None or name in self.refused or not drop_unsupported_param(details.chat_request, name):
                    raise
                self.refused.add(name)
                trace.get_current_span().add_event("sixplane.dialect", {"refused": sorted(self.refused)})


async def _next(chunks: AsyncIterator[Result]) -> Result | None:
    return await anext(chunks, None)


def _move_preamble(request: Any) -> None:
    """Send COHERE the system prompt as its preamble; langchain-oci puts it into the conversation instead."""
    if not isinstance(request, wire.CohereChatRequest):
        return
    history = list(request.chat_history or [])
    system = [turn.message for turn in history if isinstance(turn, wire.CohereSystemMessage)]
    if system:
        request.preamble_override = "\n\n".join(system)
        request.chat_history = [turn for turn in history if not isinstance(turn, wire.CohereSystemMessage)]


def _refused_parameter(error: ServiceError) -> str | None:
    if error.status != 400:
        return None
    name, code = extract_unsupported_param(error)
    return name if name in _DROPPABLE and code in ("unsupported_value", "unsupported_parameter") else None


def _trimmed(answer: AIMessage, stop: Sequence[str] | None) -> AIMessage:
    """Cut the text at the first stop sequence, taken literally. The billed characters were counted before."""
    found = [at for word in stop or () if word and (at := answer.text.find(word)) >= 0]
    return answer.model_copy(update={"content": answer.text[: min(found)]}) if found else answer


def _read(parser: Any, raw: AIMessage) -> dict[str, Any]:
    """Return an answer as LangChain's structured output with `include_raw` does: `raw`, `parsed`, `parsing_error`."""
    try:
        return {"raw": raw, "parsed": parser.invoke(raw), "parsing_error": None}
    except (OutputParserException, RecursionError, ValueError) as error:
        return {"raw": raw, "parsed": None, "parsing_error": error}


def _parsed(answer: Any) -> Any:
    if answer["parsed"] is None:
        error = answer.get("parsing_error")
        raise ModelOutputInvalid("the model's answer does not fit the schema") from error
    return answer["parsed"]


__all__ = ["OCIChatModel"]
