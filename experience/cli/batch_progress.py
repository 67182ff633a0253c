"""The progress of a batch."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from experience.cli.output import time_left
from state.money import dollars

if TYPE_CHECKING:
    from experience.batch import BatchJob, BatchOutcome


class BatchBoard:
    """Rows done, all rows, failures, rate, cost, and the time that is left or that it took."""

    def __init__(self, job: BatchJob) -> None:
        self._job, self._began = job, monotonic()
        self._ended, self._failed = 0, 0

    def take(self, outcome: BatchOutcome) -> None:
        """Count an outcome."""
        self._ended += 1
        self._failed += outcome.status == "failed"

    def line(self, *, over: bool = False) -> str:
        """Return the progress as one line. `over`: no further outcome comes."""
        done, rows, cost = self._job.progress
        seconds = monotonic() - self._began
        rate = self._ended / max(seconds, 0.001)
        left = time_left(rows - done, self._ended, seconds, over=over) if rows else "starting"
        return f"{done}/{rows} rows, {self._failed} failed, {rate:.1f} rows/s, {dollars(cost)} USD, {left}"
