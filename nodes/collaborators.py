"""The services that nodes use. They are bound when the graph is built; a caller's options are in the run's context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar, cast

from langchain_core.messages import BaseMessage
from langgraph.runtime import Runtime
from pydantic import BaseModel

from gateway import CallScope, Gateway
from gateway.ledger.account import Account
from gateway.metering import counted_chars
from nodes.evidence import fitting
from observability import notice
from policy import GuardChain
from retrieval import Corpora, Corpus, ManagedSources
from retrieval.ranking.retrieving import Mode
from state.channels import ResearchContext
from state.errors import BadInput, PromptTooLong
from state.evidence_block import EvidenceItem
from state.values import Role

if TYPE_CHECKING:
    from oracledb import AsyncConnectionPool

Answer = TypeVar("Answer", bound=BaseModel)


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Collaborators:
    """The services that every node can use."""

    gateway: Gateway
    corpora: Corpora
    guards: GuardChain
    passages_per_sub_question: int
    """Passages per sub-question for runs whose context sets no `k`."""
    neighbours: int = 2
    """Number of best passages of a sub-question whose neighbours are read too."""
    search_mode: Mode = "hybrid"
    """How `retrieve` searches."""
    review: bool = True
    """Whether the reviewer reads each draft."""
    database: AsyncConnectionPool | None = None
    """The pool of Oracle Database, which also stores checkpoints and memory; `None` in the embedded profile."""
    sources: ManagedSources | None = None
    """The managed sources; `None`: there are none."""
    clock: Callable[[], datetime] = utc_now
    """Tells a run the date that its prompts name. Replaced where prompts must not change from day to day."""

    async def corpus(self, context: ResearchContext) -> Corpus:
        """Return the corpus of the run, limited to what its caller may read. Raises `CorpusMissing`."""
        return await self.corpora.known(context.tenant, context.corpus, context.audiences)

    def sources_of(self, context: ResearchContext) -> list[str]:
        """Return the names of the managed sources that the run may ask."""
        if self.sources is None:
            return []
        return self.sources.names(context.tenant, context.corpus, context.audiences)

    async def ask(
        self, runtime: Runtime[ResearchContext], role: Role, schema: type[Answer], messages: Sequence[BaseMessage]
    ) -> Answer:
        """Ask the model of `role` for an answer in `schema`, through the gateway.

        Raises:
            ModelOutputInvalid: the answer does not fit the schema, even after one repair.
            ModelUnavailable: the provider failed after all retries.
            BudgetExceeded: a budget does not cover the call.
        """
        model = self.gateway.chat_model(self._scope(runtime, role))
        return cast("Answer", await model.with_structured_output(schema).ainvoke(list(messages)))

    async def rounds_left(self, runtime: Runtime[ResearchContext], left: int) -> int:
        """Return `left`, or 0 if the soft limit of a budget is reached: then no further round or revision may start."""
        context = context_of(runtime)
        if left <= 0 or await self.gateway.may_expand(context.tenant, run_id_of(runtime), context.principal):
            return left
        notice("gateway", "budget_soft_limit", "no further round or revision: the soft limit of a budget is reached")
        return 0

    def evidence_room(self, runtime: Runtime[ResearchContext], role: Role, prompt: Sequence[BaseMessage]) -> int:
        """Return how many characters of evidence fit into the context window of the role's model besides `prompt`.

        There is no other bound: the number of passages of a run is bounded by its sub-questions, rounds and `k`.
        """
        context = context_of(runtime)
        answer = self.gateway.output_tokens(role, context)
        room = self.gateway.prompt_chars(self.gateway.model_id(role, context), answer)
        return room - sum(counted_chars(message.text) for message in prompt)

    def evidence_for(
        self,
        runtime: Runtime[ResearchContext],
        role: Role,
        schema: type[BaseModel],
        prompt: Sequence[BaseMessage],
        items: Sequence[EvidenceItem],
    ) -> list[EvidenceItem]:
        """Return the first of `items` that fit besides `prompt`; in a small context window at least one.

        Raises:
            PromptTooLong: instructions and answer leave no room for any of them.
        """
        context = context_of(runtime)
        model, answer = self.gateway.model_id(role, context), self.gateway.output_tokens(role, context)
        asked = sum(counted_chars(message.text) for message in prompt)
        most = self.gateway.most_prompt_chars(model, answer, schema) - asked
        chosen = fitting(items, self.evidence_room(runtime, role, prompt), most)
        if items and not chosen:
            raise PromptTooLong(
                f"the {role.value}'s instructions and its answer of {answer} tokens leave no room for a passage in the "
                f"context of {model!r}"
            )
        return chosen

    def _scope(self, runtime: Runtime[ResearchContext], role: Role) -> CallScope:
        context = context_of(runtime)
        execution = runtime.execution_info
        return CallScope(
            tenant=context.tenant,
            run_id=run_id_of(runtime),
            thread_id=(execution.thread_id if execution else None) or "",
            task_id=execution.task_id if execution else "",
            attempt=execution.node_attempt if execution else 1,
            role=role,
            model=self.gateway.model_id(role, context),
            temperature=context.temperature,
            max_output_tokens=self.gateway.output_tokens(role, context),
            run_limit_micro_usd=context.budget_micro_usd,
            principal=context.principal,
        )


def context_of(runtime: Runtime[ResearchContext]) -> ResearchContext:
    """Return the run's context.

    Raises:
        BadInput: the run has no context. LangGraph does not checkpoint it, so resuming without it gives `None`. A
            default here could answer from another tenant's corpus.
    """
    if runtime.context is None:
        raise BadInput("the run has no context", hint="pass `context=ResearchContext(…)`, also when resuming")
    return runtime.context


def account_of(runtime: Runtime[ResearchContext]) -> Account:
    """Return the account that is charged for the calls of a node."""
    context, execution = runtime.context, runtime.execution_info
    if context is None:
        return Account()
    thread_id = (execution.thread_id if execution else None) or ""
    return Account(context.tenant, run_id_of(runtime), thread_id, context.budget_micro_usd, context.principal)


def run_id_of(runtime: Runtime[ResearchContext]) -> str:
    """Return the run's id: the `run_id` of the config, else the thread's id. Resuming does not change it."""
    execution = runtime.execution_info
    return str((execution.run_id or execution.thread_id) if execution else "") or "run"
