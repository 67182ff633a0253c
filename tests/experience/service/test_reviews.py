"""A person reviews the draft of a run in process."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document
from pydantic import ValidationError

from experience.service.desk import Desk
from experience.service.runs import Runs
from policy.identity import Principal
from state.errors import (
    PolicyRefusal,
    QuestionInvalid,
    ReviewPending,
    ThreadBusy,
    ThreadNotResumable,
)
from state.values import ReviewAnswer, Status
from tests.doubles.roles import scripted
from tests.experience.service.helpers import (
    SLOW,
    ask,
    events_of,
    service_of,
    stored_bytes,
)


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (ReviewAnswer(decision="approve"), Status.ANSWERED, "approved_by_person"),
        (ReviewAnswer(decision="reject"), Status.STOPPED, "rejected_by_person"),
    ],
)
async def test_a_person_answers_once(home, answer, status, reason):
    async with service_of(home) as service:
        with pytest.raises(ReviewPending):
            await service.run(ask(thread="t", human_review=True))
        assert [each.status for each in (await service.threads("local")).threads] == ["review"]
        with pytest.raises(ThreadNotResumable, match="waits for a person"):
            await events_of(service.resume("local", "t"))
        with pytest.raises(ThreadBusy, match="waits for a person"):
            await service.run(ask(thread="t"))
        report = (await events_of(service.resume("local", "t", answer)))[-1].report
        assert (report.status, report.stop_reason) == (status, reason)
        assert bool(report.claims) is (status is Status.ANSWERED)
        with pytest.raises(ThreadNotResumable):
            await events_of(service.resume("local", "t", answer))
        assert (await service.show("local", "t")).record.status == status.value
        assert (await service.run(ask(thread="t"))).status is Status.ANSWERED


async def test_a_person_asks_for_a_revision_and_is_asked_again(home):
    written: list[Any] = []

    def write(fields: Any, evidence: Any) -> Any:
        from tests.doubles.roles import write as plain

        written.append(fields.get("person"))
        return plain(fields, evidence)

    async with service_of(home, scripted(WrittenDraft=write)) as service:
        first = await events_of(service.stream(ask(thread="t", human_review=True, model=SLOW)))
        assert first[-1].type == "review_pending"
        assert first[-1].draft
        again = await events_of(service.resume("local", "t", ReviewAnswer(decision="revise", text="Be brief.")))
        assert again[-1].type == "review_pending"
        late = ReviewAnswer(decision="approve", review_id=first[-1].review_id)
        with pytest.raises(ThreadNotResumable, match="another review") as caught:
            await events_of(service.resume("local", "t", late))
        assert "review_id" in caught.value.hint
        shown = (await service.show("local", "t")).pending["review_id"]
        assert shown == again[-1].review_id
        approved = ReviewAnswer(decision="approve", review_id=shown)
        report = (await events_of(service.resume("local", "t", approved)))[-1].report
    assert written == [written[0], "Be brief."]
    assert not written[0]
    assert report.stop_reason == "approved_by_person"
    assert "Be brief" not in report.markdown


async def test_a_person_s_words_are_screened_before_anything_is_stored(home):
    secret = "zanzibarcode"
    written: list[Any] = []

    def write(fields: Any, evidence: Any) -> Any:
        from tests.doubles.roles import write as plain

        written.append(fields.get("person"))
        return plain(fields, evidence)

    async with service_of(home, scripted(WrittenDraft=write), policy={"deny": (secret,)}) as service:
        with pytest.raises(ReviewPending):
            await service.run(ask(thread="t", human_review=True, model=SLOW))
        for text, error in ((f"Praise the {secret}.", PolicyRefusal), ("x" * 9_000, QuestionInvalid)):
            with pytest.raises(error) as caught:
                await events_of(service.resume("local", "t", ReviewAnswer(decision="revise", text=text)))
            assert caught.value.hint
            assert (await service.show("local", "t")).record.status == "review"
        wish = ReviewAnswer(decision="revise", text="Write to grace.hopper@example.com, briefly.")
        assert (await events_of(service.resume("local", "t", wish)))[-1].type == "review_pending"
    assert written[-1] == "Write to <EMAIL_ADDRESS>, briefly."
    assert secret.encode() not in stored_bytes(home)
    assert b"grace.hopper" not in stored_bytes(home)


def test_a_malformed_answer_of_a_person_is_refused():
    with pytest.raises(ValidationError):
        ReviewAnswer.model_validate({"decision": "perhaps"})


@pytest.mark.parametrize(("audiences", "cites"), [(None, True), (("staff",), True), ((), False)])
async def test_a_resumed_run_reads_only_what_its_caller_may_read_by_then(home, audiences, cites):
    async with service_of(home) as service:
        corpus = await service.corpora.create("local", "guarded")
        await corpus.ingest([Document("Tariff A costs 12 dollars a month.", id="a")], audience="staff")
        with pytest.raises(ReviewPending):
            await service.run(ask(thread="t", corpus="guarded", audiences=("staff", "board"), human_review=True))
        approved = service.resume("local", "t", ReviewAnswer(decision="approve"), audiences=audiences)
        report = (await events_of(approved))[-1].report
        assert bool(report.evidence) is cites
        assert ("12 dollars" in report.markdown) is cites


@pytest.mark.parametrize(("roles", "passed"), [(["ask"], ("staff",)), (["admin"], None)])
async def test_whoever_resumes_at_the_desk_reads_with_the_audiences_of_today(home, monkeypatch, roles, passed):
    async with service_of(home, scripted()) as service:
        await service.run(ask(thread="t", model=SLOW, principal="ann", audiences=("staff", "board")))
        desk, seen = Desk(Runs(service)), []

        async def resume(*_, audiences):
            seen.append(audiences)

        monkeypatch.setattr(desk.runs, "resume", resume)
        ann = Principal(id="ann", tenant="local", roles=roles, audiences=("staff",), method="api_key")
        await desk.resume(ann, "t")
    assert seen == [passed]
