"""How long to wait before a stream whose connection was lost is taken up again."""

from __future__ import annotations

import random
from typing import Generic, TypeVar

import httpx
from httpx_sse import ServerSentEvent
from pydantic import TypeAdapter, ValidationError

from sixplane_client.errors import ApiError

T = TypeVar("T")

FIRST_SECONDS = 0.5
"""The first pause after an event. Each further one is twice as long. A chosen value, like the two below."""

LONGEST_SECONDS = 15.0
"""The longest pause that the client chooses itself."""

PATIENCE_SECONDS = 120.0
"""The most seconds of all pauses of one stream: twice `run.lease_seconds`, after which a server by default takes up the
runs of a process that was killed."""

_NOT_YET = {409, 429, 502, 503, 504}
"""The statuses of a server that restarts or waits for the lease of a killed process, and of a balancer before it."""


class Stream(Generic[T]):
    """Reads the events of a call, and remembers the last one's id for a connection that is lost."""

    def __init__(self, kind: TypeAdapter[T]) -> None:
        self.last = ""
        self._kind, self._next, self._left = kind, FIRST_SECONDS, PATIENCE_SECONDS

    def event(self, sent: ServerSentEvent) -> T | None:
        """Return the event, or `None` if its type is one of a later version."""
        self.last, self._next = sent.id or self.last, FIRST_SECONDS
        try:
            return self._kind.validate_json(sent.data)
        except ValidationError as error:
            if error.errors()[0]["type"] == "union_tag_invalid":
                return None
            raise

    def pause(self, lost: httpx.TransportError | ApiError) -> float:
        """Return the seconds to wait before the stream is taken up after its last event.

        Raises:
            httpx.TransportError: `lost`, if no event with an id came yet, or the stream has waited long enough.
            ApiError: `lost`, for the same reasons, or if it is an answer that does not change by itself.
        """
        asked = 0.0
        if isinstance(lost, ApiError):
            if lost.status not in _NOT_YET:
                raise lost
            asked = lost.retry_after or 0.0
        # Clients that one server has lost together come back at different times.
        chosen = random.uniform(0.5, 1.0) * self._next  # noqa: S311 - spreads load, guards nothing
        seconds = max(chosen, asked)
        if not self.last or seconds > self._left:
            raise lost
        self._left -= seconds
        self._next = min(2 * self._next, LONGEST_SECONDS)
        return seconds
