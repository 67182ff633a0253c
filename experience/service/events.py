"""The events of a run: typed, numbered from 1, the same on every surface.

A stream ends with `report`, `review_pending`, `stopped` or `failed`. `text` events are cut from the published, verified
report; no model output is streamed before it is verified.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from state.errors import ReviewPending, RunStopped
from state.report import Report
from state.values import Value

# White space belongs to the piece before it, so that the pieces joined are the text, character by character.
_PIECE = re.compile(r"(?:\S+\s*){1,8}|\s+")


class NumberedEvent(Value):
    """The base class of all events."""

    sequence: int = Field(ge=1, description="The event's number in its run; a client reconnects with the last it saw.")


class RunStarted(NumberedEvent):
    """The run has started and holds the thread's lease."""

    type: Literal["run_started"] = "run_started"
    thread_id: str
    run_id: str
    trace_id: str


class NodeStarted(NumberedEvent):
    """A node started."""

    type: Literal["node_started"] = "node_started"
    node: str


class NodeFinished(NumberedEvent):
    """A node ended. `error` says that it failed and its error handler takes over."""

    type: Literal["node_finished"] = "node_finished"
    node: str
    error: bool = False


class TextDelta(NumberedEvent):
    """The next piece of the report's Markdown. The pieces joined are the complete text."""

    type: Literal["text"] = "text"
    text: str


class ReviewPendingEvent(NumberedEvent):
    """The run waits for a person's answer to the draft, its claims and the reviewer's findings."""

    type: Literal["review_pending"] = "review_pending"
    thread_id: str
    review_id: str = Field("", description="Names this review: an answer that names another one is refused.")
    question: str = ""
    draft: str = ""
    claims: tuple[dict[str, Any], ...] = ()
    findings: tuple[dict[str, Any], ...] = ()


class RunStoppedEvent(NumberedEvent):
    """The run was stopped at a node boundary; its thread can be resumed."""

    type: Literal["stopped"] = "stopped"
    thread_id: str


class RunFailed(NumberedEvent):
    """The run failed with an error; its thread can be resumed."""

    type: Literal["failed"] = "failed"
    thread_id: str
    code: str
    message: str
    hint: str = ""


class ReportReady(NumberedEvent):
    """The run's report."""

    type: Literal["report"] = "report"
    report: Report


NodeEvent = NodeStarted | NodeFinished
Ending = ReviewPendingEvent | RunStoppedEvent | RunFailed | ReportReady
RunEvent = Annotated[RunStarted | NodeEvent | TextDelta | Ending, Field(discriminator="type")]
RUN_EVENT: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)
"""Parses an event from JSON. Built once, because building a `TypeAdapter` is slow."""


def pieces(text: str) -> Iterator[str]:
    """Yield `text` in pieces of about eight words. Joined, the pieces are `text`."""
    return (piece.group() for piece in _PIECE.finditer(text))


async def last_report(events: AsyncIterator[RunEvent]) -> Report:
    """Return the report that ends `events`. Raises `ReviewPending` or `RunStopped` if they end without a report."""
    last = None
    async for event in events:
        last = event
    if isinstance(last, ReviewPendingEvent):
        raise ReviewPending(f"the thread {last.thread_id!r} waits for a person's answer")
    if not isinstance(last, ReportReady):
        raise RunStopped("the run was stopped before its report")
    return last.report
