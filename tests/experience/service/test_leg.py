"""How a leg of a run starts: from the stored run and the thread's latest checkpoint."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.types import Command, Interrupt, StateSnapshot

from experience.service.leg import (
    AlreadyEnded,
    Answered,
    GoOn,
    NewRun,
    check_answer,
    graph_argument,
    graph_config,
    start_of_rest,
)
from experience.service.threads import StoredRun, ThreadRecord
from settings import Settings
from state.channels import ResearchContext
from state.errors import ThreadNotResumable
from state.values import ReviewAnswer
from tests.experience.reports import make_report

RUN, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
APPROVE = ReviewAnswer(decision="approve")


def stored(status: str) -> StoredRun:
    record = ThreadRecord(
        tenant="local",
        thread_id="t",
        run_id=RUN,
        status=status,
        question="Why?",
        trace_id="0" * 32,
        created_at="2026",
        updated_at="2026",
    )
    return StoredRun(record=record, context=ResearchContext(), refusal=None, span_id="0" * 16, live=True)


def snapshot(*, left: bool, run: str = RUN, report: Any = None) -> StateSnapshot:
    tasks = ("a task",) if left else ()
    values = {"report": report} if report else {}
    return StateSnapshot(values, (), {}, {"sixplane_run_id": run}, None, None, tasks, ())  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["running", "interrupted"])
def test_a_run_with_tasks_left_goes_on_from_its_checkpoint(status):
    start = start_of_rest(stored(status), snapshot(left=True))
    assert start == GoOn()
    assert graph_argument(start) is None


@pytest.mark.parametrize("left", [True, False])
def test_a_run_without_a_checkpoint_of_its_own_begins_again_with_the_stored_question(left):
    start = start_of_rest(stored("running"), snapshot(left=left, run=OTHER))
    assert start == NewRun({"question": "Why?", "refusal": None})
    assert graph_argument(start) == {"question": "Why?", "refusal": None}


def test_a_run_that_ended_before_its_row_said_so_is_not_run_again():
    report = make_report(run_id=RUN)
    start = start_of_rest(stored("running"), snapshot(left=False, report=report.model_dump(mode="json")))
    assert start == AlreadyEnded(report)


def test_the_make_report_an_earlier_run_is_not_that_of_this_one():
    report = make_report(run_id=OTHER).model_dump(mode="json")
    assert isinstance(start_of_rest(stored("running"), snapshot(left=False, run=OTHER, report=report)), NewRun)


@pytest.mark.parametrize("status", ["answered", "stopped", "review"])
def test_a_thread_without_work_left_is_not_resumable(status):
    with pytest.raises(ThreadNotResumable, match="nothing left to do") as caught:
        start_of_rest(stored(status), snapshot(left=False))
    assert "sixplane show" in caught.value.hint


def test_an_answer_is_for_a_thread_that_waits_and_a_waiting_thread_needs_one():
    record, waits = stored("review").record, (Interrupt({}, id="one"),)
    check_answer(record, APPROVE, waits)
    check_answer(record, APPROVE.model_copy(update={"review_id": "one"}), waits)
    check_answer(record, None, ())
    with pytest.raises(ThreadNotResumable, match="does not wait"):
        check_answer(record, APPROVE, ())
    with pytest.raises(ThreadNotResumable, match="waits for a person"):
        check_answer(record, None, waits)
    with pytest.raises(ThreadNotResumable, match="another review"):
        check_answer(record, APPROVE.model_copy(update={"review_id": "two"}), waits)


def test_an_answer_resumes_the_graph():
    argument = graph_argument(Answered(APPROVE))
    assert isinstance(argument, Command)
    assert argument.resume == {"decision": "approve", "text": ""}


def test_two_tenants_use_one_thread_id_without_sharing_checkpoints():
    configs = [graph_config(Settings(), tenant, "t", RUN) for tenant in ("one", "two")]
    assert [config["configurable"]["thread_id"] for config in configs] == ["one/t", "two/t"]
    assert all(config["recursion_limit"] == Settings().run.recursion_limit for config in configs)
