"""A run's events as server-sent events: the type inside `data`, and ids from which a client resumes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from experience.service.desk import Desk
from experience.service.runs import Run
from policy.identity import Principal
from state.errors import BadInput

PING_SECONDS = 15
"""Between comments that keep proxies from closing a silent connection."""

_FAREWELL_SECONDS = 3
"""For a client to take the last events of a run that a server's end has stopped."""


def event_stream(run: Run, after: int = 0) -> EventSourceResponse:
    """Return the run's events numbered above `after`, as they come. A client that leaves ends nothing.

    Raises:
        ThreadBusy: another process runs it.
    """
    run.here()
    return sent(_encoded(run, after))


def sent(events: AsyncIterator[ServerSentEvent]) -> EventSourceResponse:
    """Return a response of `events`. When the server ends, theirs is told first."""
    return EventSourceResponse(events, ping=PING_SECONDS, shutdown_grace_period=_FAREWELL_SECONDS)


async def resumed(request: Request, desk: Desk, principal: Principal) -> tuple[Run, int] | None:
    """Return the run that the header `Last-Event-ID` names and the number after which to go on; `None` without one.

    Raises:
        BadInput: the header is no id of ours.
        RunMissing: the principal has no such run.
    """
    given = request.headers.get("last-event-id")
    if given is None:
        return None
    named, _, number = given.rpartition(":")
    run_id, _, epoch = named.partition(".")
    if not number.isdecimal() or len(number) > 12 or not run_id:
        raise BadInput("`Last-Event-ID` is no id of an event of ours", hint="send the `id` of the last event, or none")
    run = await desk.run(principal, run_id)
    return run, int(number) if run.epoch == epoch else 0


async def _encoded(run: Run, after: int) -> AsyncIterator[ServerSentEvent]:
    async for event in run.watch(after):
        yield ServerSentEvent(data=event.model_dump_json(), id=f"{run.id}.{run.epoch}:{event.sequence}")


EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`run_started`, `node_started`, `node_finished`, `text`, and at the end `report`, "
        "`review_pending`, `stopped` or `failed`, each as JSON in `data`.",
        "content": {"text/event-stream": {}},
    }
}
