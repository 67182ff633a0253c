"""Server-sent events of a run, with ids that let a client resume the stream.

The type of an event is a field inside `data`, not an SSE `event:` line: the invoke gateway of OCI strips those lines
(observed by the authors of luigisaetta/oci-rag-agent-blueprint).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from experience.http.leaving import Watching
from experience.http.negotiation import EVENTS
from experience.service.desk import Desk
from experience.service.runs import Run
from policy.identity import Principal
from state.errors import BadInput

PING_SECONDS = 15
"""Seconds between SSE comments, which keep proxies from closing a silent connection. A chosen value: proxies commonly
close after 30 to 60 seconds, and a model call can take longer."""

_FAREWELL_SECONDS = 3
"""How long a stream may still send when the server shuts down. Without it, sse-starlette cancels the generator at once
and the client misses the event that tells it how its run ended. A chosen value below `serving.CLOSING_SECONDS`."""


def event_stream(desk: Desk, run: Run, after: int = 0) -> EventSourceResponse:
    """Return a response that streams the run's events with numbers above `after`.

    The run continues for a while when its client disconnects, so that the client can come back.

    Raises:
        ThreadBusy: another process owns the run.
    """
    run.here()  # here, where it is still a 409: after the response has started, it would break the stream
    return sent(_encoded(run, after), desk.runs.watchers.watching(run))


def sent(
    events: AsyncIterator[ServerSentEvent], listening: AbstractContextManager[None] | None = None
) -> EventSourceResponse:
    """Return a response that streams `events`, with a grace period for the last ones when the server shuts down.

    `listening` is held as long as the client listens.
    """
    response = Watching(events, ping=PING_SECONDS, shutdown_grace_period=_FAREWELL_SECONDS)
    response.listening = listening or nullcontext()
    return response


async def resumed(request: Request, desk: Desk, principal: Principal) -> tuple[Run, int] | None:
    """Return the run and the event number in the header `Last-Event-ID`, or `None` without the header.

    Raises:
        BadInput: the header is not an event id of this API.
        RunMissing: the principal has no such run.
    """
    given = request.headers.get("last-event-id")
    if given is None:
        return None
    named, _, number = given.rpartition(":")
    run_id, _, epoch = named.partition(".")
    if not number.isdecimal() or len(number) > 12 or not run_id:
        raise BadInput(
            "`Last-Event-ID` is not an event id of this API",
            hint="send the `id` of the last event that you received, or leave the header out",
        )
    run = await desk.run(principal, run_id)
    # Another epoch means another numbering of the events: start from the first one rather than skip some.
    return run, int(number) if run.epoch == epoch else 0


async def _encoded(run: Run, after: int) -> AsyncIterator[ServerSentEvent]:
    async for event in run.watch(after):
        yield ServerSentEvent(data=event.model_dump_json(), id=f"{run.id}.{run.epoch}:{event.sequence}")


def stream_of(event: str) -> dict[str, Any]:
    """Return the OpenAPI content of a stream whose `data` are the JSON of the schema `event`."""
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": f"#/components/schemas/{event}"},
    }
    item = {"type": "object", "properties": {"data": data, "id": {"type": "string"}}, "required": ["data"]}
    return {EVENTS: {"itemSchema": item}}  # of OpenAPI 3.2; FastAPI describes its own streams so, too


EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events as JSON in `data`: `run_started`, `node_started`, `node_finished`, `text`, and as the "
        "last one `report`, `review_pending`, `stopped` or `failed`.",
        "content": stream_of("RunEvent"),
    }
}
