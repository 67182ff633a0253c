"""The events of a run: numbered from 1, typed, the same on every surface.

A stream ends with `report`, `review_pending`, `stopped` or `failed`. Text is cut from the published report, which has
been verified: nothing that a model says is shown before.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from state.errors import ReviewPending, RunStopped
from state.report import Report
from state.values import Value

_PIECE = re.compile(r"(?:\S+\s*){1,8}|\s+")


class NumberedEvent(Value):
    """What every event has."""

    sequence: int = Field(ge=1, description="Its number within the run; a client resumes after the last it has seen.")


class RunStarted(NumberedEvent):
    """The run holds its thread."""

    type: Literal["run_started"] = "run_started"
    thread_id: str
    run_id: str
    trace_id: str


class NodeStarted(NumberedEvent):
    """A node began."""

    type: Literal["node_started"] = "node_started"
    node: str


class NodeFinished(NumberedEvent):
    """A node ended; with `error` its handler goes on."""

    type: Literal["node_finished"] = "node_finished"
    node: str
    error: bool = False


class TextDelta(NumberedEvent):
    """The next piece of the report's Markdown; all pieces together are the whole."""

    type: Literal["text"] = "text"
    text: str


class ReviewPendingEvent(NumberedEvent):
    """A person has to answer: what the draft says, its claims, and what the reviewer found."""

    type: Literal["review_pending"] = "review_pending"
    thread_id: str
    question: str = ""
    draft: str = ""
    claims: tuple[dict[str, Any], ...] = ()
    findings: tuple[dict[str, Any], ...] = ()


class RunStoppedEvent(NumberedEvent):
    """The run was drained at a node boundary; its thread can be resumed."""

    type: Literal["stopped"] = "stopped"
    thread_id: str


class RunFailed(NumberedEvent):
    """The run broke off with an error; its thread can be resumed."""

    type: Literal["failed"] = "failed"
    thread_id: str
    code: str
    message: str
    hint: str = ""


class ReportReady(NumberedEvent):
    """The report."""

    type: Literal["report"] = "report"
    report: Report


NodeEvent = NodeStarted | NodeFinished
Ending = ReviewPendingEvent | RunStoppedEvent | RunFailed | ReportReady
RunEvent = Annotated[RunStarted | NodeEvent | TextDelta | Ending, Field(discriminator="type")]
RUN_EVENT: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)
"""Reads an event from JSON."""


def pieces(text: str) -> Iterator[str]:
    """Yield `text` in pieces of about eight words; joined they are `text`."""
    return (piece.group() for piece in _PIECE.finditer(text))


async def last_report(events: AsyncIterator[RunEvent]) -> Report:
    """Return the report that ends `events`. Raises `ReviewPending` and `RunStopped` where they end in none."""
    last = None
    async for event in events:
        last = event
    if isinstance(last, ReviewPendingEvent):
        raise ReviewPending(f"the thread {last.thread_id!r} waits for a person's answer")
    if not isinstance(last, ReportReady):
        raise RunStopped("the run was stopped before its report")
    return last.report
