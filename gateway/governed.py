"""The governed chat model: memo → budget → provider under one deadline and one retry owner → settle → telemetry."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from opentelemetry.trace import Span
from pydantic import BaseModel, ConfigDict, PrivateAttr

from gateway.catalog import ModelEntry
from gateway.failures import Failure, classify
from gateway.ledger import Ledger, Reservation
from gateway.scope import CallScope
from gateway.structure import SchemaFault, parse_answer, with_schema_prompt
from observability import operation_span
from settings.tree import ModelSettings
from state.errors import ModelOutputInvalid, ModelUnavailable, UnsupportedSchema
from state.values import Usage

CHARS_PER_TOKEN = 3
"""Prompts are counted at three characters a token for the reservation: English averages about four, so that the
estimate errs upward."""

MAX_BACKOFF_SECONDS = 20.0


class GovernedChatModel(BaseChatModel):
    """One role's model within one run. Made by `Gateway.chat_model`, used for one task."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    inner: BaseChatModel
    scope: CallScope
    entry: ModelEntry
    ledger: Ledger
    limits: ModelSettings
    capture_content: bool = False

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

        return RunnableLambda(ask)  # type: ignore[return-value]

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
        answer = await self._call(messages, "", lambda: self.inner.ainvoke(messages, stop=stop, **kwargs))
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

    async def _provider(self, schema: type[BaseModel], messages: list[BaseMessage]) -> AIMessage:
        if self.entry.provider == "openai":
            return await self.inner.ainvoke(messages)
        raw = await self.inner.with_structured_output(schema, include_raw=True).ainvoke(messages)
        answer = raw["raw"] if isinstance(raw, dict) else raw
        if not isinstance(answer, AIMessage):
            raise TypeError(f"the model answered {type(answer).__name__!r}, not an `AIMessage`")
        return answer

    async def _call(self, messages: Sequence[BaseMessage], schema: str, provider: Callable[[], Any]) -> AIMessage:
        ordinal, self._ordinal = self._ordinal, self._ordinal + 1
        key = self._key(messages, schema, ordinal)
        with operation_span("chat", self.scope.model, self._attributes()) as span:
            worst = self.entry.cost(*self._units(_chars(messages), self.scope.max_output_tokens, worst=True))
            scope = self.scope
            held = await self.ledger.reserve(scope.tenant, scope.run_id, key, worst, scope.run_limit_micro_usd)
            span.set_attribute("sixplane.memo", "miss" if held.answer is None else "hit")
            if held.answer is not None:
                return _load(held.answer)
            answer = await self._provided(provider, held, span)
            usage = self._used(messages, answer)
            await self.ledger.settle(held, usage, _dump(answer))
            self._observe(span, messages, answer, usage)
            return answer

    async def _provided(self, provider: Callable[[], Any], held: Reservation, span: Span) -> AIMessage:
        """Ask the provider, again where it makes sense; settle the reservation where it fails for good.

        What certainly was not answered is free; a call that may have been answered is charged at its reservation.
        """
        attempt = 0
        while True:
            attempt += 1
            span.set_attribute("sixplane.attempts", attempt)
            try:
                answer = await asyncio.wait_for(provider(), self.limits.timeout_seconds)
            except Exception as error:
                failure = classify(error)
                if failure is None or not failure.transient or attempt >= self.limits.max_attempts:
                    charged = held.amount if failure is None or failure.billed else 0
                    await self.ledger.settle(held, Usage(calls=1, cost_micro_usd=charged), None)
                    if failure is None:
                        raise
                    raise self._unavailable(failure, attempt) from error
                await asyncio.sleep(_backoff(attempt, failure.retry_after))
            else:
                return answer

    def _unavailable(self, failure: Failure, attempts: int) -> ModelUnavailable:
        return ModelUnavailable(
            f"the model {self.scope.model!r} failed after {attempts} attempts: {failure.reason}", hint=failure.hint
        )

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

    def _used(self, messages: Sequence[BaseMessage], answer: AIMessage) -> Usage:
        """Return what the provider reports, counted where it does not."""
        reported = answer.usage_metadata or {}
        asked, said = _chars(messages), len(answer.text)
        tokens_in = int(reported.get("input_tokens") or -(-asked // CHARS_PER_TOKEN))
        tokens_out = int(reported.get("output_tokens") or -(-said // CHARS_PER_TOKEN))
        units = (tokens_in, tokens_out) if self.entry.unit == "tokens" else (asked, said)
        return Usage(
            calls=1,
            input_chars=asked,
            output_chars=said,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_micro_usd=self.entry.cost(*units),
        )

    def _units(self, chars: int, output_tokens: int, *, worst: bool) -> tuple[int, int]:
        del worst
        if self.entry.unit == "characters":
            return chars, output_tokens * 6
        return -(-chars // CHARS_PER_TOKEN), output_tokens

    def _observe(self, span: Span, messages: Sequence[BaseMessage], answer: AIMessage, usage: Usage) -> None:
        span.set_attribute("gen_ai.response.model", str(answer.response_metadata.get("model_name") or self.scope.model))
        span.set_attribute("gen_ai.response.finish_reasons", str(answer.response_metadata.get("finish_reason") or ""))
        span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
        span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
        span.set_attribute("sixplane.cost_micro_usd", usage.cost_micro_usd)
        if self.capture_content:
            span.set_attribute("gen_ai.input.messages", json.dumps([message.text for message in messages]))
            span.set_attribute("gen_ai.output.messages", json.dumps([answer.text]))


def _repair(answer: AIMessage, fault: SchemaFault) -> list[BaseMessage]:
    return [
        AIMessage(answer.text or "(nothing)"),
        HumanMessage(f"That does not fit: {fault.detail} Answer again with the JSON object alone, complete and valid."),
    ]


def _without_nonce(message: BaseMessage) -> str:
    """Return the text that a repeated call shares: the evidence fence's nonce is drawn anew each time."""
    import re

    return re.sub(r"evidence nonce=[0-9a-f]{16}>", "evidence>", message.text)


def _chars(messages: Sequence[BaseMessage]) -> int:
    return sum(len(message.text) for message in messages)


def _backoff(attempt: int, retry_after: float) -> float:
    jittered = random.uniform(0.5, 1.0) * min(0.25 * 2**attempt, MAX_BACKOFF_SECONDS)  # noqa: S311
    return max(jittered, min(retry_after, MAX_BACKOFF_SECONDS))


def _dump(answer: AIMessage) -> str:
    return json.dumps(message_to_dict(answer))


def _load(answer: str) -> AIMessage:
    message = messages_from_dict([json.loads(answer)])[0]
    if not isinstance(message, AIMessage):
        raise TypeError("the memo holds something else than an answer")
    return message
