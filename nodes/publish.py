"""`publish`: the last node of every run. Numbers the citations, and leaves out what failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.runtime import Runtime
from opentelemetry import trace

from gateway.ledger.role_usage import with_rest
from nodes.collaborators import Collaborators, context_of, run_id_of
from nodes.evidence import chars_of, readable
from nodes.memory import PriorWork
from nodes.outcome import conclude, gaps_of, publishable, unresolved
from nodes.prompts import prompt_version
from nodes.rendering import Rendered, rendered_report
from nodes.research.completeness import completeness
from observability import trace_id_of
from settings.pools import CPU
from state.channels import ResearchContext, ResearchState
from state.editions import document_date, document_version
from state.endings import UNFINISHED
from state.page_labels import label_of
from state.report import Report, ReportEvidence, published_claim
from state.source_list import with_sources
from state.values import Claim, Passage, PastRun, Role, Scores, Status, Usage, Verification

SUMMARY_CHARS = 400
"""Maximum length of the answer's summary that a thread keeps. A chosen value."""

MAX_HISTORY = 6
"""Number of runs whose questions and answers a thread's state keeps. A chosen value: it is what the plan of a follow-up
reads (`nodes.guard_input.MAX_TURNS`), and it bounds each checkpoint, which holds them all."""

_ANSWER = "-a"
"""End of the id of an answer's message; the run's id stands before it."""


class Publish:
    """Turns the final state into the report, whatever the outcome."""

    def __init__(self, collaborators: Collaborators, memory: PriorWork) -> None:
        self._to = collaborators
        self._memory = memory

    async def __call__(self, state: ResearchState, runtime: Runtime[ResearchContext]) -> dict[str, Any]:
        context = context_of(runtime)
        claims = publishable(state)
        status, reason = conclude(state, claims)
        if status in (Status.REFUSED, Status.STOPPED, Status.ABSTAINED):
            claims = ()
        passages = readable(state, await self._cited(context, claims))
        # In a thread: a long draft takes a good part of a second, in which the loop would serve nobody else.
        chars = chars_of(state, passages)
        rendered = await CPU.run_unless_short(chars, rendered_report, claims, passages, state, status, reason)
        usage = await self._to.gateway.usage(context.tenant, run_id_of(runtime))
        report = Report(
            thread_id=_thread_id(runtime, context.tenant),
            run_id=state.get("run_id") or run_id_of(runtime),
            trace_id=trace_id_of(trace.get_current_span()),
            question=state.get("question") or "",
            status=status,
            stop_reason=reason,
            markdown=rendered.markdown,
            claims=tuple(published_claim(claim) for claim in rendered.claims),
            evidence=_evidence(rendered, passages, state),
            gaps=gaps_of(state, status),
            unresolved=(
                *unresolved(state, rendered.claims if claims else None),
                *completeness(state.get("question") or "", rendered.claims, passages, state.get("corpus")),
            ),
            masks=rendered.masks,
            refusal=state.get("refusal"),
            verification=state.get("verification") or Verification(),
            usage=usage,
            usage_by_role=with_rest(state.get("usage_by_role", {}), usage),
            prompts={role.value: prompt_version(role) for role in Role},
            models=self._models(context),
            corpus=state.get("corpus"),
            policy=self._to.guards.reference,
            research_rounds=state.get("research_rounds", 0),
            revisions=state.get("revisions", 0),
            timings_ms=state.get("timings_ms", {}),
            events=state.get("events", ()),
        )
        events = await self._memory.remember(runtime, report, summary(report))
        report = report.model_copy(update={"events": (*report.events, *events)})
        await self._to.gateway.end_run(context.tenant, run_id_of(runtime))
        return published(report, state)

    def _models(self, context: ResearchContext) -> dict[str, str]:
        """Return the model of each role; the judge's only if a model judges."""
        gateway = self._to.gateway
        judge = gateway.judge_id(context)
        chosen = {role.value: gateway.model_id(role, context) for role in Role if role is not Role.JUDGE}
        return {**chosen, Role.JUDGE.value: judge} if judge else chosen

    async def _cited(self, context: ResearchContext, claims: tuple[Claim, ...]) -> dict[str, Passage]:
        keys = list(dict.fromkeys(quote.evidence_id for claim in claims for quote in claim.citations))
        return await (await self._to.corpus(context)).passages(keys) if keys else {}


