"""Drives one leg of a run through the graph, under the thread's lease."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from langgraph.errors import GraphDrained

from experience.service.auditing import ServiceAudit
from experience.service.deletion import Checkpoints
from experience.service.events import ReportReady, ReviewPendingEvent, RunEvent, RunStarted, RunStoppedEvent
from experience.service.graph_events import Numbered, node_event, outcome_of, retrieved_by, thread_status
from experience.service.leg import AlreadyEnded, Answered, GoOn, Leg, NewRun, graph_argument, graph_config
from experience.service.threads import Threads
from graphs.opening import CompiledResearchGraph
from observability import trace_id_of
from settings import Settings
from state.report import Report


class LegDriver:
    """Turns a leg into events and keeps the thread's row up to date."""

    def __init__(
        self,
        settings: Settings,
        graph: CompiledResearchGraph,
        threads: Threads,
        checkpoints: Checkpoints,
        audit: ServiceAudit,
    ) -> None:
        self._settings, self._graph, self._threads = settings, graph, threads
        self._checkpoints, self._audit = checkpoints, audit

    async def events(self, leg: Leg) -> AsyncGenerator[RunEvent]:
        """Yield the leg's events while renewing the lease, then record the thread's status and release the lease.

        Of a finished run, one checkpoint is left.
        """
        numbered = Numbered(leg.after)
        status, report = "running", None
        try:
            yield numbered(RunStarted, thread_id=leg.thread_id, run_id=leg.run_id, trace_id=trace_id_of(leg.span))
            async with (
                self._threads.held(leg.lease, lambda: leg.control.request_drain("the lease was lost")),
                aclosing(self._steps(leg, numbered)) as steps,
            ):
                async for event in steps:
                    # The status is taken before the event goes out: the consumer may close this generator at `yield`.
                    status = thread_status(event, status)
                    report = event.report if isinstance(event, ReportReady) else None
                    yield event
        finally:
            ended = "interrupted" if status == "running" else status
            try:
                # Only of a run that has its report: what waits for a person or was stopped is resumed from there.
                if report is not None:
                    await self._checkpoints.keep_latest(leg.context.tenant, leg.thread_id)
            finally:
                await self._threads.settle(leg.lease, leg.run_id, ended, span=leg.span_ids, report=report)

    async def _steps(self, leg: Leg, numbered: Numbered) -> AsyncGenerator[RunEvent]:
        outcome: Report | dict[str, Any] | None = None
        start, retrieved = leg.start, dict[str, None]()
        if isinstance(start, AlreadyEnded):
            outcome = start.report
        else:
            try:
                async with aclosing(self._parts(leg, start)) as parts:
                    async for part in parts:
                        if (step := node_event(part, numbered)) is not None:
                            yield step
                        outcome = outcome_of(part) or outcome
                        retrieved |= dict.fromkeys(retrieved_by(part))
            except GraphDrained:
                yield numbered(RunStoppedEvent, thread_id=leg.thread_id)
                return
        ending = outcome or await self._stored_report(leg)
        if not isinstance(start, NewRun):  # an earlier leg has retrieved too
            retrieved = dict.fromkeys(hit.evidence_id for hit in (await self._values(leg)).get("hits", ()))
        await self._audit.ending(leg, ending, retrieved)
        for event in _closing(leg, ending, numbered):
            yield event

    async def _parts(self, leg: Leg, start: NewRun | GoOn | Answered) -> AsyncGenerator[Any]:
        """Yield the parts of the graph's stream."""
        if isinstance(start, NewRun):
            leg.span.add_event("transition", {"from": "__start__", "to": "guard_input"})
        config = graph_config(self._settings, leg.context.tenant, leg.thread_id, leg.run_id)
        parts: Any = self._graph.astream(
            graph_argument(start),
            config,
            context=leg.context,
            stream_mode=["tasks"],
            durability="sync",  # each checkpoint is stored before the next node starts: no crash repeats a node
            control=leg.control,
            version="v2",  # v3 is experimental in LangGraph 1.2 and warns at every call
        )
        async with aclosing(parts):
            async for part in parts:
                yield part

    async def _stored_report(self, leg: Leg) -> Report:
        """Return the report from the checkpoint: `publish` had stored its writes before a crash, so no node ran."""
        stored = (await self._values(leg)).get("report") or {}
        if stored.get("run_id") != leg.run_id:
            raise RuntimeError("the graph ended without a report")
        return Report.model_validate(stored)

    async def _values(self, leg: Leg) -> dict[str, Any]:
        """Return the channels of the thread's latest checkpoint."""
        config = graph_config(self._settings, leg.context.tenant, leg.thread_id, leg.run_id)
        values: dict[str, Any] = (await self._graph.aget_state(config)).values
        return values


def _closing(leg: Leg, outcome: Report | dict[str, Any], numbered: Numbered) -> list[RunEvent]:
    if isinstance(outcome, dict):
        return [numbered(ReviewPendingEvent, thread_id=leg.thread_id, **outcome)]
    leg.span.set_attribute("sixplane.status", str(outcome.status))
    leg.span.set_attribute("sixplane.stop_reason", outcome.stop_reason)
    return list(numbered.published(outcome))
