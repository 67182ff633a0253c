"""Runs one task on one service: the only part of a batch that calls models. An engine decides where it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from experience.batch.values import BatchError, BatchOutcome, BatchTask, RowStatus
from experience.errors import known_error
from experience.exits import Exit, report_status, stop_error
from experience.service.events import last_report
from experience.service.threads import UNFINISHED
from state.errors import BudgetExceeded, ReviewPending, RunStopped, SixplaneError, ThreadBusy

if TYPE_CHECKING:
    from experience.batch.places import Places
    from experience.service import ResearchService
    from experience.service.events import RunEvent
    from experience.service.models import ResearchRequest, RunView
    from state.report import Report

_POLL_SECONDS = 0.5
"""The interval at which a busy thread is tried again. A chosen value: short against a lease of 60 seconds."""


async def run_task(service: ResearchService, task: BatchTask, places: Places | None = None) -> BatchOutcome:
    """Run the task and return its outcome. A run that an earlier process started is resumed; a finished one is read."""
    return await _timed(task, _ended(service, task, places))


async def failed_task(service: ResearchService, task: BatchTask, error: SixplaneError) -> BatchOutcome:
    """Return the outcome of a task that could not be run to its end elsewhere, with what its run cost so far."""
    return await _timed(task, _of_error(service, task, error))


async def _timed(task: BatchTask, ending: Awaitable[dict[str, Any]]) -> BatchOutcome:
    started_at, began = datetime.now(UTC).isoformat(), time.monotonic()
    ended = await ending
    return BatchOutcome(
        key=task.key,
        line=task.line,
        id=task.id,
        attempt=task.attempt,
        thread_id=task.thread_id,
        run_id=task.run_id,
        started_at=started_at,
        seconds=round(time.monotonic() - began, 3),
        **ended,
    )


async def _ended(service: ResearchService, task: BatchTask, places: Places | None) -> dict[str, Any]:
    if task.request is None:
        return {"status": RowStatus.FAILED, "error": task.fault, "malformed": True}
    try:
        return await _of_report(service, task, await _report(service, task, task.request, places))
    except Exception as error:  # noqa: BLE001 - one row never ends the job; its outcome names the error
        return await _of_error(service, task, error)


async def _report(service: ResearchService, task: BatchTask, request: ResearchRequest, places: Places | None) -> Report:
    """Return the report of the task's run, which is started, resumed, or read if it ended without being recorded."""
    mine = await _own_run(service, task)
    if mine is None:
        return await _reported(service.stream(request, run_id=task.run_id), places)
    if mine.run.status == "review":
        raise ReviewPending(f"the thread {task.thread_id!r} waits for a person's answer")
    return _report_of(mine) or await _resumed(service, task, places)


async def _reported(events: AsyncGenerator[RunEvent], places: Places | None) -> Report:
    return await last_report(places.kept(events) if places else events)


def _report_of(mine: RunView | None) -> Report | None:
    """Return the report of a run that is over, else `None`."""
    return mine.report if mine is not None and mine.run.status not in UNFINISHED else None


async def _own_run(service: ResearchService, task: BatchTask) -> RunView | None:
    """Return the task's run if an earlier process started it."""
    return await service.show_run(task.tenant, task.run_id)


async def _resumed(service: ResearchService, task: BatchTask, places: Places | None) -> Report:
    """Resume the run.

    If its process died on another machine, the lease must expire first. Two leases: a run that is alive renews its
    lease, and then the error `thread_busy` is the right outcome, unless it ends meanwhile: it may go on in a worker
    that could not be reached.
    """
    deadline = time.monotonic() + 2 * service.settings.run.lease_seconds
    while True:
        try:
            return await _reported(service.resume(task.tenant, task.thread_id), places)
        except ThreadBusy:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(_POLL_SECONDS)
        if (report := _report_of(await _own_run(service, task))) is not None:
            return report


async def _of_report(service: ResearchService, task: BatchTask, report: Report) -> dict[str, Any]:
    told: dict[str, Any] = {"report": report, "cost_micro_usd": report.usage.cost_micro_usd}
    exit_status = report_status(report)
    if exit_status is Exit.DONE or report.status == "refused":
        return {**told, "status": RowStatus.DONE if exit_status is Exit.DONE else RowStatus.REFUSED}
    why = stop_error(report)
    error = BatchError(code=report.stop_reason, message=why.message or "the run stopped", hint=why.hint)
    if exit_status is Exit.REFUSED:  # by the content filter of a model's provider: asked again, it would refuse again
        return {**told, "status": RowStatus.REFUSED, "error": error}
    ends_job = error.code == BudgetExceeded.code and await _tenant_is_spent(service, task)
    return {**told, "status": RowStatus.FAILED, "error": error, "ends_job": ends_job}


async def _of_error(service: ResearchService, task: BatchTask, error: Exception) -> dict[str, Any]:
    known = known_error(error, paths=True) or SixplaneError(
        f"unexpected {type(error).__name__}", hint="ask the question alone with `sixplane research … --debug`"
    )
    told = {"cost_micro_usd": await _cost(service, task), "error": _told(known)}
    if isinstance(known, ReviewPending):
        return {**told, "status": RowStatus.REVIEW_PENDING}
    if isinstance(known, RunStopped):
        return {**told, "status": RowStatus.STOPPED}
    ends_job = isinstance(known, BudgetExceeded) and known.scope != "run"
    return {**told, "status": RowStatus.FAILED, "resumable": await _resumable(service, task), "ends_job": ends_job}


def _told(error: SixplaneError) -> BatchError:
    return BatchError(code=error.code, message=error.message, hint=error.hint)


async def _cost(service: ResearchService, task: BatchTask) -> int:
    try:
        return (await service.gateway.usage(task.tenant, task.run_id)).cost_micro_usd
    except SixplaneError:  # the row's own error is reported; an unreadable ledger must not replace it
        return 0


async def _resumable(service: ResearchService, task: BatchTask) -> bool:
    try:
        mine = await _own_run(service, task)
    except SixplaneError:  # as above
        return False
    return mine is not None and mine.run.status in UNFINISHED


async def _tenant_is_spent(service: ResearchService, task: BatchTask) -> bool:
    """Return whether a budget that all rows share is spent. If the run has no limit of its own, it must be that one."""
    budgets, request = service.settings.budgets, task.request
    if budgets.run_micro_usd is None and request is not None and request.context.budget_micro_usd is None:
        return True
    return not await service.gateway.may_expand(task.tenant, "")
