"""The progress of a batch on standard error: a live line on a terminal, a plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from experience.cli.commands.models import dollars
from experience.cli.output import note, span_of

if TYPE_CHECKING:
    from experience.batch import BatchJob, BatchOutcome

_PLAIN_SECONDS = 30.0
"""A chosen value: a log of an hour gets 120 lines."""


class BatchBoard:
    """Rows done, all rows, failures, rate, cost and remaining time."""

    def __init__(self, job: BatchJob) -> None:
        self._job, self._began = job, monotonic()
        self._ended, self._failed = 0, 0
        self._told = self._began

    def take(self, outcome: BatchOutcome) -> None:
        """Count an outcome."""
        self._ended += 1
        self._failed += outcome.status == "failed"

    def take_and_tell(self, outcome: BatchOutcome) -> None:
        """Count an outcome, and print a line if the last one is old enough."""
        self.take(outcome)
        if monotonic() - self._told >= _PLAIN_SECONDS:
            self._told = monotonic()
            note(f"batch: {self.line()}")

    def line(self) -> str:
        """Return the progress as one line."""
        done, rows, cost = self._job.progress
        rate = self._ended / max(monotonic() - self._began, 0.001)
        left = f"{span_of((rows - done) / rate)} left" if rate and rows else "starting"
        return f"{done}/{rows} rows, {self._failed} failed, {rate:.1f} rows/s, {dollars(cost)} USD, {left}"

    def __rich__(self) -> str:
        return self.line()


@contextmanager
def batch_progress(job: BatchJob) -> Iterator[Callable[[BatchOutcome], None]]:
    """Show the progress of `job` while the block runs. Yields the function to call with each outcome."""
    board = BatchBoard(job)
    if not sys.stderr.isatty():
        yield board.take_and_tell
        return
    from rich.console import Console
    from rich.live import Live

    with Live(board, console=Console(stderr=True), refresh_per_second=4, transient=True):
        yield board.take
