"""The progress of an evaluation."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from experience.cli.output import time_left

if TYPE_CHECKING:
    from experience.evaluation import Interview, Outcome


class EvaluationBoard:
    """Questions with an outcome, all questions, failures, and the time that is left or that it took."""

    def __init__(self, interview: Interview) -> None:
        self._interview, self._began = interview, monotonic()
        self._ended, self._failed = 0, 0

    def take(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self._ended += 1
        self._failed += outcome.error is not None

    def line(self, *, over: bool = False) -> str:
        """Return the progress as one line. `over`: no further outcome comes."""
        done, questions = self._interview.progress
        left = time_left(questions - done, self._ended, monotonic() - self._began, over=over)
        return f"{done}/{questions} questions, {self._failed} failed, {left}"
