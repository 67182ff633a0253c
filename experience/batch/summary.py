"""The summary of a job. It counts every failed row."""

from __future__ import annotations

from experience.batch.journal import JobHeader
from experience.batch.outcome_index import OutcomeIndex
from experience.exits import Exit, status_of_code
from state.errors import BudgetExceeded
from state.values import Value

_TOLD_FAILURES = 5  # the summary is for reading; the output file has them all


class RowFailure(Value):
    """A row whose latest attempt failed."""

    line: int
    id: str
    code: str
    message: str


class BatchSummary(Value):
    """The results of all starts of a job.

    Args:
        job: the job's id.
        rows: the number of rows.
        unfinished: rows without an outcome.
        counts: rows by the status of their latest outcome.
        reports: rows by the status of their report.
        failed_by_code: failed rows by error code.
        failures: the first failed rows.
        malformed: failed rows that cannot be asked as they stand.
        corpora: reports by corpus and version; two versions mean that the corpus changed during the job.
        cost_micro_usd: the cost of all rows.
        ending: why the job stopped before its last row; empty if it did not.
        exit_status: the exit status of the command.
    """

    job: str
    rows: int
    unfinished: int
    counts: dict[str, int]
    reports: dict[str, int]
    failed_by_code: dict[str, int]
    failures: tuple[RowFailure, ...]
    malformed: int
    corpora: dict[str, int]
    cost_micro_usd: int
    ending: str
    exit_status: int


def summary_of(header: JobHeader | None, index: OutcomeIndex, rows: int, ending: str) -> BatchSummary:
    """Return the summary of the outcomes in `index`."""
    counts, codes = index.counts(), index.failed_by_code()
    return BatchSummary(
        job=header.id if header else "",
        rows=rows,
        unfinished=rows - index.recorded,
        counts=counts,
        reports=index.reports(),
        failed_by_code=codes,
        failures=tuple(RowFailure(**failure._asdict()) for failure in index.failures(_TOLD_FAILURES)),
        malformed=index.malformed(),
        corpora={f"{name} version {version}": count for (name, version), count in index.corpora().items()},
        cost_micro_usd=index.cost_micro_usd,
        ending=ending,
        exit_status=_exit_status(counts, codes, ending, rows - index.recorded),
    )


def _exit_status(counts: dict[str, int], codes: dict[str, int], ending: str, unfinished: int) -> Exit:
    """Return the exit status: that of the stop, else of the most frequent failure, else of what a person has to do.

    A row can be unfinished although the job was not stopped: another process took its thread and stopped the run.
    """
    if ending:
        return Exit.BUDGET_EXCEEDED if ending == BudgetExceeded.code else Exit.STOPPED
    if codes:
        kinds = [(count, status_of_code(code)) for code, count in codes.items()]
        shares = {status: sum(count for count, kind in kinds if kind is status) for _, status in kinds}
        # Between equally frequent ones the higher, so that the exit status does not depend on the order of the rows.
        return max(shares, key=lambda status: (shares[status], status))
    if counts["review_pending"] or unfinished:
        return Exit.STOPPED
    return Exit.REFUSED if counts["refused"] else Exit.DONE
