"""Routes for threads: list, show, export, resume, answer a review, delete."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sse_starlette import EventSourceResponse

from experience.bundle import WholeTexts
from experience.http.bodies import ResumeRequest, ThreadId, ThreadState
from experience.http.callers import KNOWN_PARAMETERS, AtDesk, Caller
from experience.http.chat import PENDING, REPORT_OR_EVENTS, answered
from experience.http.events import EVENT_STREAM, event_stream, resumed
from experience.http.leaving import unless_left
from experience.http.negotiation import wants_events
from experience.service.threads import CURSOR, MAX_PAGE, MAX_QUERY_CHARS, PAGE, ThreadPage

ZIP = "application/zip"
BUNDLE: dict[str, Any] = {
    "description": "The bundle. `Repr-Digest` holds its SHA-256 (RFC 9530).",
    "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
}
TEXTS = (
    "Which cited documents are included with their whole text: those without an audience of which the report withholds "
    "nothing, all that the caller may read, or none. Of the others, the bundle has the cited passages."
)

router = APIRouter(prefix="/v1/threads", tags=["threads"])


@router.get("", operation_id="listThreads", dependencies=[KNOWN_PARAMETERS])
async def threads(
    caller: Caller,
    desk: AtDesk,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Threads on a page.")] = PAGE,
    cursor: Annotated[
        str, Query(pattern=f"^$|{CURSOR}", max_length=105, description="`next` of the page before.")
    ] = "",
    q: Annotated[str, Query(max_length=MAX_QUERY_CHARS, description="Words that a thread's questions contain.")] = "",
) -> ThreadPage:
    """List the caller's threads, latest first. Administrators see all threads of the tenant."""
    return await desk.threads(caller, query=q, limit=limit, cursor=cursor)


@router.get("/{thread_id}", operation_id="getThread")
async def thread(thread_id: ThreadId, caller: Caller, desk: AtDesk) -> ThreadState:
    """Show a thread with its latest report and all its runs."""
    view = await desk.thread(caller, thread_id)
    return ThreadState(**{name: getattr(view, name) for name in ThreadState.model_fields})


@router.get(
    "/{thread_id}/export",
    operation_id="exportThread",
    responses={200: BUNDLE},
    response_class=Response,
    dependencies=[KNOWN_PARAMETERS],
)
async def export(
    thread_id: ThreadId,
    caller: Caller,
    desk: AtDesk,
    texts: Annotated[WholeTexts, Query(description=TEXTS)] = WholeTexts.OPEN,
) -> Response:
    """Return the evidence bundle of a thread's latest report, which `sixplane verify` checks without corpus."""
    bundle = await desk.export(caller, thread_id, texts)
    headers = {"content-disposition": f'attachment; filename="{thread_id}.zip"', "repr-digest": _digest(bundle.digest)}
    return Response(bundle.data, media_type=ZIP, headers=headers)


@router.post(
    "/{thread_id}/resume",
    operation_id="resumeThread",
    responses={200: REPORT_OR_EVENTS, **PENDING},
    response_model=None,
)
async def resume(thread_id: ThreadId, given: ResumeRequest, request: Request, caller: Caller, desk: AtDesk) -> Response:
    """Continue a stopped thread, or answer its review, and wait for the report.

    With `Accept: text/event-stream`, stream the events instead.
    """
    if wants_events(request):
        return await resume_stream(thread_id, given, request, caller, desk)
    return await answered(request, desk, desk.resume(caller, thread_id, given.answer))


@router.post(
    "/{thread_id}/resume/stream",
    operation_id="streamResume",
    responses=EVENT_STREAM,
    response_class=EventSourceResponse,
)
async def resume_stream(
    thread_id: ThreadId, given: ResumeRequest, request: Request, caller: Caller, desk: AtDesk
) -> EventSourceResponse:
    """Continue a stopped thread, or answer its review, and stream the events.

    With `Last-Event-ID`, the stream of that event's run is continued instead.
    """
    # A client repeats its request when it reconnects: without this check it would resume the thread a second time.
    seen = await resumed(request, desk, caller)
    if seen is not None:
        return event_stream(desk, *seen)
    run = await unless_left(request, desk.resume(caller, thread_id, given.answer))
    return event_stream(desk, run, run.resumed_after)


@router.delete("/{thread_id}", operation_id="deleteThread", status_code=204)
async def delete(thread_id: ThreadId, caller: Caller, desk: AtDesk) -> None:
    """Delete a thread, its checkpoints, and everything that later runs could recall of its reports."""
    await desk.delete(caller, thread_id)


def _digest(digest: str) -> str:
    """Return a SHA-256 as the header `Repr-Digest` has it."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:"
