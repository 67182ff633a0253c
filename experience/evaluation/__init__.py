"""Evaluation: what the service finds, answers and abstains from on a corpus, measured with questions of one's own.

`read_questions` reads a file of questions, `evaluate` asks them and measures; `docs/evaluation.md` defines the figures.
"""

from __future__ import annotations

from experience.evaluation.asking import Interview
from experience.evaluation.gold import Gold
from experience.evaluation.intervals import Estimate, difference, estimate
from experience.evaluation.measures import MEASURES, Measure
from experience.evaluation.outcomes import Outcome
from experience.evaluation.questions import GoldPlace, Question, read_questions
from experience.evaluation.reliability import Reliability
from experience.evaluation.result import Evaluation, Group, Scored
from experience.evaluation.running import EvaluationRun, evaluate, read_result

__all__ = [
    "MEASURES",
    "Estimate",
    "Evaluation",
    "EvaluationRun",
    "Gold",
    "GoldPlace",
    "Group",
    "Interview",
    "Measure",
    "Outcome",
    "Question",
    "Reliability",
    "Scored",
    "difference",
    "estimate",
    "evaluate",
    "read_questions",
    "read_result",
]
