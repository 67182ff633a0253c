"""What a batch job hands to its engine and gets back. All of it goes through JSON: an engine may be other machines."""

from __future__ import annotations

from enum import StrEnum

from experience.service import ResearchRequest
from state.report import Report
from state.values import Value


class RowStatus(StrEnum):
    """How a row ended. `stopped` is no outcome: the run was drained, and the next start of the job goes on with it."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    REVIEW_PENDING = "review_pending"
    STOPPED = "stopped"


class BatchError(Value):
    """Why a row failed: an error's stable `code`, what happened, and the remedy."""

    code: str
    message: str
    hint: str = ""


class BatchTask(Value):
    """One attempt at one row. `thread_id` and `run_id` are chosen by the job, so that a killed run is known again.

    With `fault` the row cannot be asked, and this is why. `ordered` rows share a thread that the user named: an engine
    runs them one after the other, in the order in which it got them.
    """

    key: str
    line: int
    id: str = ""
    attempt: int = 1
    tenant: str
    thread_id: str
    run_id: str
    ordered: bool = False
    request: ResearchRequest | None = None
    fault: BatchError | None = None


class BatchOutcome(Value):
    """What one attempt at a row came to: one line of the output file.

    `line` counts from 1. `report` is there wherever the run ended in one, a failed row's too. `cost_micro_usd` is that
    of the run, of earlier processes too. `resumable` says that a retry goes on with the same run. `ends_job` says
    that the tenant's budget is spent, so that no other row can be asked.
    """

    key: str
    line: int
    id: str = ""
    status: RowStatus
    attempt: int = 1
    thread_id: str
    run_id: str
    report: Report | None = None
    error: BatchError | None = None
    cost_micro_usd: int = 0
    resumable: bool = False
    ends_job: bool = False
    started_at: str
    seconds: float
