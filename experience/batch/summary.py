"""What a job has come to. Nothing that failed is left out of it."""

from __future__ import annotations

from experience.batch.journal import JobHeader
from experience.batch.tally import Tally
from experience.cli.errors import Exit, status_of_code
from state.errors import BudgetExceeded
from state.values import Value

_TOLD_FAILURES = 5


class RowFailure(Value):
    """A row whose latest attempt failed."""

    line: int
    id: str
    code: str
    message: str


class BatchSummary(Value):
    """All starts of a job together.

    `counts` are rows by the status of their latest outcome, `unfinished` those without one. `reports` are rows by the
    status of their report, `failed_by_code` failed rows by error; `failures` are the first of them. `corpora` are
    reports by corpus and version: more than one version means that a corpus changed meanwhile. `ending` says why the
    job stopped before its last row, if it did.
    """

    job: str
    rows: int
    unfinished: int
    counts: dict[str, int]
    reports: dict[str, int]
    failed_by_code: dict[str, int]
    failures: tuple[RowFailure, ...]
    corpora: dict[str, int]
    cost_micro_usd: int
    ending: str
    exit_status: int


def summary_of(header: JobHeader | None, tally: Tally, rows: int, ending: str) -> BatchSummary:
    """Return the summary of what `tally` knows."""
    counts, codes = tally.counts(), tally.failed_by_code()
    return BatchSummary(
        job=header.id if header else "",
        rows=rows,
        unfinished=rows - tally.recorded,
        counts=counts,
        reports=tally.reports(),
        failed_by_code=codes,
        failures=tuple(RowFailure(**failure._asdict()) for failure in tally.failures(_TOLD_FAILURES)),
        corpora={f"{name} version {version}": count for (name, version), count in tally.corpora().items()},
        cost_micro_usd=tally.cost_micro_usd,
        ending=ending,
        exit_status=_exit_status(counts, codes, ending, rows - tally.recorded),
    )


def _exit_status(counts: dict[str, int], codes: dict[str, int], ending: str, unfinished: int) -> Exit:
    """Return what the exit status says: the stop, else the most frequent failure, else what a person has to look at.

    A row is unfinished without a stop of the job where its own run was stopped: another process took its thread.
    """
    if ending:
        return Exit.BUDGET_EXCEEDED if ending == BudgetExceeded.code else Exit.STOPPED
    if codes:
        kinds = [(count, status_of_code(code)) for code, count in codes.items()]
        shares = {status: sum(count for count, kind in kinds if kind is status) for _, status in kinds}
        return max(shares, key=lambda status: (shares[status], status))
    if counts["review_pending"] or unfinished:
        return Exit.STOPPED
    return Exit.REFUSED if counts["refused"] else Exit.DONE
