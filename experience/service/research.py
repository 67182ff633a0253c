"""The service core. Command line, HTTP, MCP, batch and notebooks all call `ResearchService`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.runtime import RunControl
from langgraph.types import StateSnapshot

from experience.doctor.health import check_health
from experience.doctor.opened import Handle, OpenedHome, Read
from experience.doctor.values import HealthStatus, status_of
from experience.service.auditing import ServiceAudit, of_context
from experience.service.deletion import Checkpoints, Deletions
from experience.service.driver import LegDriver
from experience.service.events import RunEvent, last_report
from experience.service.evidence import RunEvidence, run_evidence
from experience.service.exporting import EXPORT, Reader, export_run, finished, signing_key
from experience.service.leg import (
    Answered,
    Leg,
    Legs,
    LegStart,
    NewRun,
    check_answer,
    check_seen,
    leg_attributes,
    link_to_last_leg,
    span_ids,
    start_of_rest,
)
from experience.service.models import ResearchRequest, RunView, ThreadView
from experience.service.screening import graph_input, question_text, screened_answer, screened_question, screened_turns
from experience.service.threads import Lease, PageWanted, StoredRun, ThreadPage, ThreadRecord, Threads
from experience.service.views import KeptViews
from gateway.ledger.account import Account, accounted
from graphs import open_collaborators
from graphs.opening import CompiledResearchGraph, compile_research_graph
from nodes import Collaborators
from nodes.checks.number_words import number_pattern
from nodes.draft import load_parsers
from observability import collected_notices, configure_tracing, made_within, operation_span, within
from observability.audit import Actor, AuditTrail, named
from policy.fingerprint import policy_reference
from retrieval.filters import parsed
from settings import MEMORY_CORPUS, Settings, checked_name
from settings.pools import CPU, IO
from state.channels import ResearchContext
from state.errors import NameInvalid, PolicyRefusal
from state.report import Report
from state.values import Refusal, ReviewAnswer

if TYPE_CHECKING:
    from experience.bundle import Bundle, WholeTexts

_NOBODY = "-"
"""A name that no tenant has."""


class ResearchService:
    """Starts, resumes, shows and deletes runs. `open_service` opens it."""

    def __init__(
        self, settings: Settings, collaborators: Collaborators, graph: CompiledResearchGraph, threads: Threads
    ) -> None:
        self.settings = settings
        self.gateway = collaborators.gateway
        self.corpora = collaborators.corpora
        self.guards = collaborators.guards
        self.graph = graph
        self.kept = threads
        self._views = KeptViews(settings, graph, threads)
        self.audit = ServiceAudit(AuditTrail(settings, policy=policy_reference(settings).hash), self.corpora)
        checkpoints = Checkpoints(graph, threads, self._views)
        self.deletions = Deletions(settings, graph, threads, self._views, checkpoints, self.corpora, self.gateway)
        self._driver = LegDriver(settings, graph, threads, checkpoints, self.audit)
        self._opened = OpenedHome(settings.home, self._handles(), self.guards.unprepared)
        self.legs = Legs()

    async def run(self, request: ResearchRequest, *, run_id: str | None = None) -> Report:
        """Run `request` and return its report. A caller may choose `run_id`, a UUID, to find the run again.

        Raises:
            QuestionInvalid: the question is empty, too long or not text.
            GuardUnavailable: a guard could not answer, so the question was not asked.
            ThreadBusy: another run holds the thread's lease, or the thread has an unfinished run.
            ReviewPending: the run waits for a person's answer.
            RunStopped: the run was drained; its thread can be resumed.
        """
        return await last_report(self.stream(request, run_id=run_id))

    def stream(self, request: ResearchRequest, *, run_id: str | None = None) -> AsyncGenerator[RunEvent]:
        """Yield the run's events; the last is `report`, `review_pending` or `stopped`. Raises like `run`.

        A caller that leaves before that, with `break` for example, cancels the run; its thread can be resumed.

        Args:
            request: the question and its context.
            run_id: a UUID for the run, for callers that must know it in advance.
        """
        return self.legs.stream(lambda control: self._stream(request, run_id or str(uuid.uuid4()), control))

    async def _stream(self, request: ResearchRequest, run_id: str, control: RunControl) -> AsyncGenerator[RunEvent]:
        thread_id = checked_name("thread", request.thread_id or f"t-{uuid.uuid4().hex[:12]}")
        with self.legs.under_way(control, request.context.tenant, thread_id):
            async with aclosing(self._run(request, thread_id, run_id, control)) as events:
                async for event in events:
                    yield event

    async def _run(
        self, request: ResearchRequest, thread_id: str, run_id: str, control: RunControl
    ) -> AsyncGenerator[RunEvent]:
        context = self.effective(request.context)
        await self._check(context, question_text(request))
        attributes = leg_attributes(context, thread_id, run_id)
        with operation_span("invoke_workflow", "research", attributes, current=False) as span:
            with within(span):
                with collected_notices() as noticed:
                    question, refusal, earlier = await self._screened(request, thread_id, run_id)
                # Read the ledger before the thread's row exists: if it cannot be read, no unfinished run is left.
                await self.gateway.usage(context.tenant, run_id)
                named = context.tenant, thread_id, run_id
                lease = await self.kept.start(*named, question, context, refusal, span_ids(span))
            start = NewRun(graph_input(question, refusal, earlier, noticed))
            leg = Leg(context, lease, run_id, start, span, control)
            async with aclosing(made_within(span, self._driver.events(leg))) as events:
                async for event in events:
                    yield event

    def effective(self, context: ResearchContext) -> ResearchContext:
        """Return the context with the number of passages that a run uses, also if the caller gave none."""
        # The thread and the key of a batch row keep this number: after a change of the setting, a resumed run would
        # otherwise retrieve with two numbers, and one output file would mix answers from both.
        return context.model_copy(update={"k": context.k or self.settings.retrieval.passages_per_sub_question})

    async def _check(self, context: ResearchContext, question: str) -> None:
        """Raise what is wrong with the context, or does not fit the question, before anything is stored."""
        checked_name("tenant", context.tenant)
        if checked_name("corpus", context.corpus) == MEMORY_CORPUS:
            raise NameInvalid(
                f"{MEMORY_CORPUS!r} is reserved: earlier reports are not evidence", hint="ask a corpus of documents"
            )
        self.gateway.check_run(context, question)
        parsed(context.where)
        await self.corpora.get(context.tenant, context.corpus)

    async def _screened(
        self, request: ResearchRequest, thread_id: str, run_id: str
    ) -> tuple[str, Refusal | None, list[AnyMessage]]:
        """Return the screened question, the refusal if a guard refused it, and the screened earlier messages.

        Guards may call models, so the calls are charged to the run.
        """
        context, limit = request.context, self.settings.policy.max_question_chars
        with accounted(_account(context, run_id, thread_id)):
            question, refusal = await screened_question(self.guards, question_text(request), limit)
            return question, refusal, [] if refusal else await screened_turns(self.guards, request, limit)

    def resume(
        self,
        tenant: str,
        thread_id: str,
        answer: ReviewAnswer | None = None,
        *,
        after: int = 0,
        audiences: tuple[str, ...] | None = None,
        seen: str | None = None,
    ) -> AsyncGenerator[RunEvent]:
        """Continue an unfinished run and yield its further events, numbered from `after + 1`. Leave it like `stream`.

        Args:
            tenant: the tenant that owns the thread.
            thread_id: the thread.
            answer: the answer to the review for which the run waits.
            after: the number of the run's last event.
            audiences: from here on, the run reads only what they may read as well; `None` limits it no further.
            seen: the `updated_at` of the thread that the caller continues; `None`: whatever it is by now.

        Raises:
            ThreadMissing: the tenant has no such thread.
            ThreadBusy: another run holds the thread's lease, or the thread was continued since it was `seen`.
            ThreadNotResumable: the run is finished, or it waits for an answer and got none, or the reverse.
            PolicyRefusal: a guard refuses the answer's text; the thread keeps waiting for an answer.
            GuardUnavailable: a guard could not answer; the thread keeps waiting.
            QuestionInvalid: the answer's text is too long or contains control characters.
        """
        return self.legs.stream(lambda control: self._taken(tenant, thread_id, answer, after, audiences, seen, control))

    async def _taken(
        self,
        tenant: str,
        thread_id: str,
        answer: ReviewAnswer | None,
        after: int,
        audiences: tuple[str, ...] | None,
        seen: str | None,
        control: RunControl,
    ) -> AsyncGenerator[RunEvent]:
        named = checked_name("tenant", tenant), checked_name("thread", thread_id)
        # The control is registered first, so that a drain reaches a resume that is still being prepared.
        with self.legs.under_way(control, *named):
            stored, lease = await self.kept.take(*named)
            stored = stored.seen_by(audiences)
            async with aclosing(self._resumed(stored, lease, answer, after, control, seen)) as events:
                async for event in events:
                    yield event

    async def _resumed(
        self,
        stored: StoredRun,
        lease: Lease,
        answer: ReviewAnswer | None,
        after: int,
        control: RunControl,
        seen: str | None,
    ) -> AsyncGenerator[RunEvent]:
        """Yield the events of a resumed run. The caller has taken the thread's lease."""
        record, context, left = stored.record, stored.context, stored.record.status
        try:
            check_seen(record, seen)
            snapshot = await self._views.snapshot(record)
            if snapshot.interrupts:
                left = "review"  # also if its process died before the row could say so
            start = await self._rest(stored, snapshot, answer)
            await self.kept.go_on(lease, record.run_id)
        except BaseException:  # cancellation too: otherwise the thread stays busy until the lease expires
            await self.kept.release(lease, left)
            raise
        attributes: dict[str, str | bool] = {
            **leg_attributes(context, record.thread_id, record.run_id),
            "sixplane.resumed": True,
        }
        links = (link_to_last_leg(stored),)
        with operation_span("invoke_workflow", "research", attributes, links=links, current=False) as span:
            leg = Leg(context, lease, record.run_id, start, span, control, after)
            async with aclosing(made_within(span, self._driver.events(leg))) as events:
                async for event in events:
                    yield event

    async def _rest(self, stored: StoredRun, snapshot: StateSnapshot, answer: ReviewAnswer | None) -> LegStart:
        """Return how the graph continues the run."""
        check_answer(stored.record, answer, snapshot.interrupts)
        if answer is None:
            return start_of_rest(stored, snapshot)
        record, context = stored.record, stored.context
        what, limit = named("thread", record.thread_id), self.settings.policy.max_question_chars
        async with self.audit.refusals(of_context(context), "answer", what, (PolicyRefusal,)):
            with accounted(_account(context, record.run_id, record.thread_id)):
                return Answered(await screened_answer(self.guards, answer, limit))

    def request_drain(self, reason: str, *, thread: tuple[str, str] | None = None) -> None:
        """Stop every run, or the run of one `(tenant, thread_id)`, after its current step; it can be resumed.

        A run that is still being prepared stops after its first step.
        """
        self.legs.request_drain(reason, thread)

    async def threads(self, tenant: str, wanted: PageWanted | None = None) -> ThreadPage:
        """Return a page of the tenant's threads, the latest first. Raises `BadInput` for a cursor of something else."""
        return await self.kept.list(checked_name("tenant", tenant), wanted or PageWanted())

    async def record(self, tenant: str, thread_id: str) -> ThreadRecord:
        """Return the row of a thread. Raises `ThreadMissing`."""
        return (await self.kept.get(checked_name("tenant", tenant), checked_name("thread", thread_id))).record

    async def show(self, tenant: str, thread_id: str) -> ThreadView:
        """Return a thread with its latest report. Raises `ThreadMissing`."""
        return await self._views.thread(checked_name("tenant", tenant), checked_name("thread", thread_id))

    async def show_run(self, tenant: str, run_id: str) -> RunView | None:
        """Return a run with its report, or `None`."""
        return await self._views.run(checked_name("tenant", tenant), run_id)

    @asynccontextmanager
    async def exported(
        self, actor: Actor, thread_id: str, reader: Reader, whole: WholeTexts, sign_key: Path | None = None
    ) -> AsyncIterator[Bundle]:
        """Yield the evidence bundle of a thread's latest run, and record in the audit trail how the block ended.

        Args:
            actor: who gets it; its tenant owns the thread.
            thread_id: the thread.
            reader: what the actor may read.
            whole: which documents the bundle holds with their whole text.
            sign_key: the key to sign with; `None`: that of the setting `audit.bundle_key`, if there is one.

        Raises:
            ThreadMissing: the tenant has no such thread.
            ThreadBusy, ReviewPending: its latest run has no report yet.
            BadInput: the bundle is too large, or the key cannot be used.
            SettingsInvalid: the key of the setting cannot be used.
            DependencyUnavailable: the audit trail cannot be read.
        """
        tenant, name = checked_name("tenant", actor.tenant), checked_name("thread", thread_id)
        async with self.audit.export(actor, named("thread", name)) as told:
            stored = await self.kept.get(tenant, name)
            run = finished(stored.record, (await self._views.snapshot(stored.record)).values)
            key = await IO.run(signing_key, sign_key, self.settings.audit.bundle_key)
            await self.audit.report(actor, EXPORT, named("thread", name), run.report)
            bundle = await export_run(run, self.corpora, self.audit.trail, reader, whole, key)
            told(bundle)
            yield bundle

    async def evidence(self, tenant: str, thread_id: str) -> RunEvidence:
        """Return which passages of a thread's latest run reached analyzer and writer. Raises `ThreadMissing`."""
        stored = await self.kept.get(checked_name("tenant", tenant), checked_name("thread", thread_id))
        return run_evidence((await self._views.snapshot(stored.record)).values)

    async def delete(self, tenant: str, thread_id: str) -> None:
        """Delete a thread, its checkpoints, traces and memo, and the memory of its runs, with no trace in a log.

        Raises:
            ThreadMissing: the tenant has no such thread.
            ThreadBusy: another run holds the thread's lease, or has taken it meanwhile.
        """
        named = checked_name("tenant", tenant), checked_name("thread", thread_id)
        async with self.deletions.emptied(*named):
            await self.deletions.forget_traces([named])

    async def warm(self) -> None:
        """Load what guards and checks need, the encoder among it, so that no first question waits for it.

        What a guard cannot load is logged, and the question that needs it fails.
        """
        await self.guards.warm()
        for load in (load_parsers, number_pattern):
            await CPU.run(load)

    def _handles(self) -> tuple[Handle, ...]:
        saver, store = self.graph.checkpointer, self.graph.store
        kept: list[Read] = []
        if isinstance(saver, BaseCheckpointSaver):
            kept.append(lambda: saver.aget_tuple({"configurable": {"thread_id": _NOBODY, "checkpoint_ns": ""}}))
        if store is not None:
            kept.append(lambda: store.aget((_NOBODY,), _NOBODY))
        rows = (self.kept.check, lambda: self.gateway.usage(_NOBODY, _NOBODY))
        return (
            Handle("databases", rows, "threads and ledger can be read"),
            Handle("checkpoints", tuple(kept), "checkpoints and the memory of reports can be read"),
            Handle("audit", (self.audit.trail.check,), "it takes lines" if self.audit.trail.enabled else "it is off"),
            # Not essential: one corpus that is damaged must not stop the others.
            Handle("open corpora", (self.corpora.check,), "stores and indexes can be searched", essential=False),
        )

    async def ready(self) -> HealthStatus:
        """Check what the service has opened: cheap, for probes."""
        return status_of(await self._opened.checks())

    async def health(self) -> HealthStatus:
        """Check what the service has opened, the encoder and the corpora, each with a remedy."""
        return await check_health(self.settings, self.corpora, await self._opened.checks())


@asynccontextmanager
async def open_service(
    settings: Settings,
    *,
    gateway_models: Mapping[str, BaseChatModel] | None = None,
    embeddings: Embeddings | None = None,
) -> AsyncIterator[ResearchService]:
    """Open the service. When it closes, runs whose events nobody reads any more are cancelled; they can be resumed.

    `gateway_models` adds chat models by id; `embeddings` replaces the encoder."""
    configure_tracing(settings)
    async with open_collaborators(settings, models=gateway_models, embeddings=embeddings) as collaborators:
        threads = Threads(settings, lease_seconds=settings.run.lease_seconds)
        try:
            await threads.setup()
            async with compile_research_graph(settings, collaborators) as graph:
                service = ResearchService(settings, collaborators, graph, threads)
                async with service.audit.trail:
                    try:
                        yield service
                    finally:
                        await service.legs.close()
        finally:
            await threads.aclose()


def _account(context: ResearchContext, run_id: str, thread_id: str) -> Account:
    return Account(context.tenant, run_id, thread_id, context.budget_micro_usd, context.principal)
