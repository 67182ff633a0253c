"""The extractive model: a chat model without weights of its own.

It fills each role's schema with verbatim sentences from the evidence in the prompt, and abstains if the evidence does
not mention what the question asks about. It is free and deterministic, and the baseline that a generative model must
beat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable
from pydantic import BaseModel, Field

from gateway.extractive.analysis import Limits, analyse
from gateway.extractive.conversation import answer, reading_of
from gateway.extractive.plan import plan
from gateway.extractive.reading import candidates
from gateway.extractive.rounds import of_round
from gateway.extractive.writing import review, write
from gateway.local_chat import LocalChatModel, chat_result, cut_at, usage_of
from settings.pools import CPU
from state.errors import UnsupportedSchema
from state.evidence_block import EvidenceItem
from state.prompt_fields import parse_fields
from state.roles import ROLE_SCHEMAS, Analysis, JudgedReview, ResearchPlan, Review, Verdicts, WrittenDraft
from state.values import EXTRACTIVE

MODEL_NAME = EXTRACTIVE

Rows = Sequence[Sequence[float]]


@dataclass(frozen=True)
class _Work:
    """An answer in two steps: the texts to embed, and a function that makes the answer from their vectors.

    It lets `_generate` and `_agenerate` share everything but the call of the embedder.
    """

    finish: Callable[[Rows], str]
    texts: tuple[str, ...] = ()


class ExtractiveChatModel(LocalChatModel):
    """Ranks sentences of the prompt's evidence and fills a role's schema with them, verbatim.

    Attributes:
        embeddings: encodes sub-questions and sentences, both as documents, in one batch.
        embedded: the most sentences to embed per call.

    Example:
        >>> from langchain_core.embeddings import DeterministicFakeEmbedding
        >>> model = ExtractiveChatModel(embeddings=DeterministicFakeEmbedding(size=8))
        >>> model.invoke("Who was Ada Lovelace?").text
        'There is nothing in this conversation that answers the question.'
    """

    embeddings: Embeddings = Field(exclude=True)
    model_name: str = MODEL_NAME
    embedded: int = Field(60, ge=1)

    @property
    def _llm_type(self) -> str:
        return MODEL_NAME

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    @property
    def _limits(self) -> Limits:
        return Limits(self.embedded)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return a runnable that answers with an instance of `schema`, one of the role schemas; `kwargs` are ignored.

        Raises:
            UnsupportedSchema: `schema` is not a role schema.
        """
        del kwargs
        if not (isinstance(schema, type) and schema in ROLE_SCHEMAS):
            known = ", ".join(f"`{role_schema.__name__}`" for role_schema in ROLE_SCHEMAS)
            raise UnsupportedSchema(f"the extractive model fills {known}, not {getattr(schema, '__name__', schema)!r}")
        return self._structured(schema, include_raw=include_raw)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        role_schema: str = "",
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager, kwargs
        work = self._work(messages, role_schema)
        rows = self.embeddings.embed_documents(list(work.texts)) if work.texts else []
        return _result(messages, work.finish(rows), stop)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        role_schema: str = "",
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager, kwargs
        work = await CPU.run(self._work, messages, role_schema)
        rows = await self.embeddings.aembed_documents(list(work.texts)) if work.texts else []
        return _result(messages, await CPU.run(work.finish, rows), stop)

    def _work(self, messages: list[BaseMessage], role_schema: str) -> _Work:
        fields, evidence = _prompt(messages)
        if role_schema == ResearchPlan.__name__:
            return _Work(lambda _: plan(fields).model_dump_json())
        if role_schema == WrittenDraft.__name__:
            return _Work(lambda _: write(fields, evidence).model_dump_json())
        if role_schema == Review.__name__:
            return _Work(lambda _: review().model_dump_json())
        if role_schema in (Verdicts.__name__, JudgedReview.__name__):
            # It judges nothing: as the fallback of a judge it leaves every claim unverified.
            return _Work(lambda _: JudgedReview(verdicts=[], **review().model_dump()).model_dump_json())
        return self._reading(messages, fields, evidence, as_text=role_schema != Analysis.__name__)

    def _reading(
        self, messages: list[BaseMessage], fields: dict[str, Any], evidence: list[EvidenceItem], *, as_text: bool
    ) -> _Work:
        limits = self._limits
        if as_text:
            said = reading_of(messages, fields, evidence, limits)
            return _Work(lambda rows: answer(said, rows, limits), said.texts)
        reading, left = candidates(fields, evidence, limits.embedded), int(fields.get("rounds_left") or 0)

        def finish(rows: Rows) -> str:
            return of_round(analyse(reading, rows, limits, rounds_left=left), fields, evidence).model_dump_json()

        return _Work(finish, reading.texts)


def _prompt(messages: Sequence[BaseMessage]) -> tuple[dict[str, Any], list[EvidenceItem]]:
    """Return the fields and evidence of the last human message; empty if it is plain text."""
    last = next((str(message.text) for message in reversed(messages) if isinstance(message, HumanMessage)), "")
    try:
        return parse_fields(last)
    except ValueError:
        return {}, []


def _result(messages: Sequence[BaseMessage], content: str, stop: Sequence[str] | None) -> ChatResult:
    cut = cut_at(content, stop)
    return chat_result(cut, usage_of(messages, cut), model_name=MODEL_NAME)
