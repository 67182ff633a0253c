"""Notices of deviations, such as the use of a fallback: events of the current span and of the run's report.

The wrapper of a node collects the notices of its attempt. Code below it, such as a reranker that failed, adds a notice
without knowing the wrapper: the list travels in a context variable.
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
    """Collect the notices given inside the block, and by tasks started in it."""
    found: list[Event] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def notice(node: str, kind: str, detail: str) -> None:
    """Record a notice of `kind`. `detail` must not quote prompts, answers or documents."""
    trace.get_current_span().add_event(f"sixplane.{kind}", {"detail": detail})
    listening = _collected.get()
    if listening is not None:
        listening.append(Event(node=node, kind=kind, detail=detail))
