"""The progress of a batch."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from experience.cli.output import span_of
from experience.money import dollars

if TYPE_CHECKING:
    from experience.batch import BatchJob, BatchOutcome


class BatchBoard:
    """Rows done, all rows, failures, rate, cost and remaining time."""

    def __init__(self, job: BatchJob) -> None:
        self._job, self._began = job, monotonic()
        self._ended, self._failed = 0, 0

    def take(self, outcome: BatchOutcome) -> None:
        """Count an outcome."""
        self._ended += 1
        self._failed += outcome.status == "failed"

    def line(self) -> str:
        """Return the progress as one line."""
        done, rows, cost = self._job.progress
        rate = self._ended / max(monotonic() - self._began, 0.001)
        left = f"{span_of((rows - done) / rate)} left" if rate and rows else "starting"
        if rows and done >= rows:
            left = f"{span_of(monotonic() - self._began)} in all"
        return f"{done}/{rows} rows, {self._failed} failed, {rate:.1f} rows/s, {dollars(cost)} USD, {left}"