def summary(report: Report) -> str:
    """Return the beginning of the answer, cut at the end of a claim."""
    text = ""
    for claim in (claim for claim in report.claims if claim.kind.states):
        if text and len(text) + len(claim.text) > SUMMARY_CHARS:
            break
        text = f"{text} {claim.text}".strip()
    return text or report.markdown[:SUMMARY_CHARS]


def published(report: Report, state: ResearchState) -> dict[str, Any]:
    """Return the state update: the report, the conversation and the thread's history."""
    past = PastRun(run_id=report.run_id, question=report.question, status=report.status, summary=summary(report))
    by_question = not state.get("messages") or not isinstance(state["messages"][-1], HumanMessage)
    asked = [HumanMessage(report.question, id=f"{report.run_id}-q")] if by_question else []
    # Who asks by messages shows the conversation; of a thread of questions nothing reads the older ones.
    older = state.get("messages", [])[: -2 * (MAX_HISTORY - 1)] if by_question else []
    return {
        "report": report.model_dump(mode="json"),
        "messages": [
            *(RemoveMessage(message.id) for message in older if message.id),
            *asked,
            AIMessage(_told(report), id=f"{report.run_id}{_ANSWER}"),
        ],
        "history": (*state.get("history", ()), past)[-MAX_HISTORY:],
        "status": report.status,
        "usage": report.usage,
        # Inputs: left in place, they would answer or refuse the thread's next question.
        "refusal": None,
        "noticed": (),
        "question": "",
    }


def _told(report: Report) -> str:
    """Return the answer as the conversation keeps it: with its sources, or with what a stopped run says of its error.

    An agent on LangGraph's server reads this text alone. Message and hint of our errors never contain content.
    """
    failed = [
        event.detail for event in report.events if event.kind == "node_failed" and report.status is Status.STOPPED
    ]
    return "\n\n".join([with_sources(report), *failed[-1:]])


def answered_runs(messages: Iterable[AnyMessage]) -> list[str]:
    """Return the ids of the runs whose answers are in a thread's conversation."""
    ids = [message.id or "" for message in messages if isinstance(message, AIMessage)]
    return [each.removesuffix(_ANSWER) for each in ids if each.endswith(_ANSWER)]


def emergency_report(state: ResearchState, thread_id: str, run_id: str, reason: str) -> Report:
    """Return the report of a run whose `publish` failed. It uses the state alone, since any service may have failed."""
    return Report(
        thread_id=thread_id,
        run_id=state.get("run_id") or run_id,
        trace_id=trace_id_of(trace.get_current_span()),
        question=state.get("question") or "",
        status=Status.STOPPED,
        stop_reason=reason,
        markdown=UNFINISHED,
        gaps=gaps_of(state, Status.STOPPED),
        usage=Usage(),
        corpus=state.get("corpus"),
    )


def _thread_id(runtime: Runtime[ResearchContext], tenant: str) -> str:
    thread = (runtime.execution_info.thread_id if runtime.execution_info else None) or ""
    return thread.removeprefix(f"{tenant}/")


def _evidence(rendered: Rendered, passages: dict[str, Passage], state: ResearchState) -> tuple[ReportEvidence, ...]:
    scores = {hit.evidence_id: hit.scores for hit in reversed(state.get("hits", ())) if not hit.neighbour}
    return tuple(
        ReportEvidence(
            id=key,
            number=number,
            document_id=passages[key].document_id,
            title=passages[key].title,
            source=passages[key].source,
            page=passages[key].page,
            page_end=passages[key].page_end,
            page_label=label_of(passages[key].metadata, passages[key].page),
            page_end_label=label_of(passages[key].metadata, passages[key].page_end),
            heading_path=tuple(rendered.mask(heading) for heading in passages[key].heading_path),
            date=document_date(passages[key].metadata),
            version=document_version(passages[key].metadata),
            start=passages[key].start,
            end=passages[key].end,
            text=rendered.mask(passages[key].text),
            scores=scores.get(key, Scores()),
        )
        for key, number in rendered.numbers.items()
    )
