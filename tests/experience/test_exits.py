"""Errors and reports have one exit status each, by the class tree of `state.errors`."""

import pytest

from experience.exits import Exit, exit_status, kind_of, report_status, status_of_code, stop_error
from state import errors
from state.values import Event, Status
from tests.experience.reports import make_report


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.QuestionInvalid("x"), 2),
        (errors.PolicyRefusal("x"), 3),
        (errors.BudgetExceeded("run", 1, 2), 4),
        (errors.StorageFull("x"), 5),
        (errors.ModelOutputInvalid("x"), 5),
        (errors.ReviewPending("x"), 6),
        (errors.SixplaneError("x"), 1),
    ],
)
def test_exit_status_follows_the_class_tree(error, status):
    assert exit_status(error) == status


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (Status.ANSWERED, "approved", Exit.DONE),
        (Status.ABSTAINED, "no_evidence", Exit.DONE),
        (Status.REFUSED, "deny", Exit.REFUSED),
        (Status.PARTIAL, "budget_exceeded", Exit.BUDGET_EXCEEDED),
        (Status.STOPPED, "model_unavailable", Exit.UNAVAILABLE),
        (Status.STOPPED, "model_output_invalid", Exit.UNAVAILABLE),
        (Status.STOPPED, "internal", Exit.BUG),
    ],
)
def test_exit_status_of_a_report(status, reason, code):
    assert report_status(make_report(status=status, stop_reason=reason)) == code


def test_a_code_names_its_class_and_a_stop_reason_its_status():
    assert kind_of("thread_busy") is errors.ThreadBusy
    assert kind_of("no_such_code") is None
    assert status_of_code("retrieval_failed") is Exit.UNAVAILABLE
    assert status_of_code("rejected_by_person") is Exit.DONE
    assert status_of_code("no_such_code") is Exit.BUG


def test_a_stopped_report_says_what_the_failed_node_said_else_the_remedy_of_its_reason():
    failed = Event(node="writer", kind="node_failed", detail="the endpoint is down; start the server")
    said = stop_error(make_report(status=Status.STOPPED, stop_reason="model_unavailable", events=(failed,)))
    assert (said.message, said.hint) == ("the endpoint is down", "start the server")
    bare = stop_error(make_report(status=Status.STOPPED, stop_reason="no_such_reason"))
    assert bare.message == ""
    assert "sixplane doctor" in bare.hint
