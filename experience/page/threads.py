"""Threads: the work of a run as it goes, its report, the review that it waits for, and the history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request
from markupsafe import Markup
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import RedirectResponse, Response

from experience.http.bodies import ThreadId
from experience.http.callers import AtDesk, Caller
from experience.http.events import sent
from experience.http.sizes import MAX_QUESTION
from experience.page.choices import models_of
from experience.page.steps import work_of
from experience.page.streams import closing
from experience.page.templates import filled, is_part, page_of
from experience.render import passage_address, plain_html, report_body
from experience.service.desk import Desk
from experience.service.events import Ending, TextDelta
from experience.service.runs import Run
from experience.service.threads import MAX_QUERY_CHARS
from policy.identity import Principal
from state.errors import RunMissing
from state.report import Report
from state.values import ReviewAnswer

router = APIRouter()

_PIECES = 4
"""Pieces of text between two parts of a streamed report: each part is rendered anew from its start."""


@router.get("/threads")
async def history(
    request: Request,
    person: Caller,
    desk: AtDesk,
    q: Annotated[str, Query(max_length=MAX_QUERY_CHARS)] = "",
    cursor: Annotated[str, Query(max_length=105)] = "",
) -> Response:
    """List the person's threads, those that hold the words of `q` in their questions."""
    found = await desk.threads(person, query=q, cursor=cursor)
    template = "_history.html" if is_part(request) else "history.html"
    return page_of(request, template, threads=found.threads, q=q, next=found.next, first=not cursor)


@router.get("/threads/{thread_id}")
async def thread(thread_id: ThreadId, request: Request, person: Caller, desk: AtDesk, run: str = "") -> Response:
    """Show a thread: its latest run, or an earlier one."""
    view = await desk.thread(person, thread_id)
    latest = view.record.run_id
    run = "" if run == latest else run
    if run and run not in (each.run_id for each in view.runs):
        raise RunMissing(f"the thread has no run {run!r}")
    # The lease tells that a run works on the thread; a run that goes on after a review still has that status.
    live = await _live(desk, person, latest) if view.live and not run else None
    if view.live and live is None:
        view = await desk.thread(person, thread_id)  # the run may have ended since
    report = await _report_of(desk, person, run) if run else view.report
    if report is not None and not run and report.run_id != latest:
        report = None  # the state still holds the report of the run before
    values: dict[str, Any] = {
        "view": view,
        "run": run or latest,
        "report": Markup(_body(report)) if report else None,  # noqa: S704 - the renderer escapes every text
        "usage": report.usage if report else None,
        "corpus": report.corpus.name if report and report.corpus else "",
        "pending": view.pending if not run else None,
        "draft": Markup(plain_html(view.pending["draft"])) if view.pending and not run else None,  # noqa: S704
        "live": live,
        "work": work_of(live.events if live else ()),
        "others": [each for each in view.runs if each.run_id != (run or latest)],
        "longest": MAX_QUESTION,
        "models": models_of(desk.service.gateway.catalog, desk.service.settings.models),
    }
    return page_of(request, "thread.html", **values)


@router.get("/threads/{thread_id}/events")
async def events(thread_id: ThreadId, person: Caller, desk: AtDesk) -> EventSourceResponse:
    """Stream the work of the latest run as HTML, each part whole, so that a browser may miss some."""
    run = await desk.run(person, (await desk.record(person, thread_id)).run_id)
    run.here()
    return sent(_parts(run))


@router.post("/threads/{thread_id}/review")
async def review(
    thread_id: ThreadId,
    person: Caller,
    desk: AtDesk,
    decision: Annotated[Literal["approve", "revise", "reject"], Form()],
    review_id: Annotated[str, Form(max_length=64)],
    text: Annotated[str, Form(max_length=8_000)] = "",
) -> Response:
    """Answer the review that was shown. What another window has answered meanwhile is not answered again."""
    await desk.resume(person, thread_id, ReviewAnswer(decision=decision, text=text.strip(), review_id=review_id))
    return RedirectResponse(f"/threads/{thread_id}", status_code=303)


@router.post("/threads/{thread_id}/resume")
async def resume(thread_id: ThreadId, person: Caller, desk: AtDesk) -> Response:
    """Continue a run that was stopped."""
    await desk.resume(person, thread_id)
    return RedirectResponse(f"/threads/{thread_id}", status_code=303)


@router.post("/threads/{thread_id}/stop")
async def stop(thread_id: ThreadId, person: Caller, desk: AtDesk) -> Response:
    """Stop the run after its current step."""
    await desk.cancel(person, (await desk.record(person, thread_id)).run_id)
    return RedirectResponse(f"/threads/{thread_id}", status_code=303)


@router.post("/threads/{thread_id}/delete")
async def delete(thread_id: ThreadId, person: Caller, desk: AtDesk) -> Response:
    """Delete a thread."""
    await desk.delete(person, thread_id)
    return RedirectResponse("/", status_code=303)


async def _report_of(desk: Desk, person: Principal, run_id: str) -> Report | None:
    return (await desk.run(person, run_id)).report


async def _live(desk: Desk, person: Principal, run_id: str) -> Run | None:
    """Return the run if this process is at it."""
    try:
        run = await desk.run(person, run_id)
    except RunMissing:
        return None
    return None if run.elsewhere or run.ending is not None else run


def _body(report: Report) -> str:
    corpus = report.corpus.name if report.corpus else ""
    links = {each.number: passage_address(corpus, each.id, report.run_id) for each in report.evidence}
    return report_body(report, addresses=links if corpus else {})


async def _parts(run: Run) -> AsyncIterator[ServerSentEvent]:
    seen, pieces = list(run.events), 0
    work = work_of(seen)
    yield ServerSentEvent(data=_part(run, work, ended=run.ending is not None))
    async for event in run.watch(seen[-1].sequence if seen else 0):
        work.take(event)
        if isinstance(event, TextDelta):
            pieces += 1
            if pieces % _PIECES:
                continue
        yield ServerSentEvent(data=_part(run, work, ended=isinstance(event, Ending)))
    yield closing()


def _part(run: Run, work: Any, *, ended: bool) -> str:
    text = Markup(plain_html(work.text)) if work.text else ""  # noqa: S704 - the renderer escapes every text
    return filled("_live.html", work=work, text=text, thread_id=run.thread_id, ended=ended)
