"""Batch: many questions as one job with one outcome for each. A job can be killed and started again.

`BatchJob` records outcomes in a file; `outcomes_of` yields them without one.
"""

from __future__ import annotations

from experience.batch.engine import ENGINES, Engine, open_engine
from experience.batch.job import BatchJob, JobOptions
from experience.batch.journal import JobHeader, Journal
from experience.batch.local import LocalEngine, outcomes_of
from experience.batch.rows import BatchRow
from experience.batch.summary import BatchSummary
from experience.batch.values import BatchError, BatchOutcome, BatchTask, RowStatus

__all__ = [
    "ENGINES",
    "BatchError",
    "BatchJob",
    "BatchOutcome",
    "BatchRow",
    "BatchSummary",
    "BatchTask",
    "Engine",
    "JobHeader",
    "JobOptions",
    "Journal",
    "LocalEngine",
    "RowStatus",
    "open_engine",
    "outcomes_of",
]
