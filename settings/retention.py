"""The settings of how long what the service keeps lives."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RetentionSettings(BaseModel):
    """Days after which something is deleted; `None`: it is kept until somebody deletes it.

    A server applies them when it starts and every `sweep_minutes`, and `sixplane prune` applies them at once. How much
    room trace files may take is `telemetry.max_bytes`, how long the audit trail is kept `audit.retention_days`.
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
    calls_days: int | None = Field(400, ge=1)
    """The ledger's rows of calls. Totals by run, tenant, month, principal, operation, model and state stay."""
    runs_days: int | None = Field(800, ge=1)
    """What the ledger tells of single runs that ended longer ago and whose calls are pruned; their sums stay in the
    totals of tenant, month, principal, operation, model and state."""
    memos_days: int | None = Field(30, ge=1)
    """Answers of runs that made no call for longer, unless they wait for a person, and files of settlements that the
    ledger does not apply. The memo of a run is deleted when it ends."""
    alerts_days: int | None = Field(400, ge=1)
    """Budget alerts. One that may still be published, for seven days, stays."""
    sweep_minutes: float = Field(1440.0, gt=0)

    @model_validator(mode="after")
    def _memos_first(self) -> RetentionSettings:
        # The age of a memo is that of its calls.
        if self.calls_days is not None and (self.memos_days is None or self.memos_days > self.calls_days):
            raise ValueError("`memos_days` may not be more than `calls_days`: the rows of the calls tell a memo's age")
        return self
