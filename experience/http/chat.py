"""Routes that answer questions: `/v1/chat`, its stream, batches, and the runs that they start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from opentelemetry import trace
from pydantic import BaseModel
from sse_starlette import EventSourceResponse

from experience.http.bodies import Pending, RunId, RunState
from experience.http.callers import AtDesk, Caller
from experience.http.contract import (
    AnyRequest,
    BatchItem,
    BatchRequest,
    BatchResult,
    ChatRequest,
    ChatResponse,
    response_of,
)
from experience.http.events import EVENT_STREAM, event_stream, resumed, stream_of
from experience.http.leaving import unless_left
from experience.http.negotiation import wants_events
from experience.http.problems import problem_of
from experience.service.desk import Desk
from experience.service.events import RunFailed
from experience.service.runs import Run
from observability import apart
from policy.identity import Principal
from state.errors import TooBusy
from state.report import Report

router = APIRouter(tags=["chat"])

AGAIN_SECONDS = 1
"""How often an item of a batch asks for a place at the most: it asks in this process, so asking costs nothing."""

REPORT_OR_EVENTS: dict[str, Any] = {"model": Report, "content": stream_of("RunEvent")}
ANSWER_OR_EVENTS: dict[str, Any] = {"model": Report | ChatResponse, "content": stream_of("RunEvent")}

PENDING: dict[int | str, dict[str, Any]] = {
    202: {"model": Pending, "description": "No report yet: the run waits for a review, or it was stopped."}
}


@router.post("/v1/chat", operation_id="chat", responses={200: ANSWER_OR_EVENTS, **PENDING}, response_model=None)
async def chat(asked: AnyRequest, request: Request, caller: Caller, desk: AtDesk) -> Response:
    """Answer a question and wait for the report. With `Accept: text/event-stream`, stream the events instead."""
    if wants_events(request):
        return await stream(asked, request, caller, desk)
    made = response_of if isinstance(asked, ChatRequest) else None
    return await answered(request, desk, desk.start(caller, asked.research()), made)


@router.post("/v1/chat/stream", operation_id="streamChat", responses=EVENT_STREAM, response_class=EventSourceResponse)
async def stream(asked: AnyRequest, request: Request, caller: Caller, desk: AtDesk) -> EventSourceResponse:
    """Answer a question and stream the events. With `Last-Event-ID`, continue that event's run; start no new one."""
    seen = await resumed(request, desk, caller)
    if seen is not None:
        return event_stream(desk, *seen)
    return event_stream(desk, await unless_left(request, desk.start(caller, asked.research())))


@router.post("/v1/batch", operation_id="batchProcess")
async def batch(asked: BatchRequest, request: Request, caller: Caller, desk: AtDesk) -> BatchResult:
    """Answer several questions. A failed item does not affect the others.

    If the client disconnects, no further run is started.
    """
    with desk.runs.batch() as places:
        # Without this, a batch would go on spending the tenant's budget on answers that nobody reads: items that wait
        # for a place do not start, and the runs that have started lose the one who watches them.
        items = asyncio.gather(*(_item(n, each, caller, desk, places) for n, each in enumerate(asked.requests)))
        return BatchResult(items=await unless_left(request, items))


@router.get("/v1/runs/{run_id}", operation_id="getRun")
async def run_state(run_id: RunId, caller: Caller, desk: AtDesk) -> RunState:
    """Return the state of a run, with its report if it has one."""
    return state_of(await desk.run(caller, run_id))


@router.get(
    "/v1/runs/{run_id}/events", operation_id="streamRun", responses=EVENT_STREAM, response_class=EventSourceResponse
)
async def run_events(run_id: RunId, request: Request, caller: Caller, desk: AtDesk) -> EventSourceResponse:
    """Stream the events of a run, from the first one or after `Last-Event-ID`."""
    run = await desk.run(caller, run_id)
    seen = await resumed(request, desk, caller)
    # The id may belong to another run, for example of a client that reuses its last id: then the number means nothing.
    return event_stream(desk, run, seen[1] if seen and seen[0] is run else 0)


@router.post("/v1/runs/{run_id}/cancel", operation_id="cancelRun", status_code=202)
async def cancel(run_id: RunId, caller: Caller, desk: AtDesk) -> RunState:
    """Stop a run after its current step. Its thread can be resumed."""
    return state_of(await desk.cancel(caller, run_id))


async def answered(
    request: Request, desk: Desk, start: Awaitable[Run], made: Callable[[Report], BaseModel] | None = None
) -> Response:
    """Return `concluded` of the run that `start` starts. If the client leaves, nothing more is done for it."""
    run = await unless_left(request, start)
    with desk.runs.watchers.watching(run):
        return await unless_left(request, concluded(run, made))


async def concluded(run: Run, made: Callable[[Report], BaseModel] | None = None) -> Response:
    """Wait until the run ends, then return 200 with its report or 202 without one. Raises the error of a failed run.

    `made` turns the report into another answer.
    """
    await run.ended()
    if run.error is not None:
        raise run.error
    body = (made(run.report) if made else run.report) if run.report else pending_of(run)
    return Response(body.model_dump_json(), status_code=200 if run.report else 202, media_type="application/json")


def pending_of(run: Run) -> Pending:
    """Return the state of a run that has no report."""
    message = run.ending.message if isinstance(run.ending, RunFailed) else ""
    given = {"status": run.status, "thread_id": run.thread_id, "run_id": run.id, "message": message, **run.review}
    return Pending.model_validate(given)


def state_of(run: Run) -> RunState:
    """Return the state of a run, with its report if it has one."""
    return RunState(run_id=run.id, thread_id=run.thread_id, status=run.status, events=run.last, report=run.report)


async def _item(index: int, asked: AnyRequest, caller: Principal, desk: Desk, places: asyncio.Semaphore) -> BatchItem:
    try:
        # Each question has a trace of its own, linked to the request's.
        async with places:
            with apart(trace.get_current_span().get_span_context()):
                run = await _patiently(desk, caller, asked)
            with desk.runs.watchers.watching(run):
                await run.ended()
    except Exception as error:  # noqa: BLE001 - an item must not end the others; its problem holds the error
        return _failed(index, error)
    if run.error is not None:
        return _failed(index, run.error)
    made = response_of(run.report) if run.report and isinstance(asked, ChatRequest) else None
    pending = None if run.report else pending_of(run)
    report = run.report if made is None else None  # the response has it
    return BatchItem(index=index, status=run.status, report=report, response=made, pending=pending)


def _failed(index: int, error: BaseException) -> BatchItem:
    return BatchItem(index=index, status="failed", problem=problem_of(error))


async def _patiently(desk: Desk, caller: Principal, asked: AnyRequest) -> Run:
    """Start a run of a batch. It waits for a place where a single question would be refused."""
    while True:
        try:
            return await desk.start(caller, asked.research())
        except TooBusy as busy:
            if desk.runs.closed:  # the process is shutting down: waiting would outlast the drain
                raise
            await asyncio.sleep(min(busy.retry_after, AGAIN_SECONDS))
