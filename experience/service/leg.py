"""Legs: what `LegDriver` executes of a run between a start or a resume and the next stop.

A run has one leg, plus one for every time it is resumed.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import RunControl
from langgraph.types import Command, Interrupt, StateSnapshot
from opentelemetry.trace import Link, Span, SpanContext, TraceFlags

from experience.service.events import RunEvent
from experience.service.screening import graph_input
from experience.service.threads import Lease, StoredRun, ThreadRecord
from settings import Settings
from state.channels import ResearchContext, ResearchInput
from state.errors import ThreadBusy, ThreadNotResumable
from state.report import Report
from state.values import ReviewAnswer


@dataclass(frozen=True)
class NewRun:
    """Invoke the graph with the inputs of a new run."""

    inputs: ResearchInput


@dataclass(frozen=True)
class GoOn:
    """Invoke the graph without inputs: it continues from the thread's last checkpoint."""


@dataclass(frozen=True)
class Answered:
    """Resume the graph with a person's answer, which the guards have screened."""

    answer: ReviewAnswer


@dataclass(frozen=True)
class AlreadyEnded:
    """Do not invoke the graph: the run has its report, only the thread's row does not say so yet."""

    report: Report


LegStart = NewRun | GoOn | Answered | AlreadyEnded


@dataclass(frozen=True)
class Leg:
    """One leg of a run.

    Args:
        context: the run's context.
        lease: the lease of its thread, which it holds.
        run_id: its UUID, the same for all legs of the run.
        start: how the graph is invoked.
        span: the leg's span.
        control: drains the leg.
        after: the number of the run's last event before this leg.
    """

    context: ResearchContext
    lease: Lease
    run_id: str
    start: LegStart
    span: Span
    control: RunControl
    after: int = 0

    @property
    def thread_id(self) -> str:
        """The thread of the run."""
        return self.lease.thread_id

    @property
    def span_ids(self) -> tuple[str, str]:
        """The trace id and the span id, in hexadecimal."""
        return span_ids(self.span)


class Legs:
    """The legs of a service that are under way, and the streams of their events.

    A caller may leave a stream before its end, with `break` for example. Then Python closes it in a task of its own. If
    the caller keeps it, Python does so when the event loop ends, which is after the service.
    """

    def __init__(self) -> None:
        self._named: dict[RunControl, tuple[str, str]] = {}
        self._streams = WeakKeyDictionary[AsyncGenerator[RunEvent], RunControl]()
        self._ended = asyncio.Event()

    def stream(self, make: Callable[[RunControl], AsyncGenerator[RunEvent]]) -> AsyncGenerator[RunEvent]:
        """Return the stream that `make` makes for the control of a new leg."""
        control = RunControl()
        events = make(control)
        self._streams[events] = control
        return events

    @contextmanager
    def under_way(self, control: RunControl, tenant: str, thread_id: str) -> Iterator[None]:
        """Let `request_drain` reach a leg while the block runs."""
        self._named[control] = (tenant, thread_id)
        try:
            yield
        finally:
            del self._named[control]
            self._ended.set()

    def request_drain(self, reason: str, thread: tuple[str, str] | None) -> None:
        """Stop every leg, or that of `thread`, after its current step."""
        for control, key in self._named.items():
            if thread in (None, key):
                control.request_drain(reason)

    async def close(self) -> None:
        """Close the streams whose next event nobody waits for, and wait until Python has closed those that were left.

        A stream whose next event a task waits for is left to the task.
        """
        async with AsyncExitStack() as closing:
            for events in list(self._streams):
                closing.push_async_callback(_close_unless_read, events)
        kept = set(self._streams.values())
        while any(control not in kept for control in self._named):
            self._ended.clear()
            await self._ended.wait()


async def _close_unless_read(events: AsyncGenerator[RunEvent]) -> None:
    # Looked at when its turn comes: a task may have asked for the next event while another stream was closed.
    if not events.ag_running:  # type: ignore[attr-defined]  # all generators have it
        await events.aclose()


def graph_argument(start: NewRun | GoOn | Answered) -> ResearchInput | Command[Any] | None:
    """Return the first argument of `graph.astream` for `start`."""
    match start:
        case NewRun():
            return start.inputs
        case Answered():
            return Command(resume=start.answer.model_dump(exclude={"review_id"}))
        case GoOn():
            return None


