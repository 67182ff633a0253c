"""What did not go the plain way: an event of the current span, and of the run's report.

A node's wrapper collects the notices of its attempt; below it, a fallback or a failed reranker tells one without
knowing who listens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace

from state.values import Event

_collected: ContextVar[list[Event] | None] = ContextVar("sixplane_notices", default=None)


@contextmanager
def collected_notices() -> Iterator[list[Event]]:
    """Collect the notices of the block, and of the tasks that it starts."""
    found: list[Event] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def notice(node: str, kind: str, detail: str) -> None:
    """Tell that something of `kind` happened; `detail` never quotes a text."""
    trace.get_current_span().add_event(f"sixplane.{kind}", {"detail": detail})
    listening = _collected.get()
    if listening is not None:
        listening.append(Event(node=node, kind=kind, detail=detail))
