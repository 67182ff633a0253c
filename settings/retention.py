"""The settings of how long what the service keeps lives."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RetentionSettings(BaseModel):
    """Days after which something is deleted; `None`: it is kept until somebody deletes it.

    A server applies them when it starts and every `sweep_minutes`, and `sixplane threads sweep` applies them at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads_days: int | None = Field(None, ge=1)
    """Threads whose last run ended longer ago, with everything that `sixplane threads delete` deletes."""
    reports_days: int | None = Field(None, ge=1)
    """Reports of older runs; their questions, dates and statuses stay listed until the thread is deleted."""
    checkpoints_days: int | None = Field(None, ge=1)
    """Checkpoints of threads whose last run ended longer ago. Their reports stay; the next question on such a thread
    begins a new conversation."""
    traces_days: int | None = Field(30, ge=1)
    """Trace files to which nothing was written for longer."""
    sweep_minutes: float = Field(60.0, gt=0)
