"""The requests and views of the service core."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AnyMessage
from pydantic import BaseModel, ConfigDict

from experience.service.threads import ThreadRecord
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
        history: the thread's finished runs.
        live: whether a process is running the thread now.
    """

    record: ThreadRecord
    report: Report | None
    next: tuple[str, ...]
    pending: dict[str, Any] | None
    history: tuple[PastRun, ...]
    live: bool = False


__all__ = [
    "ResearchRequest",
    "ReviewAnswer",
    "ThreadView",
]
