"""A guard that cannot answer stops a run as an outage, and nothing of the text passes."""

from __future__ import annotations

import pytest

from experience.exits import Exit, report_status
from policy import Stage
from state.errors import GuardUnavailable
from state.values import ReviewAnswer, Status
from tests.experience.service.helpers import ask, events_of, service_of, stored_bytes


async def test_a_question_that_could_not_be_screened_leaves_nothing(home, broken):
    broken(Stage.QUESTION)
    async with service_of(home) as service:
        with pytest.raises(GuardUnavailable, match="personal_data"):
            await service.run(ask("What does zorglub cost?", thread="t"))
        assert (await service.threads("local")).threads == ()
    assert b"zorglub" not in stored_bytes(home)


@pytest.mark.parametrize("stage", [Stage.EVIDENCE, Stage.ANSWER])
async def test_a_run_whose_texts_could_not_be_screened_stops(home, broken, stage):
    broken(stage)
    async with service_of(home) as service:
        report = await service.run(ask(thread="t"))
        assert (report.status, report.stop_reason) == (Status.STOPPED, "guard_unavailable")
        assert (report.claims, report.evidence, report.refusal) == ((), (), None)
        assert report_status(report) is Exit.UNAVAILABLE
        broken(None)
        assert (await service.run(ask(thread="t"))).status is Status.ANSWERED


async def test_a_person_s_answer_that_could_not_be_screened_leaves_the_thread_waiting(home, broken):
    async with service_of(home) as service:
        await events_of(service.stream(ask(thread="t", human_review=True)))
        broken(Stage.QUESTION)
        with pytest.raises(GuardUnavailable):
            await events_of(service.resume("local", "t", ReviewAnswer(decision="revise", text="shorter")))
        broken(None)
        ended = await events_of(service.resume("local", "t", ReviewAnswer(decision="approve")))
    assert ended[-1].report.stop_reason == "approved_by_person"
