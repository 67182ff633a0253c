"""The governed chat model: a LangChain chat model whose every call goes through the governor."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from opentelemetry.trace import Span
from pydantic import BaseModel, ConfigDict, PrivateAttr

from gateway.bare_text import CONTINUE, CUT_OFF, bare_field, continued, whole_part, without_thoughts
from gateway.catalog import ModelEntry
from gateway.governor import Governor
from gateway.ledger.account import CallScope
from gateway.metering import check_fits, counted, usage_of_call, worst_usage
from gateway.oci.plane import ask_oci
from gateway.openai.chat import ask_openai
from gateway.openai.dialect import Dialect, speaks_openai
from gateway.planned_call import PlannedCall
from gateway.provider_error import FILTERED, FILTERED_FAILURE, ProviderError
from gateway.schemas import wire_text
from gateway.spans.told import answered, captured
from gateway.structure import (
    Answer,
    SchemaFault,
    StructuredModel,
    further_text,
    is_cut_off,
    parse_answer,
    with_schema_prompt,
)
from gateway.sync import run_sync
from observability import notice
from state.errors import (
    BudgetExceeded,
    ContentRefused,
    CredentialsRefused,
    ModelOutputInvalid,
    ModelUnavailable,
    PromptTooLong,
    UnsupportedSchema,
)

_QUOTED_CHARS = 1_500
"""Most characters of a malformed answer that its repair quotes. Counted in `metering.SPARED_CHARS`."""

_NONCE = re.compile(r"evidence nonce=[0-9a-f]{16}>")

Provider = Callable[[], Awaitable[AIMessage]]
Result = TypeVar("Result")

_UNCONTINUED = (
    BudgetExceeded,
    ContentRefused,
    CredentialsRefused,
    ModelOutputInvalid,
    ModelUnavailable,
    PromptTooLong,
)
"""Errors of going on with a text that was cut off: the text so far is paid for, and is kept."""


class GovernedChatModel(BaseChatModel):
    """The model of one role within one run. `Gateway.chat_model` makes one for each task."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    inner: BaseChatModel
    scope: CallScope
    entry: ModelEntry
    governor: Governor
    fallbacks: tuple[GovernedChatModel, ...] = ()
    capture_content: bool = False
    dialect: Dialect

    _ordinal: int = PrivateAttr(default=0)

    @property
    def _llm_type(self) -> str:
        return "sixplane-governed"

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Answer]:
        """Return a runnable that answers with an instance of `schema`.

        After a malformed or truncated answer the model is asked once more to correct it; both calls are charged. A
        text that is asked for as such (`gateway.bare_text`) is continued once if it is cut off.

        Raises:
            UnsupportedSchema: `schema` is not a Pydantic model.
            ModelOutputInvalid: when invoked, if the corrected answer does not fit either.
        """
        if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
            raise UnsupportedSchema(
                "the gateway parses into Pydantic models only", hint="pass a subclass of `BaseModel`"
            )
        if include_raw or kwargs:
            raise UnsupportedSchema(
                "the gateway's structured output takes no options", hint="call `with_structured_output(Schema)`"
            )

        async def aask(prompt: LanguageModelInput, config: RunnableConfig | None, **options: Any) -> BaseModel:
            del config, options  # the inner model reads LangChain's context variable itself
            messages = self._convert_input(prompt).to_messages()
            return await self._with_fallbacks(lambda model: model._ask(schema, messages))  # noqa: SLF001 - same class

        def ask(prompt: LanguageModelInput, config: RunnableConfig | None, **options: Any) -> BaseModel:
            return run_sync(lambda: aask(prompt, config, **options), self._close)

        return StructuredModel(ask, aask)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        return run_sync(lambda: self._agenerate(messages, stop, **kwargs), self._close)

    async def _close(self) -> None:
        """End what is bound to the running loop: settlements, and the connections of this model and its fallbacks."""
        await self.governor.ledger.finishing.wait()
        for model in (self, *self.fallbacks):
            close = getattr(model.inner, "aclose", None)
            if close is not None:
                await close()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        answer = await self._with_fallbacks(lambda model: model._said(messages, stop=stop, **kwargs))  # noqa: SLF001 - same class
        return ChatResult(generations=[ChatGeneration(message=answer)])

    async def _said(self, messages: list[BaseMessage], **options: Any) -> AIMessage:
        said = said_of(options)

        async def provider() -> AIMessage:
            return counted(await self._chat(messages, **options), said)

        return await self._call(messages, "", provider, named=said, beside=said)

    async def _with_fallbacks(self, ask: Callable[[GovernedChatModel], Awaitable[Result]]) -> Result:
        """Call this model; while one is unavailable, or takes less than the prompt, call its fallbacks in order.

        Each use of a fallback is recorded as a notice. A refusal of the content and bad credentials go to no fallback:
        another model must not answer what one refuses, and must not hide that a key has to be renewed.
        """
        failed: list[ModelUnavailable | PromptTooLong] = []
        for model in (self, *self.fallbacks):
            if failed:
                detail = f"{self.scope.model} → {model.scope.model}: {failed[-1].message}"
                notice(self.scope.role.value, "model_fallback", detail)
            try:
                return await ask(model)
            except (ModelUnavailable, PromptTooLong) as error:
                failed.append(error)
        # The notices tell the others. An outage comes first: it ends, while a prompt stays too long.
        raise next((error for error in reversed(failed) if isinstance(error, ModelUnavailable)), failed[-1])

    async def _ask(self, schema: type[BaseModel], messages: list[BaseMessage]) -> BaseModel:
        asked = with_schema_prompt(messages, schema) if self._spells(schema) else messages
        answer = await self._whole_answer(schema, asked)
        try:
            return parse_answer(schema, answer, messages)
        except SchemaFault as fault:
            repair = _repair(schema, answer, fault)
            summary = fault.summary
        try:
            answer = await self._whole_answer(schema, [*asked, *repair], may_go_on=False)
            return parse_answer(schema, answer, messages)
        except SchemaFault as fault:
            summary = fault.summary
        except PromptTooLong:  # the first prompt fitted, so what is wrong is the answer
            summary += ", and its context has no room to ask once more"
        raise ModelOutputInvalid(
            f"the {self.scope.role.value}'s model {self.scope.model!r} gave a malformed answer: {summary}"
        )

    async def _whole_answer(
        self, schema: type[BaseModel], messages: list[BaseMessage], *, may_go_on: bool = True
    ) -> AIMessage:
        """Return the model's answer; a bare text that was cut off is continued once, else cut back to what is whole.

        A cut JSON object cannot be continued by a model that has to begin with a brace. It is returned as it is.
        """
        answer = await self._answer(schema, messages)
        text = whole_part(without_thoughts(answer.text)) if bare_field(schema) and is_cut_off(answer) else ""
        if not text.strip() or text.startswith("{"):
            return answer
        cut_off, why = True, ""
        if may_go_on:
            text, cut_off, why = await self._continued(schema, messages, text)
        if cut_off:
            detail = f"the end of the text is missing: the answer was too long{why}"
            notice(self.scope.role.value, "draft_truncated", detail)
        return AIMessage(text.strip(), response_metadata={"finish_reason": "stop", CUT_OFF: cut_off})

    async def _continued(
        self, schema: type[BaseModel], messages: list[BaseMessage], text: str
    ) -> tuple[str, bool, str]:
        """Return the text as the model goes on with it, whether its end is missing, and why it did not go on."""
        try:
            more = await self._answer(schema, [*messages, AIMessage(text), HumanMessage(CONTINUE)])
        except _UNCONTINUED as error:
            return text, True, f", and going on with it failed: {error.message}"
        return *continued(text, further_text(schema, more), cut_off=is_cut_off(more)), ""

    async def _answer(self, schema: type[BaseModel], messages: list[BaseMessage]) -> AIMessage:
        return await self._call(
            messages,
            schema.__name__,
            lambda: self._provider(schema, messages),
            named=wire_text(schema),
            beside=self._beside(schema),
        )

    def _is_told(self, schema: type[BaseModel]) -> bool:
        """Whether a provider is asked for the schema. The text that a schema takes bare is asked for as plain text."""
        asked_in_text = speaks_openai(self.entry) or self.entry.provider in ("oci", "cassette")
        return not (bare_field(schema) and asked_in_text)

    def _spells(self, schema: type[BaseModel]) -> bool:
        """Whether the schema goes into the prompt.

        It does for OCI models without structured output, and for every OpenAI-compatible server, also beside a
        `response_format`: servers that turn the schema into a grammar do not show it to the model, which then reads no
        description, and others ignore it. It takes up to 2,000 characters. A prompt that depended on the format would
        also change when the format is refused, and after a crash the memo would not know it.
        """
        spelled = speaks_openai(self.entry) or (
            self.entry.provider == "oci" and "structured" not in self.entry.capabilities
        )
        return spelled and self._is_told(schema)

    async def _chat(self, messages: list[BaseMessage], **options: Any) -> AIMessage:
        if speaks_openai(self.entry):
            return await ask_openai(self.inner, messages, self.scope, self.dialect, None, **options)
        return await self.inner.ainvoke(messages, **options)

    async def _provider(self, schema: type[BaseModel], messages: list[BaseMessage]) -> AIMessage:
        if not self._is_told(schema):
            return await self._chat(messages)
        if speaks_openai(self.entry):
            return await ask_openai(self.inner, messages, self.scope, self.dialect, schema)
        if self.entry.provider == "oci":
            return counted(await ask_oci(self.inner, messages, self.entry, schema), self._beside(schema))
        if getattr(self.inner, "takes_schema_names", False):
            return counted(await self.inner.ainvoke(messages, role_schema=schema.__name__), self._beside(schema))
        raw = await self.inner.with_structured_output(schema, include_raw=True).ainvoke(messages)
        answer = raw["raw"] if isinstance(raw, dict) else raw
        if not isinstance(answer, AIMessage):
            raise TypeError(f"the model answered {type(answer).__name__!r}, not an `AIMessage`")
        return counted(answer, self._beside(schema))

    def _beside(self, schema: type[BaseModel]) -> str:
        """Return what is sent beside the messages to ask for the schema: it is billed and counted like them."""
        in_prompt_only = self.entry.provider == "oci" and "structured" not in self.entry.capabilities
        if in_prompt_only or self.entry.provider == "extractive" or not self._is_told(schema):
            return ""
        return self.dialect.format_text(schema) if speaks_openai(self.entry) else wire_text(schema)

    async def _call(
        self, messages: Sequence[BaseMessage], schema: str, provider: Provider, *, named: str, beside: str
    ) -> AIMessage:
        # What is sent beside the messages depends on what an endpoint has refused so far; the key must not.
        ordinal, self._ordinal = self._ordinal, self._ordinal + 1
        check_fits(self.entry, messages, self.scope.max_output_tokens)
        return await self.governor.call(
            PlannedCall(
                operation="chat",
                entry=self.entry,
                account=self.scope.account,
                key=self._key(messages, schema, ordinal, named),
                most=worst_usage(self.entry, messages, self.scope.max_output_tokens, beside=beside),
                ask=lambda: _unfiltered(provider),
                measure=lambda answer: usage_of_call(self.entry, messages, answer),
                dump=_dump,
                load=_load,
                attributes=self._attributes(),
                role=self.scope.role.value,
                observe=lambda span, answer: self._observe(span, messages, answer),
                request_id=lambda answer: str(answer.response_metadata.get("request_id") or ""),
                sent=[message.text for message in messages],
            )
        )

    def _key(self, messages: Sequence[BaseMessage], schema: str, ordinal: int, named: str) -> str:
        scope = self.scope
        parts = [
            scope.tenant,
            scope.run_id,
            scope.task_id,  # LangGraph's id of the task: it stays the same when a killed run resumes
            ordinal,  # one task may send the same prompt twice and must get two answers
            scope.role.value,
            scope.model,
            scope.temperature,
            scope.max_output_tokens,
            schema,
            named,
            [[message.type, _without_nonce(message), *_beside_text(message)] for message in messages],
        ]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False, default=str).encode()).hexdigest()

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

    def _observe(self, span: Span, messages: Sequence[BaseMessage], answer: AIMessage) -> None:
        found = answer.response_metadata
        response = {
            "gen_ai.response.model": str(found.get("model_name") or self.scope.model),
            "gen_ai.response.finish_reasons": [str(found.get("finish_reason") or "")],
        }
        span.set_attributes({**response, **answered(answer)})
        if self.capture_content:
            span.set_attributes(captured(messages, answer))


