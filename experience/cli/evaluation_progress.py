"""The progress of an evaluation."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from experience.cli.output import span_of

if TYPE_CHECKING:
    from experience.evaluation import Interview, Outcome


class EvaluationBoard:
    """Questions with an outcome, all questions, failures, and the remaining time."""

    def __init__(self, interview: Interview) -> None:
        self._interview, self._began = interview, monotonic()
        self._ended, self._failed = 0, 0

    def take(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self._ended += 1
        self._failed += outcome.error is not None

    def line(self) -> str:
        """Return the progress as one line."""
        done, questions = self._interview.progress
        rate = self._ended / max(monotonic() - self._began, 0.001)
        left = f"{span_of((questions - done) / rate)} left" if rate else "starting"
        return f"{done}/{questions} questions, {self._failed} failed, {left}"
