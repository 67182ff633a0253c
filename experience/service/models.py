"""The requests and views of the service core."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AnyMessage
from pydantic import BaseModel, ConfigDict

from experience.service.threads import RunRecord, ThreadRecord
from state.channels import ResearchContext
from state.report import Report
from state.values import PastRun, ReviewAnswer


class ResearchRequest(BaseModel):
    """A request for one report.

    Args:
        question: the question; or
        messages: a conversation whose last human message is the question.
        thread_id: the thread to continue; a new thread if it is `None`.
        context: the options of the run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str | None = None
    messages: list[AnyMessage] | None = None
    thread_id: str | None = None
    context: ResearchContext = ResearchContext()


class ThreadView(BaseModel):
    """A thread as `show` returns it.

    Args:
        record: the thread's row.
        report: the latest report.
        next: the nodes that a resume would run.
        pending: what a person is asked, if the run waits for an answer.
        history: the thread's latest finished runs, as a follow-up knows them.
        live: whether a process is running the thread now.
        runs: all runs of the thread, the latest first.
    """

    record: ThreadRecord
    report: Report | None
    next: tuple[str, ...]
    pending: dict[str, Any] | None
    history: tuple[PastRun, ...]
    live: bool = False
    runs: tuple[RunRecord, ...] = ()


class RunView(BaseModel):
    """A run as `show_run` returns it.

    Args:
        thread: the row of its thread.
        run: the run.
        report: its report, if it has one and it is still kept.
        pending: what a person is asked, if the run waits for an answer.
        live: whether a process is running it now.
    """

    thread: ThreadRecord
    run: RunRecord
    report: Report | None = None
    pending: dict[str, Any] | None = None
    live: bool = False


__all__ = [
    "ResearchRequest",
    "ReviewAnswer",
    "RunView",
    "ThreadView",
]
