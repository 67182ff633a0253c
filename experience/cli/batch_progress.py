"""How far a batch is: a live line on a terminal's standard error, a plain one now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from experience.cli.commands.models import dollars
from experience.cli.output import note

if TYPE_CHECKING:
    from experience.batch import BatchJob, BatchOutcome

_PLAIN_SECONDS = 30.0


class BatchBoard:
    """Done and in all, failures, rate, cost, time left."""

    def __init__(self, job: BatchJob) -> None:
        self._job, self._began = job, monotonic()
        self._ended, self._failed = 0, 0
        self._told = self._began

    def take(self, outcome: BatchOutcome) -> None:
        """Take in one outcome."""
        self._ended += 1
        self._failed += outcome.status == "failed"

    def take_and_tell(self, outcome: BatchOutcome) -> None:
        """Take in one outcome; tell how far the job is, if it was not told lately."""
        self.take(outcome)
        if monotonic() - self._told >= _PLAIN_SECONDS:
            self._told = monotonic()
            note(f"batch: {self.line()}")

    def line(self) -> str:
        """Return the whole state on one line."""
        done, rows, cost = self._job.progress
        rate = self._ended / max(monotonic() - self._began, 0.001)
        left = f"{_span((rows - done) / rate)} left" if rate and rows else "beginning"
        return f"{done}/{rows} rows, {self._failed} failed, {rate:.1f} rows/s, {dollars(cost)} USD, {left}"

    def __rich__(self) -> str:
        return self.line()


@contextmanager
def batch_progress(job: BatchJob) -> Iterator[Callable[[BatchOutcome], None]]:
    """Show how far `job` is while the block runs."""
    board = BatchBoard(job)
    if not sys.stderr.isatty():
        yield board.take_and_tell
        return
    from rich.console import Console
    from rich.live import Live

    with Live(board, console=Console(stderr=True), refresh_per_second=4, transient=True):
        yield board.take


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
