"""The service core: every surface adapts `run`, `stream`, `resume`, `batch` and `health`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command
from opentelemetry.trace import Link, Span, SpanContext, TraceFlags

from experience.batch import BatchOutcome, outcomes_of
from experience.doctor.health import check_health
from experience.service.events import ReviewPendingEvent, RunEvent, RunStarted, RunStoppedEvent, last_report
from experience.service.graph_events import Numbered, node_event, outcome_of, thread_status
from experience.service.models import HealthStatus, ResearchRequest, ThreadView
from experience.service.screening import graph_input, question_text, screened_answer, screened_question, screened_turns
from experience.service.threads import StoredRun, ThreadRecord, Threads
from gateway.ledger.account import Account, accounted
from graphs import open_collaborators
from graphs.opening import CompiledResearchGraph, compile_research_graph
from nodes import Collaborators
from nodes.memory import MEMORY_CORPUS, forget
from observability import configure_tracing, operation_span, trace_id_of
from retrieval.filters import compile_where
from settings import Settings, checked_name
from state.channels import ResearchContext
from state.errors import NameInvalid, ThreadNotResumable
from state.report import Report
from state.values import Refusal, ReviewAnswer, Role


class ResearchService:
    """Runs research. Opened by `open_service`."""

    def __init__(
        self, settings: Settings, collaborators: Collaborators, graph: CompiledResearchGraph, threads: Threads
    ) -> None:
        self.settings = settings
        self.gateway = collaborators.gateway
        self.corpora = collaborators.corpora
        self.guards = collaborators.guards
        self.graph = graph
        self._threads = threads
        self._controls: dict[RunControl, tuple[str, str]] = {}

    async def run(self, request: ResearchRequest, *, run_id: str | None = None) -> Report:
        """Return the report of `request`; `run_id` is a UUID that the caller chooses, to know the run again.

        Raises:
            QuestionInvalid: the question is empty, too long or not text.
            ThreadBusy: the thread is being run, or has an unfinished run.
            ReviewPending: a person has to answer first.
            RunStopped: the run was drained; its thread can be resumed.
        """
        return await last_report(self.stream(request, run_id=run_id))

    async def stream(self, request: ResearchRequest, *, run_id: str | None = None) -> AsyncGenerator[RunEvent]:
        """Yield the run's events; the last is `report`, `review_pending` or `stopped`. Raises like `run`.

        Args:
            request: what is asked.
            run_id: a UUID for the run, where the caller has to know it before.
        """
        thread_id = checked_name("thread", request.thread_id or f"t-{uuid.uuid4().hex[:12]}")
        with self._controlled(request.context.tenant, thread_id) as control:
            async with aclosing(self._run(request, thread_id, run_id or str(uuid.uuid4()), control)) as events:
                async for event in events:
                    yield event

    async def _run(
        self, request: ResearchRequest, thread_id: str, run_id: str, control: RunControl
    ) -> AsyncGenerator[RunEvent]:
        context = request.context
        checked_name("tenant", context.tenant)
        if checked_name("corpus", context.corpus) == MEMORY_CORPUS:
            raise NameInvalid(
                f"{MEMORY_CORPUS!r} is reserved: earlier reports are no evidence", hint="ask a corpus of documents"
            )
        for role in self._roles(context):
            self.gateway.model_id(role, context)
        compile_where(context.where)
        await self.corpora.get(context.tenant, context.corpus)
        with accounted(Account(context.tenant, run_id, thread_id, context.budget_micro_usd)):
            question, refusal = await screened_question(
                self.guards, question_text(request), self.settings.policy.max_question_chars
            )
            earlier = (
                [] if refusal else await screened_turns(self.guards, request, self.settings.policy.max_question_chars)
            )
        await self.gateway.usage(context.tenant, run_id)  # a ledger that cannot be read is told before a thread begins
        with operation_span("invoke_workflow", "research", _attributes(context, thread_id, run_id)) as span:
            await self._threads.start(context.tenant, thread_id, run_id, question, context, refusal, _ids(span))
            inputs = graph_input(question, refusal, earlier)
            async with aclosing(self._drive(context, thread_id, run_id, inputs, span, control)) as events:
                async for event in events:
                    yield event

    async def resume(
        self, tenant: str, thread_id: str, answer: ReviewAnswer | None = None, *, after: int = 0
    ) -> AsyncGenerator[RunEvent]:
        """Yield the events of the rest of an unfinished run, numbered from `after` on.

        Raises:
            ThreadMissing: the tenant has no such thread.
            ThreadBusy: a live run holds it.
            ThreadNotResumable: it is finished; or it waits for an answer and none is given; or the reverse.
            PolicyRefusal: a guard refuses the text of the answer; the thread waits for another one.
            QuestionInvalid: that text is too long, or no text.
        """
        named = checked_name("tenant", tenant), checked_name("thread", thread_id)
        with self._controlled(*named) as control:
            stored = await self._threads.take(*named)
            async with aclosing(self._resumed(stored, answer, after, control)) as events:
                async for event in events:
                    yield event

    async def _resumed(
        self, stored: StoredRun, answer: ReviewAnswer | None, after: int, control: RunControl
    ) -> AsyncGenerator[RunEvent]:
        """Yield the events of the rest of a run whose lease is taken."""
        record = stored.record
        thread_id = record.thread_id
        links = (Link(_span_context(record.trace_id, stored.span_id)),)
        attributes: dict[str, str | bool] = {
            **_attributes(stored.context, thread_id, record.run_id),
            "sixplane.resumed": True,
        }
        async with self._given_back(record):
            inputs = await self._rest(stored.context, record, stored.refusal, answer)
        with operation_span("invoke_workflow", "research", attributes, links=links) as span:
            driven = self._drive(stored.context, thread_id, record.run_id, inputs, span, control, after)
            async with aclosing(driven) as events:
                async for event in events:
                    yield event

    @asynccontextmanager
    async def _given_back(self, record: ThreadRecord) -> AsyncIterator[None]:
        """Give a taken lease back, with the status that the thread had, if the block fails or is cancelled."""
        try:
            yield
        except BaseException:
            await self._threads.settle(record.tenant, record.thread_id, record.status)
            raise

    @contextmanager
    def _controlled(self, tenant: str, thread_id: str) -> Iterator[RunControl]:
        """Yield the control by which the thread's run is drained while the block runs."""
        control = RunControl()
        self._controls[control] = (tenant, thread_id)
        try:
            yield control
        finally:
            del self._controls[control]

    def request_drain(self, reason: str, *, thread: tuple[str, str] | None = None) -> None:
        """Let every run, or that of one `(tenant, thread_id)`, stop after its current step and stay resumable.

        A run that is still being prepared stops after its first step.
        """
        for control, key in self._controls.items():
            if thread in (None, key):
                control.request_drain(reason)

    async def batch(
        self, requests: Iterable[ResearchRequest] | AsyncIterable[ResearchRequest], *, concurrency: int = 8
    ) -> AsyncGenerator[BatchOutcome]:
        """Yield one outcome for each request as it ends, at most `concurrency` at once; a failure is an outcome too.

        Nothing is recorded beyond the threads: a job that survives a crash is `experience.batch.BatchJob`.
        """
        async with aclosing(outcomes_of(self, requests, concurrency)) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def threads(self, tenant: str) -> list[ThreadRecord]:
        """Return the tenant's threads, the latest first."""
        return await self._threads.list(checked_name("tenant", tenant))

    async def show(self, tenant: str, thread_id: str) -> ThreadView:
        """Return a thread with its latest report. Raises `ThreadMissing`."""
        return await self._view(
            await self._threads.get(checked_name("tenant", tenant), checked_name("thread", thread_id))
        )

    async def show_run(self, tenant: str, run_id: str) -> ThreadView | None:
        """Return the thread whose latest run that is, `None` where the tenant has none."""
        stored = await self._threads.by_run(checked_name("tenant", tenant), run_id)
        return None if stored is None else await self._view(stored)

    async def _view(self, stored: StoredRun) -> ThreadView:
        tenant, thread_id = stored.record.tenant, stored.record.thread_id
        snapshot = await self.graph.aget_state(_config(self.settings, tenant, thread_id, stored.record.run_id))
        report = snapshot.values.get("report")
        return ThreadView(
            record=stored.record,
            report=Report.model_validate(report) if report else None,
            next=tuple(snapshot.next),
            pending=dict(snapshot.interrupts[0].value) if snapshot.interrupts else None,
            history=snapshot.values.get("history", ()),
            live=stored.live,
        )

    async def delete(self, tenant: str, thread_id: str) -> None:
        """Delete a thread: its checkpoints, and what is remembered of its runs.

        Raises:
            ThreadMissing: the tenant has no such thread.
            ThreadBusy: a live run holds it.
        """
        stored = await self._threads.take(checked_name("tenant", tenant), checked_name("thread", thread_id))
        async with self._given_back(stored.record):  # deleting again goes on
            view = await self.show(tenant, thread_id)
            await forget(self.corpora, self.graph.store, tenant, [past.run_id for past in view.history])
            saver = self.graph.checkpointer
            if isinstance(saver, BaseCheckpointSaver):
                await saver.adelete_thread(f"{tenant}/{thread_id}")
        await self._threads.remove(tenant, thread_id)

    async def health(self) -> HealthStatus:
        """Return what works and what does not, each with its remedy."""
        return await check_health(self.settings, self.corpora)

    async def _rest(
        self, context: ResearchContext, record: ThreadRecord, refusal: Refusal | None, answer: ReviewAnswer | None
    ) -> Any:
        """Return what the graph is invoked with to finish the run."""
        snapshot = await self.graph.aget_state(_config(self.settings, context.tenant, record.thread_id, record.run_id))
        waiting = bool(snapshot.interrupts)
        if answer is not None and not waiting:
            raise ThreadNotResumable(
                f"the thread {record.thread_id!r} does not wait for an answer", hint="resume it without one"
            )
        if waiting and answer is None:
            raise ThreadNotResumable(
                f"the thread {record.thread_id!r} waits for a person's answer",
                hint="add `--approve`, `--revise TEXT` or `--reject`",
            )
        if answer is not None:
            with accounted(Account(context.tenant, record.run_id, record.thread_id, context.budget_micro_usd)):
                screened = await screened_answer(self.guards, answer, self.settings.policy.max_question_chars)
            return Command(resume=screened.model_dump())
        # `next` leaves out a node whose writes are kept already, though the step's checkpoint may not be
        left = bool(snapshot.tasks)
        if not left and record.status not in ("running", "interrupted"):
            raise ThreadNotResumable(
                f"the thread {record.thread_id!r} has nothing left to do", hint="`sixplane show` prints its report"
            )
        began = snapshot.metadata is not None and (snapshot.metadata.get("sixplane_run_id") == record.run_id)
        if left and began:
            return None
        report = snapshot.values.get("report") or {}
        if report.get("run_id") == record.run_id:
            return Report.model_validate(report)
        return graph_input(record.question, refusal)

    async def _drive(
        self,
        context: ResearchContext,
        thread_id: str,
        run_id: str,
        inputs: Any,
        span: Span,
        control: RunControl,
        after: int = 0,
    ) -> AsyncGenerator[RunEvent]:
        """Yield the events of the graph under the thread's lease, then settle the thread."""
        tenant, numbered = context.tenant, Numbered(after)
        status = "running"
        try:
            yield numbered(RunStarted, thread_id=thread_id, run_id=run_id, trace_id=trace_id_of(span))
            async with (
                self._threads.held(tenant, thread_id, lambda: control.request_drain("the lease was lost")),
                aclosing(self._steps(context, thread_id, run_id, inputs, span, control, numbered)) as steps,
            ):
                async for event in steps:
                    status = thread_status(event, status)
                    yield event
        finally:
            await self._threads.settle(tenant, thread_id, "interrupted" if status == "running" else status, _ids(span))

    async def _steps(
        self,
        context: ResearchContext,
        thread_id: str,
        run_id: str,
        inputs: Any,
        span: Span,
        control: RunControl,
        numbered: Numbered,
    ) -> AsyncGenerator[RunEvent]:
        outcome: Report | dict[str, Any] | None = inputs if isinstance(inputs, Report) else None
        if outcome is None:
            if inputs is not None and not isinstance(inputs, Command):
                span.add_event("transition", {"from": "__start__", "to": "guard_input"})
            config = _config(self.settings, context.tenant, thread_id, run_id)
            try:
                async with aclosing(self._parts(inputs, config, context, control)) as parts:
                    async for part in parts:
                        if (step := node_event(part, numbered)) is not None:
                            yield step
                        outcome = outcome_of(part) or outcome
            except GraphDrained:
                yield numbered(RunStoppedEvent, thread_id=thread_id)
                return
        if outcome is None:  # the writes of `publish` were kept before a crash: nothing was left to run
            outcome = await self._kept(context, thread_id, run_id)
        if isinstance(outcome, dict):
            yield numbered(ReviewPendingEvent, thread_id=thread_id, **outcome)
            return
        span.set_attribute("sixplane.status", str(outcome.status))
        span.set_attribute("sixplane.stop_reason", outcome.stop_reason)
        for event in numbered.published(outcome):
            yield event

    async def _kept(self, context: ResearchContext, thread_id: str, run_id: str) -> Report:
        """Return the run's report as the thread keeps it."""
        snapshot = await self.graph.aget_state(_config(self.settings, context.tenant, thread_id, run_id))
        kept = snapshot.values.get("report") or {}
        if kept.get("run_id") != run_id:
            raise RuntimeError("the graph ended without a report")
        return Report.model_validate(kept)

    async def _parts(
        self, inputs: Any, config: RunnableConfig, context: ResearchContext, control: RunControl
    ) -> AsyncGenerator[Any]:
        """Yield the parts of the graph's stream."""
        parts: Any = self.graph.astream(
            inputs, config, context=context, stream_mode=["tasks"], durability="sync", control=control, version="v2"
        )
        async with aclosing(parts):
            async for part in parts:
                yield part

    def _roles(self, context: ResearchContext) -> list[Role]:
        return [role for role in Role if role is not Role.JUDGE or role.value in context.models]


