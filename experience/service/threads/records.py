"""What the table of threads tells: a thread, its runs, what a resume needs, and a page of a list."""

from __future__ import annotations

from typing import Any

from state.access import Held, shared
from state.channels import ResearchContext
from state.values import Refusal, Value

UNFINISHED = ("running", "interrupted", "review")
"""Statuses of a thread with work left. `running` without a live lease means that the run was killed. (`stopped` is the
status of a report, so that run is over.)"""


class ThreadRecord(Value):
    """One thread and its latest run.

    `status` is the report's status, or `running`, `interrupted` or `review`. `owner` is the principal that started the
    thread; it is `None` for runs outside a server. `title` is the thread's first question, on one line.
    """

    tenant: str
    thread_id: str
    run_id: str
    status: str
    question: str
    trace_id: str
    created_at: str
    updated_at: str
    owner: str | None = None
    title: str = ""


class RunRecord(Value):
    """One run of a thread. `has_report` says whether its report is kept; a report can be removed because of its age."""

    run_id: str
    question: str
    status: str
    created: str
    updated: str
    has_report: bool


class StoredRun(Value):
    """The latest run of a thread with everything that a resume needs."""

    record: ThreadRecord
    context: ResearchContext
    refusal: Refusal | None
    span_id: str
    live: bool
    """Whether a process holds the thread's lease."""

    def seen_by(self, audiences: Held) -> StoredRun:
        """Return the run, limited to what `audiences` may read too: its caller may have lost some since it began."""
        limited = self.context.model_copy(update={"audiences": shared(self.context.audiences, audiences)})
        return self.model_copy(update={"context": limited})


class AgedThread(Value):
    """A thread whose last run ended long ago, or the thread of such a run. `updated_at` is when the run ended."""

    tenant: str
    thread_id: str
    updated_at: str


class AgedRun(AgedThread):
    """A finished run that is old."""

    run_id: str


class KeptRun(Value):
    """Any run of a thread. `report` is `None` if there is none, or if only the checkpoints of the thread have it."""

    thread: StoredRun
    run: RunRecord
    report: dict[str, Any] | None

    @property
    def latest(self) -> bool:
        """Whether the run is the thread's latest."""
        return self.thread.record.run_id == self.run.run_id


class ThreadSummary(Value):
    """A thread in a list. `run_id` is its latest run; `status` is that of its latest run."""

    thread_id: str
    title: str
    status: str
    created: str
    updated: str
    run_id: str
    owner: str | None = None


class ThreadPage(Value):
    """A page of a list, latest first. `next` is the cursor of the next page, `None` on the last one."""

    threads: tuple[ThreadSummary, ...]
    next: str | None = None