async def _unfiltered(provider: Provider) -> AIMessage:
    """Return the provider's answer. Raises `ProviderError` if a content filter ended it: what is left is no answer."""
    answer = await provider()
    if str(answer.response_metadata.get("finish_reason") or "").lower() in FILTERED:
        raise ProviderError(FILTERED_FAILURE)
    return answer


def said_of(options: Mapping[str, Any]) -> str:
    """Return the options of a call as text: tools and the like are billed as prompt, and belong to the memo key."""
    return "" if not any(options.values()) else json.dumps(options, default=str, sort_keys=True)


def _repair(schema: type[BaseModel], answer: AIMessage, fault: SchemaFault) -> list[BaseMessage]:
    wrong = fault.detail[: _QUOTED_CHARS // 2]
    wanted = "text alone, complete" if bare_field(schema) else "JSON object alone, complete and valid"
    return [
        AIMessage(answer.text[:_QUOTED_CHARS] or "(nothing)"),
        HumanMessage(f"That does not fit: {wrong} Answer again with the {wanted}."),
    ]


def _without_nonce(message: BaseMessage) -> str:
    """Return the text without the evidence fence's nonce, which is random.

    A call repeated after a crash has another nonce; without this its memoised answer would not be found.
    """
    return _NONCE.sub("evidence>", message.text)


def _beside_text(message: BaseMessage) -> list[Any]:
    """Return what a message says beside its text: images and the like, tool calls, and the call that a result answers.

    The ids of tool calls stay out: some providers' packages draw them at random.
    """
    blocks = [message.content] if isinstance(message.content, str) else message.content
    others = [block for block in blocks if isinstance(block, dict) and block.get("type") != "text"]
    asked = [[call["name"], call["args"]] for call in getattr(message, "tool_calls", ())]
    named = [message.name] if message.name else []
    return [others, asked, named] if others or asked or named else []


def _dump(answer: AIMessage) -> str:
    return json.dumps(message_to_dict(answer))


def _load(answer: str) -> AIMessage:
    message = messages_from_dict([json.loads(answer)])[0]
    if not isinstance(message, AIMessage):
        raise TypeError("the memo holds something other than an answer")
    return message
