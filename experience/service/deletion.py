"""Deletes threads, what is kept of them, and their older checkpoints, each under the thread's lease: nothing runs on it
meanwhile."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

from langgraph.checkpoint.base import BaseCheckpointSaver
from pydantic import ValidationError

from experience.service.threads import AgedRun, Lease, StoredRun, Threads
from experience.service.views import KeptViews
from gateway import Gateway
from graphs.opening import CompiledResearchGraph
from nodes.memory import forget, remembered_runs
from nodes.publish import answered_runs
from observability import trace_files
from retrieval import Corpora
from settings import Settings
from settings.pools import IO
from state.errors import SixplaneError, ThreadBusy

_log = logging.getLogger(__name__)


class Checkpoints:
    """Removes checkpoints of threads. A report that only they have is stored beside its run first."""

    def __init__(self, graph: CompiledResearchGraph, threads: Threads, views: KeptViews) -> None:
        self._graph, self._threads, self._views = graph, threads, views

    async def keep_latest(self, tenant: str, thread_id: str) -> None:
        """Remove all but the last checkpoint of a thread, whose run has its report.

        It has all that the next question, the views and an evidence bundle read of a finished thread. What it costs to
        continue a thread would otherwise grow with every question. A failure is logged: the next run removes the rest.
        """
        saver = self._graph.checkpointer
        if not isinstance(saver, BaseCheckpointSaver):
            return
        try:
            await self.keep_reports(tenant, thread_id)
            await saver.aprune([f"{tenant}/{thread_id}"])
        except (SixplaneError, sqlite3.Error, ValidationError) as error:  # a report of an earlier release may not fit
            _log.warning("the older checkpoints of the thread %r stay: %s", thread_id, type(error).__name__)

    async def keep_reports(self, tenant: str, thread_id: str, *, but: str = "") -> None:
        """Store the reports that only the checkpoints of a thread have, except that of the run `but`."""
        async for unkept in self._threads.run_ids(tenant, thread_id, unkept=True):
            for run_id in unkept:
                report = await self._views.checkpointed_report(tenant, thread_id, run_id) if run_id != but else None
                if report is not None:
                    await self._threads.keep_report(tenant, run_id, report)

    async def delete(self, tenant: str, thread_id: str) -> None:
        """Delete all checkpoints of a thread."""
        saver = self._graph.checkpointer
        if isinstance(saver, BaseCheckpointSaver):
            await saver.adelete_thread(f"{tenant}/{thread_id}")


class Deletions:
    """Deletes from the stores of one service.

    Every method raises `ThreadMissing` if the tenant has no such thread, and `ThreadBusy` if another run holds its
    lease, or has taken it meanwhile. What breaks off half-way can be repeated: a row goes last.
    """

    def __init__(
        self,
        settings: Settings,
        graph: CompiledResearchGraph,
        threads: Threads,
        views: KeptViews,
        checkpoints: Checkpoints,
        corpora: Corpora,
        gateway: Gateway,
    ) -> None:
        self._settings, self._graph, self._threads, self._views = settings, graph, threads, views
        self._checkpoints, self._corpora, self._gateway = checkpoints, corpora, gateway

    @asynccontextmanager
    async def emptied(self, tenant: str, thread_id: str, before: str | None = None) -> AsyncIterator[None]:
        """Delete everything of a thread but its traces, then let the block delete these, then delete its row.

        Args:
            tenant: the tenant that owns the thread.
            thread_id: the thread.
            before: when its last run must have ended; `None`: at any time.
        """
        async with self._threads.alone(tenant, thread_id) as (stored, lease):
            _check_age(stored, before)
            # From both: the checkpoints of a thread may be gone, and those of an earlier release know more runs.
            messages = (await self._views.snapshot(stored.record)).values.get("messages", ())
            await forget(self._corpora, self._graph.store, tenant, answered_runs(messages))
            async for listed in self._threads.run_ids(tenant, thread_id):
                await forget(self._corpora, self._graph.store, tenant, listed)
            if await self._threads.has_unlisted_runs(tenant, thread_id):  # then only the memory may know of them
                unlisted = await remembered_runs(self._graph.store, tenant, thread_id)
                await forget(self._corpora, self._graph.store, tenant, unlisted)
            await self._checkpoints.delete(tenant, thread_id)
            await self._corpora.kept.forget_thread(f"{tenant}/{thread_id}")
            await self._gateway.forget_run(tenant, stored.record.run_id)
            yield
            await self._threads.remove(lease)

    async def forget_traces(self, threads: Sequence[tuple[str, str]]) -> None:
        """Delete the traces of the runs of threads, each named by tenant and name. Raises `OSError`."""
        with closing(trace_files(self._settings)) as files:
            await IO.run(files.forget, threads)

    async def drop_checkpoints(self, tenant: str, thread_id: str, before: str) -> None:
        """Delete the checkpoints of a thread; its reports stay. The next question on it begins a new conversation.

        Args:
            tenant: the tenant that owns the thread.
            thread_id: the thread.
            before: when its last run must have ended.
        """
        async with self._threads.alone(tenant, thread_id) as (stored, lease):
            _check_age(stored, before)
            await self._drop_checkpoints(stored, lease)

    async def drop_report(self, aged: AgedRun, before: str) -> None:
        """Delete the report of a run, also from the memory and, if it is the thread's latest, from the checkpoints.

        Args:
            aged: the run.
            before: when the thread's last run must have ended, if it is this one.
        """
        async with self._threads.alone(aged.tenant, aged.thread_id) as (stored, lease):
            latest = stored.record.run_id == aged.run_id
            if latest:
                _check_age(stored, before)
            await forget(self._corpora, self._graph.store, aged.tenant, [aged.run_id])
            if latest:  # the last checkpoint of a thread has its latest report
                await self._drop_checkpoints(stored, lease, but=aged.run_id)
            await self._threads.remove_report(aged)

    async def _drop_checkpoints(self, stored: StoredRun, lease: Lease, *, but: str = "") -> None:
        """Delete the checkpoints. Keep the reports that only they have, except that of the run `but`."""
        tenant, thread_id = stored.record.tenant, stored.record.thread_id
        await self._checkpoints.keep_reports(tenant, thread_id, but=but)
        await self._checkpoints.delete(tenant, thread_id)
        await self._threads.note_without_checkpoints(lease)


def _check_age(stored: StoredRun, before: str | None) -> None:
    if before is not None and stored.record.updated_at >= before:
        named = f"the thread {stored.record.thread_id!r}"
        raise ThreadBusy(f"{named} was used meanwhile", hint="it is not old any more", ends=False)
