"""Turns the parts of LangGraph's `tasks` stream into run events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from langgraph.types import Interrupt

from experience.service.events import (
    NodeFinished,
    NodeStarted,
    NumberedEvent,
    ReportReady,
    ReviewPendingEvent,
    RunEvent,
    RunFailed,
    RunStoppedEvent,
    TextDelta,
    pieces,
)
from state.report import Report

Event = TypeVar("Event", bound=NumberedEvent)


class Numbered:
    """Creates events and numbers them from `after + 1`."""

    def __init__(self, after: int = 0) -> None:
        self._last = after

    def __call__(self, kind: type[Event], **fields: Any) -> Event:
        """Return the next event of `kind`."""
        self._last += 1
        return kind(sequence=self._last, **fields)

    def published(self, report: Report) -> Iterator[RunEvent]:
        """Yield the text of `report` in pieces, then the report."""
        for text in pieces(report.markdown):
            yield self(TextDelta, text=text)
        yield self(ReportReady, report=report)


def node_event(part: Any, numbered: Numbered) -> NodeStarted | NodeFinished | None:
    """Return the event for a part of the stream, or `None` if the node waits for a person."""
    data = part["data"]
    if "input" in data:
        return numbered(NodeStarted, node=data["name"])
    if data.get("interrupts"):
        return None
    return numbered(NodeFinished, node=data["name"], error=bool(data.get("error")))


def outcome_of(part: Any) -> Report | dict[str, Any] | None:
    """Return the report in a part, or the fields of the question to a person, or `None`.

    The report is validated here: LangGraph validates the inputs of nodes only, not what the last node returns.
    """
    data = part["data"]
    if "input" in data:
        return None
    if data.get("interrupts"):
        # The first one only: each node interrupts at most once. The `tasks` stream has interrupts as dictionaries.
        first = data["interrupts"][0]
        return asked_of(first if isinstance(first, Interrupt) else Interrupt(first["value"], id=first["id"]))
    report = (data.get("result") or {}).get("report")
    return Report.model_validate(report) if report else None


def asked_of(interrupt: Interrupt) -> dict[str, Any]:
    """Return the fields of a question to a person, with `review_id`. Each further question has another one."""
    return {**interrupt.value, "review_id": interrupt.id}


def retrieved_by(part: Any) -> list[str]:
    """Return the evidence ids that a part of the stream adds to what its run has retrieved."""
    found = (part["data"].get("result") or {}).get("hits")
    return [hit.evidence_id for hit in found] if isinstance(found, tuple) else []  # a new run overwrites earlier ones


def thread_status(event: RunEvent, before: str) -> str:
    """Return the thread's status after `event`."""
    match event:
        case ReportReady():
            return str(event.report.status)
        case ReviewPendingEvent():
            return "review"
        case RunStoppedEvent() | RunFailed():
            return "interrupted"
    return before
