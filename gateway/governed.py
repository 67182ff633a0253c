"""The governed chat model: memo → budget → provider under one deadline and one retry owner → settle → telemetry."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from opentelemetry.trace import Span
from pydantic import BaseModel, ConfigDict, PrivateAttr

from gateway.catalog import ModelEntry
from gateway.failures import Failure, ProviderError, classify
from gateway.ledger import Ledger, Reservation
from gateway.metering import check_fits, usage_of_call, worst_cost
from gateway.providers import Dialect, ask_openai
from gateway.scope import CallScope
from gateway.structure import SchemaFault, parse_answer, with_schema_prompt
from observability import operation_span
from settings.tree import ModelSettings
from state.errors import ModelOutputInvalid, ModelUnavailable, UnsupportedSchema
from state.values import Usage

MAX_BACKOFF_SECONDS = 20.0

_QUOTED_CHARS = 1_500
_NONCE = re.compile(r"evidence nonce=[0-9a-f]{16}>")

Provider = Callable[[], Awaitable[AIMessage]]


class GovernedChatModel(BaseChatModel):
    """One role's model within one run. Made by `Gateway.chat_model`, used for one task."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    inner: BaseChatModel
    scope: CallScope
    entry: ModelEntry
    ledger: Ledger
    limits: ModelSettings
    capture_content: bool = False
    dialect: Dialect

    _ordinal: int = PrivateAttr(default=0)

    @property
    def _llm_type(self) -> str:
        return "sixplane-governed"

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return a runnable that answers with a `schema` instance.

        A malformed or truncated answer is repaired once, and charged.

        Raises:
            UnsupportedSchema: `schema` is not a Pydantic model.
            ModelOutputInvalid: when invoked, the repaired answer does not fit either.
        """
        if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
            raise UnsupportedSchema("the gateway parses into Pydantic models only", hint="give a `BaseModel` subclass")
        if include_raw or kwargs:
            raise UnsupportedSchema(
                "the gateway's structured output takes no options", hint="call `with_structured_output(Schema)`"
            )

        async def ask(messages: Any) -> BaseModel:
            return await self._ask(schema, self._convert_input(messages).to_messages())

        return RunnableLambda(ask)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        return asyncio.run(self._agenerate(messages, stop, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        answer = await self._call(messages, "", lambda: self._chat(messages, stop=stop, **kwargs))
        return ChatResult(generations=[ChatGeneration(message=answer)])

    async def _ask(self, schema: type[BaseModel], messages: list[BaseMessage]) -> BaseModel:
        asked = with_schema_prompt(messages, schema) if self.entry.provider == "openai" else messages
        answer, fault = await self._attempt(schema, asked)
        if fault is not None:
            answer, fault = await self._attempt(schema, [*asked, *_repair(answer, fault)])
        if fault is not None:
            raise ModelOutputInvalid(
                f"the {self.scope.role.value}'s model {self.scope.model!r} answered malformed: {fault.summary}"
            )
        return parse_answer(schema, answer)

    async def _attempt(
        self, schema: type[BaseModel], messages: list[BaseMessage]
    ) -> tuple[AIMessage, SchemaFault | None]:
        answer = await self._call(messages, schema.__name__, lambda: self._provider(schema, messages))
        try:
            parse_answer(schema, answer)
        except SchemaFault as fault:
            return answer, fault
        return answer, None

    async def _chat(self, messages: list[BaseMessage], **options: Any) -> AIMessage:
        if self.entry.provider == "openai":
            return await ask_openai(self.inner, messages, self.scope, self.dialect, json=False, **options)
        return await self.inner.ainvoke(messages, **options)

    async def _provider(self, schema: type[BaseModel], messages: list[BaseMessage]) -> AIMessage:
        if self.entry.provider == "openai":
            return await ask_openai(self.inner, messages, self.scope, self.dialect, json=True)
        raw = await self.inner.with_structured_output(schema, include_raw=True).ainvoke(messages)
        answer = raw["raw"] if isinstance(raw, dict) else raw
        if not isinstance(answer, AIMessage):
            raise TypeError(f"the model answered {type(answer).__name__!r}, not an `AIMessage`")
        return answer

    async def _call(self, messages: Sequence[BaseMessage], schema: str, provider: Provider) -> AIMessage:
        ordinal, self._ordinal = self._ordinal, self._ordinal + 1
        with operation_span("chat", self.scope.model, self._attributes()) as span:
            check_fits(self.entry, messages, self.scope.max_output_tokens)
            key = self._key(messages, schema, ordinal)
            for attempt in range(1, self.limits.max_attempts + 1):
                try:
                    return await self._attempted(span, key, attempt, messages, provider)
                except ProviderError as error:
                    await self._before_the_next(attempt, error)
            raise AssertionError("the last attempt returns or raises")

    async def _attempted(
        self, span: Span, key: str, attempt: int, messages: Sequence[BaseMessage], provider: Provider
    ) -> AIMessage:
        held = await self._reserved(key, messages)
        span.set_attribute("sixplane.memo", "miss" if held.answer is None else "hit")
        if held.answer is not None:
            return _load(held.answer)
        span.set_attribute("sixplane.attempts", attempt)
        answer = await self._provided(provider, held)
        usage = usage_of_call(self.entry, messages, answer)
        await self.ledger.settle(held, usage, _dump(answer))
        self._observe(span, messages, answer, usage)
        return answer

    async def _reserved(self, key: str, messages: Sequence[BaseMessage]) -> Reservation:
        scope = self.scope
        worst = worst_cost(self.entry, messages, scope.max_output_tokens)
        return await self.ledger.reserve(scope.tenant, scope.run_id, key, worst, scope.run_limit_micro_usd)

    async def _provided(self, provider: Provider, held: Reservation) -> AIMessage:
        """Ask the provider once, and settle where it fails.

        What certainly was not answered is free; a call that may have been answered is charged at its reservation.
        """
        try:
            return await asyncio.wait_for(provider(), self.limits.timeout_seconds)
        except asyncio.CancelledError:
            await asyncio.shield(self._charge(held, held.amount))
            raise
        except Exception as error:  # any SDK raises anything: classified, charged and always raised again
            failure = classify(error)
            await self._charge(held, 0 if failure and not failure.billed else held.amount)
            if failure is None:
                raise
            raise ProviderError(failure) from error

    async def _charge(self, held: Reservation, cost: int) -> None:
        await self.ledger.settle(held, Usage(calls=1, cost_micro_usd=cost), None)

    async def _before_the_next(self, attempt: int, error: ProviderError) -> None:
        """Wait for the next attempt.

        Raises:
            ModelUnavailable: there is none.
        """
        if not error.failure.transient or attempt >= self.limits.max_attempts:
            raise self._unavailable(error.failure, attempt) from error.__cause__
        await asyncio.sleep(_backoff(attempt, error.failure.retry_after))

    def _unavailable(self, failure: Failure, attempts: int) -> ModelUnavailable:
        tries = "" if attempts == 1 else f" {attempts} times"
        return ModelUnavailable(f"the model {self.scope.model!r} failed{tries}: {failure.reason}", hint=failure.hint)

    def _key(self, messages: Sequence[BaseMessage], schema: str, ordinal: int) -> str:
        scope = self.scope
        parts = [
            scope.tenant,
            scope.run_id,
            scope.task_id,
            ordinal,
            scope.role.value,
            scope.model,
            scope.temperature,
            scope.max_output_tokens,
            schema,
            [[message.type, _without_nonce(message)] for message in messages],
        ]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()

    def _attributes(self) -> dict[str, Any]:
        scope = self.scope
        return {
            "gen_ai.provider.name": self.entry.provider,
            "gen_ai.request.model": scope.model,
            "gen_ai.request.temperature": scope.temperature,
            "gen_ai.request.max_tokens": scope.max_output_tokens,
            "gen_ai.conversation.id": scope.thread_id,
            "sixplane.role": scope.role.value,
        }

    def _observe(self, span: Span, messages: Sequence[BaseMessage], answer: AIMessage, usage: Usage) -> None:
        span.set_attribute("gen_ai.response.model", str(answer.response_metadata.get("model_name") or self.scope.model))
        span.set_attribute("gen_ai.response.finish_reasons", [str(answer.response_metadata.get("finish_reason") or "")])
        span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
        span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
        span.set_attribute("sixplane.cost_micro_usd", usage.cost_micro_usd)
        if self.capture_content:
            span.set_attribute("gen_ai.input.messages", json.dumps([message.text for message in messages]))
            span.set_attribute("gen_ai.output.messages", json.dumps([answer.text]))


def _repair(answer: AIMessage, fault: SchemaFault) -> list[BaseMessage]:
    wrong = fault.detail[: _QUOTED_CHARS // 2]
    return [
        AIMessage(answer.text[:_QUOTED_CHARS] or "(nothing)"),
        HumanMessage(f"That does not fit: {wrong} Answer again with the JSON object alone, complete and valid."),
    ]


def _without_nonce(message: BaseMessage) -> str:
    """Return the text that a repeated call shares: the evidence fence's nonce is drawn anew each time."""
    return _NONCE.sub("evidence>", message.text)


def _backoff(attempt: int, retry_after: float) -> float:
    jittered = random.uniform(0.5, 1.0) * min(0.25 * 2.0**attempt, MAX_BACKOFF_SECONDS)  # noqa: S311
    return max(jittered, min(retry_after, MAX_BACKOFF_SECONDS))


def _dump(answer: AIMessage) -> str:
    return json.dumps(message_to_dict(answer))


def _load(answer: str) -> AIMessage:
    message = messages_from_dict([json.loads(answer)])[0]
    if not isinstance(message, AIMessage):
        raise TypeError("the memo holds something else than an answer")
    return message
