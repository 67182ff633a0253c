"""What goes in and out of the service core."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AnyMessage
from pydantic import BaseModel, ConfigDict

from experience.service.threads import ThreadRecord
from state.channels import ResearchContext
from state.report import Report
from state.values import PastRun, ReviewAnswer, Value


class ResearchRequest(BaseModel):
    """One question: `question`, or `messages` whose last human message is it. Without `thread_id` a new thread."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str | None = None
    messages: list[AnyMessage] | None = None
    thread_id: str | None = None
    context: ResearchContext = ResearchContext()


class ThreadView(BaseModel):
    """A thread as `show` gives it: `next` names the nodes that a resume would run, `pending` what a person is asked."""

    record: ThreadRecord
    report: Report | None
    next: tuple[str, ...]
    pending: dict[str, Any] | None
    history: tuple[PastRun, ...]
    live: bool = False
    """Whether a process runs it now."""


class HealthCheck(Value):
    """One check and its remedy where it failed."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


class HealthStatus(Value):
    """All checks."""

    ok: bool
    checks: tuple[HealthCheck, ...]


__all__ = [
    "HealthCheck",
    "HealthStatus",
    "ResearchRequest",
    "ReviewAnswer",
    "ThreadView",
]