@asynccontextmanager
async def open_service(
    settings: Settings,
    *,
    gateway_models: Mapping[str, BaseChatModel] | None = None,
    embeddings: Embeddings | None = None,
) -> AsyncIterator[ResearchService]:
    """Yield the service of `settings`; `gateway_models` adds chat models by id, `embeddings` replaces the encoder."""
    configure_tracing(settings)
    async with open_collaborators(settings, models=gateway_models, embeddings=embeddings) as collaborators:
        threads = Threads(settings, lease_seconds=settings.run.lease_seconds)
        try:
            await threads.setup()
            async with compile_research_graph(settings, collaborators) as graph:
                yield ResearchService(settings, collaborators, graph, threads)
        finally:
            await threads.aclose()


def _config(settings: Settings, tenant: str, thread_id: str, run_id: str) -> RunnableConfig:
    return {
        "configurable": {"thread_id": f"{tenant}/{thread_id}"},
        "run_id": uuid.UUID(run_id),
        "metadata": {"sixplane_run_id": run_id},
        "recursion_limit": settings.run.recursion_limit,
        "max_concurrency": settings.run.max_concurrency,
    }


def _attributes(context: ResearchContext, thread_id: str, run_id: str) -> dict[str, str]:
    return {
        "gen_ai.conversation.id": thread_id,
        "sixplane.run_id": run_id,
        "sixplane.tenant": context.tenant,
        "sixplane.corpus": context.corpus,
    }


def _ids(span: Span) -> tuple[str, str]:
    context = span.get_span_context()
    return format(context.trace_id, "032x"), format(context.span_id, "016x")


def _span_context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
