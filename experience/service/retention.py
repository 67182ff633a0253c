"""Applies the settings of `retention`: deletes what is too old of threads, ledger and trace files."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from experience.service import ResearchService
from experience.service.threads import NEVER, AgedRun, AgedThread
from gateway.ledger.pruning import Cutoffs
from observability import trace_files
from observability.audit import AuditEvent, AuditKind, named, operator
from observability.trace_files import Removed
from settings.pools import IO
from state.errors import ThreadBusy, ThreadMissing
from state.values import Value

_log = logging.getLogger(__name__)

Item = TypeVar("Item", bound=AgedThread)

_PASSED_OVER = (ThreadBusy, ThreadMissing)
"""It is used again, or another process was first."""


class Pruned(Value):
    """How much was deleted, or would be. Calls and runs of the ledger become totals."""

    threads: int = 0
    reports: int = 0
    checkpoints: int = 0
    calls: int = 0
    runs: int = 0
    memos: int = 0
    alerts: int = 0
    settlements: int = 0
    trace_files: int = 0
    trace_bytes: int = 0


async def prune(service: ResearchService, at: datetime | None = None, *, dry_run: bool = False) -> Pruned:
    """Delete what is too old at the time `at`, and return how much it was. What is being run is left for the next time.

    Args:
        service: the open service.
        at: the time; now, if it is `None`.
        dry_run: delete nothing, and count what would be deleted.

    Raises:
        DependencyUnavailable: a store cannot be read or written; what was deleted by then is gone.
        OSError: a trace file cannot be deleted.
    """
    keep, now = service.settings.retention, at or datetime.now(UTC)

    ages = (keep.threads_days, keep.reports_days, keep.checkpoints_days)
    ended = [NEVER if days is None else (now - timedelta(days=days)).isoformat() for days in ages]
    threads, reports, checkpoints = await (service.kept.counts_before(*ended) if dry_run else _ended(service, *ended))
    old = {"calls": keep.calls_days, "runs": keep.runs_days, "memos": keep.memos_days, "alerts": keep.alerts_days}
    cutoffs = {
        name: round((now - timedelta(days=days)).timestamp() * 1000) for name, days in old.items() if days is not None
    }
    waiting = frozenset(await service.kept.waiting())
    rows = await service.gateway.prune(Cutoffs(**cutoffs, waiting=waiting), dry_run=dry_run)
    files = Removed()
    if service.settings.telemetry.jsonl:
        with closing(trace_files(service.settings)) as kept:
            files = await IO.run(kept.sweep, dry_run=dry_run)
    pruned = Pruned(
        threads=threads,
        reports=reports,
        checkpoints=checkpoints,
        trace_files=files.files,
        trace_bytes=files.bytes,
        **rows.model_dump(),
    )
    if pruned != Pruned() and not dry_run:
        _log.info("removed because of their age: %s", pruned.model_dump_json(exclude_defaults=True))
    return pruned


async def _ended(service: ResearchService, threads: str, reports: str, checkpoints: str) -> tuple[int, int, int]:
    """Delete what ended before these times, and return how much it was."""
    return (
        await _threads(service, threads),
        await _reports(service, reports),
        await _checkpoints(service, checkpoints),
    )


async def _threads(service: ResearchService, before: str) -> int:
    async def delete(page: Sequence[AgedThread]) -> int:
        async with AsyncExitStack() as stack:
            held = [thread for thread in page if await _is_emptied(service, thread, before, stack)]
            named = [(thread.tenant, thread.thread_id) for thread in held]
            await service.deletions.forget_traces(named)  # in one pass over the trace files, not one for each thread
        return len(held)

    return await _all(lambda after: service.kept.threads_before(before, after), delete)


async def _is_emptied(service: ResearchService, thread: AgedThread, before: str, stack: AsyncExitStack) -> bool:
    """Empty a thread, which `stack` deletes at its end. Return false if it is used again, or another was first."""
    tenant, name = thread.tenant, thread.thread_id
    event = AuditEvent(kind=AuditKind.DELETE, operation="prune", actor=operator(tenant), object=named("thread", name))
    try:
        async with AsyncExitStack() as entered:
            await entered.enter_async_context(service.audit.trail.change(event))
            await entered.enter_async_context(service.deletions.emptied(tenant, name, before))
            stack.push_async_exit(entered.pop_all())
    except _PASSED_OVER:
        return False
    return True


async def _reports(service: ResearchService, before: str) -> int:
    async def remove(aged: AgedRun) -> None:
        await service.deletions.drop_report(aged, before)

    return await _all(lambda after: service.kept.reports_before(before, after), _each(remove))


async def _checkpoints(service: ResearchService, before: str) -> int:
    async def drop(thread: AgedThread) -> None:
        await service.deletions.drop_checkpoints(thread.tenant, thread.thread_id, before)

    return await _all(lambda after: service.kept.checkpointed_before(before, after), _each(drop))


def _each(handle: Callable[[Item], Awaitable[None]]) -> Callable[[Sequence[Item]], Awaitable[int]]:
    """Return what handles a page one by one, and returns how many were handled."""

    async def handled(page: Sequence[Item]) -> int:
        count = 0
        for item in page:
            with suppress(*_PASSED_OVER):
                await handle(item)
                count += 1
        return count

    return handled


async def _all(
    found: Callable[[Item | None], Awaitable[Sequence[Item]]], handle: Callable[[Sequence[Item]], Awaitable[int]]
) -> int:
    """Handle the pages that `found` returns, each after the last item of the one before; return how many were handled.

    What cannot be handled now is passed over, be it a whole page.
    """
    handled, last = 0, None
    while page := await found(last):
        handled += await handle(page)
        last = page[-1]
    return handled
