"""What is kept of threads and runs, read from their tables and, where these have nothing, from the checkpoints."""

from __future__ import annotations

from langgraph.types import StateSnapshot

from experience.service.graph_events import asked_of
from experience.service.leg import graph_config
from experience.service.models import RunView, ThreadView
from experience.service.threads import UNFINISHED, KeptRun, StoredRun, ThreadRecord, Threads
from graphs.opening import CompiledResearchGraph
from settings import Settings
from state.report import Report


class KeptViews:
    """Reads threads and runs."""

    def __init__(self, settings: Settings, graph: CompiledResearchGraph, threads: Threads) -> None:
        self._settings, self._graph, self._threads = settings, graph, threads

    async def thread(self, tenant: str, thread_id: str) -> ThreadView:
        """Return a thread with its latest report and all its runs. Raises `ThreadMissing`."""
        stored = await self._threads.get(tenant, thread_id)
        view, runs = await self._view(stored), await self._threads.runs(tenant, thread_id)
        report = view.report
        if report is None and stored.record.status not in UNFINISHED:  # its checkpoints were removed
            kept = await self._threads.by_run(tenant, stored.record.run_id)
            report = await self.report(kept) if kept else None
        return view.model_copy(update={"runs": runs, "report": report})

    async def run(self, tenant: str, run_id: str) -> RunView | None:
        """Return a run with its report, or `None`."""
        kept = await self._threads.by_run(tenant, run_id)
        if kept is None:
            return None
        told = RunView(thread=kept.thread.record, run=kept.run)
        if not kept.latest or kept.run.status not in UNFINISHED:
            return told.model_copy(update={"report": await self.report(kept)})
        view = await self._view(kept.thread)
        mine = view.report is not None and view.report.run_id == run_id
        more = {"report": view.report if mine else None, "pending": view.pending, "live": view.live}
        return told.model_copy(update=more)

    async def report(self, kept: KeptRun) -> Report | None:
        """Return the report of a finished run, `None` if it was removed because of its age."""
        run_id, record = kept.run.run_id, kept.thread.record
        if kept.report is not None or not kept.run.has_report:
            return Report.model_validate(kept.report) if kept.report else None
        return await self.checkpointed_report(record.tenant, record.thread_id, run_id)

    async def checkpointed_report(self, tenant: str, thread_id: str, run_id: str) -> Report | None:
        """Return the report that a run of an earlier release has left in the checkpoints alone, or `None`."""
        config = graph_config(self._settings, tenant, thread_id, run_id)
        async for snapshot in self._graph.aget_state_history(config, filter={"sixplane_run_id": run_id}, limit=1):
            report = snapshot.values.get("report") or {}
            if report.get("run_id") == run_id:
                return Report.model_validate(report)
        return None

    async def snapshot(self, record: ThreadRecord) -> StateSnapshot:
        """Return the thread's latest checkpoint."""
        config = graph_config(self._settings, record.tenant, record.thread_id, record.run_id)
        return await self._graph.aget_state(config)

    async def _view(self, stored: StoredRun) -> ThreadView:
        snapshot = await self.snapshot(stored.record)
        report = snapshot.values.get("report")
        return ThreadView(
            record=stored.record,
            report=Report.model_validate(report) if report else None,
            next=tuple(snapshot.next),
            pending=asked_of(snapshot.interrupts[0]) if snapshot.interrupts else None,
            history=snapshot.values.get("history", ()),
            live=stored.live,
        )
