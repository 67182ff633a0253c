"""What a batch job gives to its engine and gets back. All values are JSON, so an engine may be on other machines."""

from __future__ import annotations

from enum import StrEnum

from experience.service import ResearchRequest
from state.report import Report
from state.values import Value


class RowStatus(StrEnum):
    """How a row ended. `stopped` is never recorded: the run was drained, and the next start of the job resumes it."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    REVIEW_PENDING = "review_pending"
    STOPPED = "stopped"


class BatchError(Value):
    """Why a row failed: the stable `code` of the error, its message and its hint."""

    code: str
    message: str
    hint: str = ""


class BatchTask(Value):
    """One attempt at one row.

    The job chooses `thread_id` and `run_id`, so that it finds a killed run again. `fault` says why an invalid row
    cannot be asked. `ordered` rows are on a thread that the user named: an engine runs them one after the other, in the
    order in which it got them.
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
    """The outcome of one attempt at a row: one line of the output file.

    `line` counts from 1. `report` is set whenever the run has a report, for failed rows too. `malformed` says that the
    row itself cannot be asked, so that a retry would change nothing. `cost_micro_usd` is the cost of the run, including
    its cost in earlier processes. `resumable` says that a retry continues the same run. `ends_job` says that the
    tenant's budget is spent, so that no other row can be asked.
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
    malformed: bool = False
    cost_micro_usd: int = 0
    resumable: bool = False
    ends_job: bool = False
    started_at: str
    seconds: float
