"""Every ending of a run has one status, whichever format shows it."""

from __future__ import annotations

import json

import pytest

from experience.http.chat import concluded, pending_of, state_of
from experience.http.openai.answers import Published
from experience.http.openai.completions import chunks
from experience.http.openai.requests import CompletionRequest
from experience.mcp.research import status_of
from experience.service.events import ReviewPendingEvent, RunStarted, RunStoppedEvent
from experience.service.runs import Run

REVIEW = {"question": "Publish?", "draft": "A draft.", "claims": ({"text": "A claim."},), "findings": ()}
ENDINGS = {
    "running": None,
    "stopped": RunStoppedEvent(sequence=2, thread_id="t"),
    "review_pending": ReviewPendingEvent(sequence=2, thread_id="t", **REVIEW),
}


def started():
    run = Run("r", "local")
    run.take(RunStarted(sequence=1, thread_id="t", run_id="r", trace_id=""))
    return run


@pytest.mark.parametrize(("status", "ending"), ENDINGS.items())
def test_a_run_without_a_report_has_the_same_status_over_http_and_mcp(status, ending):
    run = started()
    if ending:
        run.take(ending)
    assert {run.status, pending_of(run).status, state_of(run).status, status_of(run).status} == {status}
    assert (run.report, run.error) == (None, None)
    assert pending_of(run).draft == run.review.get("draft", "")
    assert status_of(run).pending == (run.review or None)
    assert bool(run.review) is (status == "review_pending")


async def test_a_failed_run_shows_its_error_in_every_format():
    run = started()
    run.fail(ZeroDivisionError("with a secret"))
    assert {run.status, pending_of(run).status, state_of(run).status, status_of(run).status} == {"failed"}
    with pytest.raises(ZeroDivisionError):
        await concluded(run)
    asked = CompletionRequest(messages=[{"role": "user", "content": "What?"}])
    told = [chunk async for chunk in chunks(Published(run, None, "", shortened=False), asked)]
    assert json.loads(told[-1].data)["error"]["code"] == "internal"
    shown = [pending_of(run).message, status_of(run).message, told[-1].data]
    assert all("ZeroDivisionError" in each and "secret" not in each for each in shown)
