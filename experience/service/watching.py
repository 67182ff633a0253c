"""Stops runs whose clients have left: nobody reads their answers, and they hold places."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experience.service.runs import Run

_log = logging.getLogger(__name__)


class Watchers:
    """Counts the clients that wait for each run.

    When the last one has left and none has come for `seconds`, the run is stopped after its current step, and in the
    middle of its step after as long again. A run that no client has watched goes on.

    Args:
        seconds: how long a run goes on without its clients.
        stop: stops a run after its current step.
        cut: stops a run in the middle of its step.
    """

    def __init__(self, seconds: float, stop: Callable[[Run], None], cut: Callable[[Run], None]) -> None:
        self._seconds, self._stop, self._cut = seconds, stop, cut
        self._counts: Counter[Run] = Counter()
        self._leaving: dict[Run, asyncio.TimerHandle] = {}

    @contextmanager
    def watching(self, run: Run) -> Iterator[None]:
        """Count a client that waits for the run while the block runs."""
        self._counts[run] += 1
        self.forget(run)
        try:
            yield
        finally:
            self._counts[run] -= 1
            self._counts += Counter()  # drops the runs without clients
            if run not in self._counts and run.ending is None and self._seconds != math.inf:
                self._later(run, self._give_up)

    def forget(self, run: Run) -> None:
        """Forget that the clients of a run have left: one has come back, or the run has ended."""
        timer = self._leaving.pop(run, None)
        if timer is not None:
            timer.cancel()

    def _later(self, run: Run, act: Callable[[Run], None]) -> None:
        self._leaving[run] = asyncio.get_running_loop().call_later(self._seconds, act, run)

    def _give_up(self, run: Run) -> None:
        _log.info("a run is stopped: its clients have left")
        self._stop(run)
        self._later(run, self._end)

    def _end(self, run: Run) -> None:
        del self._leaving[run]
        self._cut(run)
