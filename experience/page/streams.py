"""Streams of HTML to the page."""

from __future__ import annotations

from sse_starlette import ServerSentEvent

CLOSING = "end"
"""The event at which the page closes a stream (`sse-close`): a browser would connect again and again."""


def closing() -> ServerSentEvent:
    """Return the last event of a stream."""
    return ServerSentEvent(event=CLOSING, data=CLOSING)