def graph_config(settings: Settings, tenant: str, thread_id: str, run_id: str) -> RunnableConfig:
    """Return LangGraph's configuration of a run.

    The checkpointer's thread id begins with the tenant, so that two tenants can use one thread id. The recursion limit
    is set because LangGraph's default is 10,007 steps.
    """
    return {
        "configurable": {"thread_id": f"{tenant}/{thread_id}"},
        "run_id": uuid.UUID(run_id),
        "metadata": {"sixplane_run_id": run_id},
        "recursion_limit": settings.run.recursion_limit,
        "max_concurrency": settings.run.max_concurrency,
    }


def check_seen(record: ThreadRecord, seen: str | None) -> None:
    """Raise `ThreadBusy` if a thread was continued since its caller has seen it at the time `seen`."""
    if seen not in (None, record.updated_at):
        hint = "look at the thread again: it may wait for an answer to another draft"
        raise ThreadBusy(f"the thread {record.thread_id!r} was continued meanwhile", hint=hint, ends=False)


def check_answer(record: ThreadRecord, answer: ReviewAnswer | None, waits: Sequence[Interrupt]) -> None:
    """Raise `ThreadNotResumable` if a waiting thread gets no answer or one to another review, or another thread one.

    Args:
        record: the thread.
        answer: the answer.
        waits: the review that waits; empty if none does.
    """
    if answer is not None and not waits:
        raise ThreadNotResumable(
            f"the thread {record.thread_id!r} does not wait for an answer", hint="resume it without an answer"
        )
    if waits and answer is None:
        raise ThreadNotResumable(
            f"the thread {record.thread_id!r} waits for a person's answer",
            hint="add `--approve`, `--revise TEXT` or `--reject`",
        )
    if answer is not None and answer.review_id not in ("", waits[0].id):
        raise ThreadNotResumable(
            f"the answer is to another review than the one for which the thread {record.thread_id!r} waits",
            hint="look at the draft that waits now, and answer with its `review_id`",
        )


def start_of_rest(stored: StoredRun, snapshot: StateSnapshot) -> LegStart:
    """Return how to start the next leg of a run that needs no answer.

    Raises:
        ThreadNotResumable: the thread has no work left.
    """
    record = stored.record
    # Ask for `tasks`, not `next`: `next` omits a node whose writes are stored when the step's checkpoint is not.
    left = bool(snapshot.tasks)
    if not left and record.status not in ("running", "interrupted"):
        raise ThreadNotResumable(
            f"the thread {record.thread_id!r} has nothing left to do", hint="`sixplane show` prints its report"
        )
    if left and _belongs_to(snapshot, record.run_id):
        return GoOn()
    report = snapshot.values.get("report") or {}
    if report.get("run_id") == record.run_id:
        return AlreadyEnded(Report.model_validate(report))
    # Killed between the row in `threads` and the first checkpoint: begin again from the stored question.
    return NewRun(graph_input(record.question, stored.refusal))


def leg_attributes(context: ResearchContext, thread_id: str, run_id: str) -> dict[str, str]:
    """Return the attributes of a leg's span."""
    return {
        "gen_ai.conversation.id": thread_id,
        "sixplane.run_id": run_id,
        "sixplane.tenant": context.tenant,
        "sixplane.corpus": context.corpus,
    }


def span_ids(span: Span) -> tuple[str, str]:
    """Return trace id and span id in hexadecimal."""
    context = span.get_span_context()
    return format(context.trace_id, "032x"), format(context.span_id, "016x")


def link_to_last_leg(stored: StoredRun) -> Link:
    """Return a span link to the run's last leg. Each leg has its own trace, because a resume may come days later."""
    ids = int(stored.record.trace_id, 16), int(stored.span_id, 16)
    return Link(SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)))


def _belongs_to(snapshot: StateSnapshot, run_id: str) -> bool:
    """Return whether the checkpoint is of this run; if not, the run was killed before its first checkpoint."""
    return snapshot.metadata is not None and snapshot.metadata.get("sixplane_run_id") == run_id
