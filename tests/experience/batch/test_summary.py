"""The exit status of a job, and a summary that leaves no failure out."""

from pathlib import Path

import pytest

from experience.batch import BatchError, BatchOutcome
from experience.batch.outcome_index import OutcomeIndex
from experience.batch.summary import summary_of
from experience.cli.commands.asking.batch import lines_of


def tally_of(*ended):
    index = OutcomeIndex()
    for line, (status, code) in enumerate(ended, start=1):
        error = BatchError(code=code, message=f"why {line}") if code else None
        index.add(
            BatchOutcome(
                key=str(line),
                line=line,
                status=status,
                error=error,
                cost_micro_usd=10,
                thread_id="t",
                run_id=str(line),
                started_at="x",
                seconds=0,
            )
        )
    return index


DONE, REFUSED, PENDING = ("done", ""), ("refused", ""), ("review_pending", "review_pending")
DOWN, BAD, BUG, SPENT = (("failed", code) for code in ("model_unavailable", "bad_input", "internal", "budget_exceeded"))


@pytest.mark.parametrize(
    ("ended", "ending", "status"),
    [
        ([DONE], "", 0),
        ([DONE, REFUSED], "", 3),
        ([DONE, REFUSED, PENDING], "", 6),
        ([REFUSED, PENDING, BAD], "", 2),
        ([DOWN, DOWN, BAD, ("failed", "guard_unavailable"), BAD], "", 5),
        ([BUG, DOWN, DOWN], "", 5),
        ([BUG, BUG, DOWN], "", 1),
        ([BAD, DOWN], "", 5),
        ([SPENT, DONE], "", 4),
        ([BUG], "stopped", 6),
        ([BUG], "budget_exceeded", 4),
    ],
)
def test_the_exit_status_is_that_of_the_stop_or_of_most_failures(ended, ending, status):
    assert summary_of(None, tally_of(*ended), len(ended), ending).exit_status == status


@pytest.mark.parametrize(("ended", "status"), [([DONE], 6), ([DONE, REFUSED], 6), ([DOWN], 5)])
def test_a_row_without_an_outcome_is_no_success(ended, status):
    assert summary_of(None, tally_of(*ended), len(ended) + 1, "").exit_status == status


def test_every_failure_is_counted_and_the_first_are_named():
    summary = summary_of(None, tally_of(*[DOWN] * 6, DONE, BAD), 10, "")
    assert summary.counts == {"done": 1, "failed": 7, "refused": 0, "review_pending": 0}
    assert (summary.unfinished, summary.cost_micro_usd) == (2, 80)
    assert summary.failed_by_code == {"model_unavailable": 6, "bad_input": 1}
    assert [row.line for row in summary.failures] == [1, 2, 3, 4, 5]
    text = "\n".join(lines_of(summary, Path("out.jsonl")))
    for said in ("7 failed", "2 unfinished", "line 1: model_unavailable: why 1", "2 more, in out.jsonl"):
        assert said in text


def test_what_cannot_be_asked_as_it_stands_is_counted_apart():
    index, fields = OutcomeIndex(), {"status": "failed", "thread_id": "t", "started_at": "x", "seconds": 0}
    for line, malformed in enumerate((True, False, True), start=1):
        index.add(BatchOutcome(key=str(line), line=line, run_id=str(line), malformed=malformed, **fields))
    assert summary_of(None, index, 3, "").malformed == 2


def test_a_run_that_goes_on_in_a_later_attempt_is_paid_for_once():
    index, fields = OutcomeIndex(), {"line": 1, "key": "k", "thread_id": "t", "started_at": "x", "seconds": 0}
    index.add(BatchOutcome(status="failed", run_id="r", cost_micro_usd=30, resumable=True, **fields))
    index.add(BatchOutcome(status="failed", run_id="r", cost_micro_usd=50, attempt=2, **fields))
    assert (index.cost_micro_usd, index.recorded) == (50, 1)
    index.add(BatchOutcome(status="done", run_id="r2", cost_micro_usd=40, attempt=3, **fields))
    assert (index.cost_micro_usd, index.get("k").attempt, index.counts()["failed"]) == (90, 3, 0)
