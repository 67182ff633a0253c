"""Applies the settings of `retention`: deletes the threads, reports, checkpoints and trace files that are too old."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from experience.service import ResearchService
from experience.service.threads import AgedRun
from observability import trace_files
from observability.audit import AuditEvent, AuditKind, named, operator
from settings.pools import IO
from state.errors import ThreadBusy, ThreadMissing

_log = logging.getLogger(__name__)

Item = TypeVar("Item")


@dataclass(frozen=True)
class Swept:
    """How much a sweep has deleted."""

    threads: int = 0
    reports: int = 0
    checkpoints: int = 0


async def sweep(service: ResearchService, at: datetime | None = None) -> Swept:
    """Delete what is too old at the time `at`, and return how much it was. What is being run is left for the next time.

    Raises:
        DependencyUnavailable: a store cannot be read or written; what was deleted by then is gone.
        OSError: a trace file cannot be deleted.
    """
    retention, now = service.settings.retention, at or datetime.now(UTC)

    def before(days: int) -> str:
        return (now - timedelta(days=days)).isoformat()

    threads = reports = checkpoints = 0
    if retention.threads_days is not None:
        threads = await _threads(service, before(retention.threads_days))
    if retention.reports_days is not None:
        reports = await _reports(service, before(retention.reports_days))
    if retention.checkpoints_days is not None:
        checkpoints = await _checkpoints(service, before(retention.checkpoints_days))
    if service.settings.telemetry.jsonl:
        await IO.run(trace_files(service.settings).sweep)
    if threads or reports or checkpoints:
        _log.info("removed because of their age: %d threads, %d reports, %d checkpoints", threads, reports, checkpoints)
    return Swept(threads, reports, checkpoints)


async def _threads(service: ResearchService, before: str) -> int:
    async def delete(thread: tuple[str, str]) -> None:
        tenant, name = thread
        event = AuditEvent(
            kind=AuditKind.DELETE, operation="sweep", actor=operator(tenant), object=named("thread", name)
        )
        async with service.audit.trail.change(event), service.deletions.emptied(tenant, name, before):
            await service.deletions.forget_traces([thread])

    return await _all(lambda: service.kept.threads_before(before), delete)


async def _reports(service: ResearchService, before: str) -> int:
    async def remove(aged: AgedRun) -> None:
        await service.deletions.drop_report(aged, before)

    return await _all(lambda: service.kept.reports_before(before), remove)


async def _checkpoints(service: ResearchService, before: str) -> int:
    async def drop(thread: tuple[str, str]) -> None:
        await service.deletions.drop_checkpoints(*thread, before)

    return await _all(lambda: service.kept.checkpointed_before(before), drop)


async def _all(found: Callable[[], Awaitable[Sequence[Item]]], handle: Callable[[Item], Awaitable[None]]) -> int:
    """Handle what `found` returns until nothing new comes, and return how many were handled."""
    handled, seen = 0, set[Item]()
    while items := [item for item in await found() if item not in seen]:
        for item in items:
            seen.add(item)
            try:
                await handle(item)
            except (ThreadBusy, ThreadMissing):  # it is used again, or another process was first
                continue
            handled += 1
    return handled
