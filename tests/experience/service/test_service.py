"""The service in process, with the real encoder, the real corpus and the real databases."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from pydantic import ValidationError

from experience.service import ResearchRequest, ResearchService, open_service
from experience.service.screening import WITHHELD
from experience.verification import verify_report
from gateway import Answer
from settings import Settings
from state.channels import ResearchContext
from state.errors import (
    CorpusMissing,
    DependencyUnavailable,
    PolicyRefusal,
    QuestionInvalid,
    ReviewPending,
    RunStopped,
    ThreadBusy,
    ThreadMissing,
    ThreadNotResumable,
)
from state.report import Report
from state.values import ReviewAnswer, Status
from tests.doubles.roles import PLAYS, plan, scripted
from tests.doubles.waiting import safely

PRICE = "What is the price of Tariff A?"
OUTSIDE = "Who was the second president of Uruguay?"
SLOW = "scripted:slow"


def ask(question: str = PRICE, thread: str | None = None, **context: Any) -> ResearchRequest:
    return ResearchRequest(
        question=question, thread_id=thread, context=ResearchContext(**{"corpus": "small", **context})
    )


@asynccontextmanager
async def service_of(home: Path, model: Any = None, **settings: Any) -> AsyncIterator[ResearchService]:
    models = {"scripted:slow": model} if model else None
    async with open_service(Settings(home=home, **settings), gateway_models=models) as service:
        yield service


async def events_of(events: Any) -> list[Any]:
    return [event async for event in events]


def stored_bytes(home: Path) -> bytes:
    """Everything under the home folder: databases with their logs, traces, corpora."""
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def slow_plan(seconds: float, asked: asyncio.Event | None = None) -> Any:
    """A model whose researcher takes its time, and says when it was asked."""

    def play(fields: Any, evidence: Any) -> Answer:
        if asked:
            asked.set()
        return Answer(plan(fields, evidence), delay=seconds)

    return scripted(ResearchPlan=play)


async def until_started(events: Any, node: str) -> None:
    async for event in events:
        if event.type == "node_started" and event.node == node:
            return


async def test_every_quote_is_the_canonical_text_inside_its_evidence_and_one_changed_character_is_found(home):
    async with service_of(home) as service:
        report = await service.run(ask())
        corpus = await service.corpora.get("local", "small")
        assert report.status is Status.ANSWERED
        assert "12 dollars" in report.markdown
        evidence = {item.id: item for item in report.evidence}
        citations = [citation for claim in report.claims for citation in claim.citations]
        assert citations
        for citation in citations:
            cited = evidence[citation.evidence_id]
            passage = (await corpus.passages([citation.evidence_id]))[citation.evidence_id]
            text = await corpus.canonical_text(passage.document_id, passage.text_hash)
            assert text is not None
            assert citation.quote == text[citation.start : citation.end]
            assert cited.start <= citation.start < citation.end <= cited.end
            assert citation.quote in cited.text
        assert (await verify_report(report, corpus)).outcome == "verified"
        forged = report.model_dump(mode="json")
        quote = forged["claims"][0]["citations"][0]["quote"]
        forged["claims"][0]["citations"][0]["quote"] = quote[:-2] + chr(ord(quote[-2]) ^ 1) + quote[-1]
        result = await verify_report(Report.model_validate(forged), corpus)
        assert (result.outcome, {fault.kind for fault in result.faults}) == ("failed", {"quote_differs"})


async def test_a_question_outside_of_the_corpus_abstains_with_gaps_and_no_claims(home):
    async with service_of(home) as service:
        report = await service.run(ask(OUTSIDE))
        assert (report.status, report.claims, report.evidence) == (Status.ABSTAINED, (), ())
        assert report.gaps
        assert (await verify_report(report, await service.corpora.get("local", "small"))).outcome == "verified"


async def test_a_follow_up_resolves_it_from_the_thread_and_carries_nothing_else_over(home):
    asked = "What is the price of Tariff B?"
    async with service_of(home) as service:
        first = await service.run(ask(asked, "t"))
        second = await service.run(ask("And what does it include?", "t"))
        alone = await service.run(ask("And what does it include?"))
        view = await service.show("local", "t")
    assert second.status is Status.ANSWERED
    assert second.claims[0].text.startswith("Tariff B includes support")
    assert not alone.claims[0].text.startswith("Tariff B")
    assert (first.research_rounds, second.research_rounds) == (1, 1)
    assert (first.revisions, second.revisions) == (0, 0)
    assert second.verification.claims == len(second.claims)
    assert [past.question for past in view.history] == [asked, "And what does it include?"]
    assert view.report == second
    assert view.next == ()


async def test_nothing_of_an_earlier_run_reaches_the_model_but_its_question_and_answer(home):
    seen: list[tuple[str, dict[str, Any]]] = []

    def watch(schema: str) -> Any:
        def play(fields: dict[str, Any], evidence: Any) -> Any:
            seen.append((schema, {**fields, "evidence": len(evidence)}))
            return PLAYS[schema](fields, evidence)

        return play

    plays = {schema: watch(schema) for schema in ("ResearchPlan", "Analysis", "WrittenDraft", "Review")}
    async with service_of(home, scripted(**plays)) as service:
        await service.run(ask("What is the price of Tariff A; When did the Falcon project start?", "t", model=SLOW))
        earlier = len(seen)
        report = await service.run(ask("Which hull did the Heron use?", "t", model=SLOW))
    plan_of, analysis, draft, review = (fields for _, fields in seen[earlier:])
    assert [past["question"] for past in plan_of["history"]] == [seen[0][1]["question"]]
    assert plan_of["open_gaps"] == []
    assert (analysis["round"], len(analysis["sub_questions"])) == (seen[1][1]["round"], 1)
    assert {finding["sub_question"] for finding in draft["findings"]} == {analysis["sub_questions"][0]["id"]}
    assert (draft["gaps"], draft.keys() & {"review", "previous", "person"}) == ([], set())
    assert review["revisions_left"] == seen[3][1]["revisions_left"]
    assert report.usage.calls == 4


async def test_a_thread_that_is_being_run_is_busy_and_an_unfinished_one_too(home):
    async with service_of(home, slow_plan(30)) as service, service_of(home) as other:
        events = service.stream(ask(thread="t", model=SLOW))
        await until_started(events, "researcher")
        with pytest.raises(ThreadBusy, match="being run"):
            await other.run(ask(thread="t"))
        with pytest.raises(ThreadBusy, match="being run"):
            await events_of(other.resume("local", "t"))
        await events.aclose()
        with pytest.raises(ThreadBusy, match="unfinished") as busy:
            await other.run(ask(thread="t"))
        assert "sixplane resume t" in busy.value.hint
        assert [record.status for record in await other.threads("local")] == ["interrupted"]
        assert (await other.run(ask())).status is Status.ANSWERED


async def test_tenants_see_neither_corpora_nor_threads_nor_memory_of_each_other(home):
    async with service_of(home) as service:
        await service.run(ask(thread="t"))
        with pytest.raises(CorpusMissing):
            await service.run(ask(tenant="other"))
        with pytest.raises(ThreadMissing):
            await service.show("other", "t")
        with pytest.raises(ThreadMissing):
            await events_of(service.resume("other", "t"))
        assert await service.threads("other") == []
        mine = await service.corpora.create("other", "small")
        await mine.ingest([Document("Tariff A costs 99 pounds a month.", id="theirs", metadata={"source": "t.md"})])
        report = await service.run(ask(thread="t", tenant="other"))
        assert "99 pounds" in report.markdown
        assert "prior_work_recalled" not in {event.kind for event in report.events}
        assert [record.question for record in await service.threads("other")] == [PRICE]
        assert "12 dollars" in (await service.show("local", "t")).report.markdown


async def test_another_thread_recalls_an_earlier_report_and_never_cites_it(home):
    async with service_of(home) as service:
        first = await service.run(ask(thread="one"))
        second = await service.run(ask("What is the price of Tariff A per month?", thread="two"))
        memory = await service.corpora.get("local", "memory.reports")
        remembered = {hit.evidence_id for hit in await memory.search(PRICE, k=10)}
    assert "prior_work_recalled" not in {event.kind for event in first.events}
    assert "prior_work_recalled" in {event.kind for event in second.events}
    assert second.status is Status.ANSWERED
    assert remembered
    assert not remembered & {item.id for item in second.evidence}
    assert {item.source.rsplit("/", 1)[-1] for item in second.evidence} <= {"tariffs.md"}


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
        assert [record.status for record in await service.threads("local")] == ["review"]
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
        report = (await events_of(service.resume("local", "t", ReviewAnswer(decision="approve"))))[-1].report
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


async def test_a_run_that_failed_is_over_and_its_thread_takes_the_next_question(home):
    broken = scripted(ResearchPlan=lambda fields, evidence: Answer(raises=ValueError("no")))
    async with service_of(home, broken) as service:
        report = await service.run(ask(thread="t", model=SLOW))
        assert report.status is Status.STOPPED
        with pytest.raises(ThreadNotResumable):
            await events_of(service.resume("local", "t"))
        assert (await service.run(ask(thread="t"))).status is Status.ANSWERED


async def test_a_question_without_text_is_refused_as_bad_input(home):
    async with service_of(home) as service:
        for question in ("", "  ", "\u200b", "a\x00b", "x" * 100_000, "\udce9"):
            with pytest.raises(QuestionInvalid):
                await service.run(ask(question, "t"))
        assert await service.threads("local") == []


def test_a_malformed_answer_of_a_person_is_refused():
    with pytest.raises(ValidationError):
        ReviewAnswer.model_validate({"decision": "perhaps"})


async def test_drained_run_is_resumed_to_its_report(home):
    async with service_of(home, slow_plan(0.5)) as service:
        events = service.stream(ask(thread="t", model=SLOW))
        await until_started(events, "researcher")
        service.request_drain("SIGTERM")
        rest = await events_of(events)
        assert rest[-1].type == "stopped"
        assert "report" not in {event.type for event in rest}
        assert (await service.show("local", "t")).record.status == "interrupted"
        resumed = await events_of(service.resume("local", "t"))
        assert resumed[-1].type == "report"
        assert "guard_input" not in {event.node for event in resumed if event.type == "node_started"}
        assert (await service.show("local", "t")).record.status == resumed[-1].report.status


async def test_a_deleted_thread_leaves_nothing_behind(home):
    async with service_of(home) as service:
        await service.run(ask(thread="t"))
        await service.run(ask(thread="kept"))
        run = (await service.show("local", "t")).record.run_id
        await service.delete("local", "t")
        for gone in (service.delete("local", "t"), service.show("local", "t")):
            with pytest.raises(ThreadMissing):
                await gone
        assert [record.thread_id for record in await service.threads("local")] == ["kept"]
        config = {"configurable": {"thread_id": "local/t"}}
        assert [found async for found in service.graph.aget_state_history(config)] == []
        assert await service.graph.store.aget(("local", "reports"), run) is None
        memory = await service.corpora.get("local", "memory.reports")
        assert run not in {entry.document_id for entry in (await memory.manifest()).entries}
        assert (await service.show("local", "kept")).report


async def test_a_thread_that_is_being_run_is_not_deleted(home):
    asked = asyncio.Event()
    async with service_of(home, slow_plan(0.5, asked)) as service:
        running = asyncio.create_task(service.run(ask(thread="t", model=SLOW)))
        await safely(asked.wait())
        with pytest.raises(ThreadBusy):
            await service.delete("local", "t")
        assert (await running).status is Status.ANSWERED


async def test_a_principal_neither_asks_on_nor_recalls_another_s_thread(home):
    async with service_of(home) as service:
        await service.run(ask(thread="t", principal="ann"))
        with pytest.raises(ThreadMissing, match="of yours"):
            await service.run(ask(thread="t", principal="bob"))
        assert (await service.show("local", "t")).record.owner == "ann"
        theirs = await service.run(ask(principal="bob"))
        mine = await service.run(ask(principal="ann"))
    kinds = [{event.kind for event in report.events} for report in (theirs, mine)]
    assert "prior_work_recalled" not in kinds[0]
    assert "prior_work_recalled" in kinds[1]


async def test_passages_of_another_audience_are_no_evidence(home):
    async with service_of(home) as service:
        corpus = await service.corpora.create("local", "guarded")
        shown = {"both": ("staff", "board"), "staff": ("staff",), "nobody": ()}
        await corpus.ingest(
            [
                Document("The price of Tariff A is 12 dollars.", id="open", metadata={"source": "open"}),
                Document("The price of Tariff S is 5 dollars.", id="s", metadata={"source": "s", "audience": "staff"}),
                Document("The price of Tariff B is 9 dollars.", id="b", metadata={"source": "b", "audience": "board"}),
            ]
        )
        found = {}
        for name, audiences in shown.items():
            report = await service.run(ask("What is the price of each tariff?", corpus="guarded", audiences=audiences))
            found[name] = "".join(sorted(item.document_id[0] for item in report.evidence))
    assert found == {"both": "bos", "staff": "os", "nobody": "o"}


async def test_run_raises_when_it_was_drained(home):
    asked = asyncio.Event()
    async with service_of(home, slow_plan(0.5, asked)) as service:
        running = asyncio.create_task(service.run(ask(thread="t", model=SLOW)))
        await safely(asked.wait())
        service.request_drain("SIGTERM")
        with pytest.raises(RunStopped):
            await running


async def test_a_refused_question_is_stored_nowhere(home):
    secret = "zanzibarcode"
    async with service_of(home, policy={"deny": (secret,)}) as service:
        report = await service.run(ask(f"What is the price of the {secret} for Tariff A?", thread="t"))
        assert (report.status, report.question) == (Status.REFUSED, WITHHELD)
        assert report.refusal is not None
        assert (report.claims, report.evidence) == ((), ())
        assert secret not in report.model_dump_json()
        again = await service.run(ask(thread="t"))
        assert again.status is Status.ANSWERED
    assert secret.encode() not in stored_bytes(home)


async def test_personal_data_in_a_question_is_redacted_before_anything_is_stored(home):
    async with service_of(home) as service:
        report = await service.run(ask("What is the price of Tariff A for grace.hopper@example.com?", thread="t"))
        assert "grace.hopper" not in report.model_dump_json()
        assert report.status is not Status.REFUSED
    assert b"grace.hopper" not in stored_bytes(home)


async def test_a_report_on_a_superseded_document_holds_until_it_is_pruned(home, docs):
    async with service_of(home) as service:
        corpus = await service.corpora.create("local", "own")
        await corpus.ingest([docs])
        report = await service.run(ask(corpus="own"))
        (docs / "tariffs.md").write_text("# Tariffs\n\nTariff A costs 13 dollars a month.\n")
        assert (await corpus.ingest([docs])).updated == 1
        assert (await verify_report(report, corpus)).outcome == "verified"
        newer = await service.run(ask(corpus="own"))
        assert "13 dollars" in newer.markdown
        assert "12 dollars" not in newer.markdown
        await corpus.prune()
        result = await verify_report(report, corpus)
        assert (result.outcome, set(result.pruned)) == ("pruned", {item.id for item in report.evidence})
        assert (await verify_report(newer, corpus)).outcome == "verified"


async def test_the_lease_goes_back_when_the_caller_goes_away(home):
    asked = asyncio.Event()
    async with service_of(home, slow_plan(30, asked)) as service:
        running = asyncio.create_task(service.run(ask(thread="t", model=SLOW)))
        await safely(asked.wait())
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        with pytest.raises(ThreadBusy, match="unfinished"):
            await service.run(ask(thread="t", model=SLOW))


async def test_the_lease_goes_back_when_the_caller_leaves_at_the_first_event(home):
    async with service_of(home) as service:
        events = service.stream(ask(thread="t"))
        assert (await anext(events)).type == "run_started"
        await events.aclose()
        with pytest.raises(ThreadBusy, match="unfinished"):
            await service.run(ask(thread="t"))
        resumed = await events_of(service.resume("local", "t"))
        assert resumed[-1].report.status == "answered"


async def test_a_run_whose_lease_was_lost_stops_and_leaves_the_thread_to_who_has_it(home):
    async with service_of(home, slow_plan(1.5), run={"lease_seconds": 1.2}) as service:
        events = service.stream(ask(thread="t", model=SLOW))
        assert (await anext(events)).type == "run_started"
        taken = (("lease_owner", "elsewhere/1/x"), ("lease_until", time.time() + 60))
        with closing(sqlite3.connect(home / "threads.db", isolation_level=None)) as threads:
            threads.execute("UPDATE threads SET lease_owner = ?, lease_until = ?", [value for _, value in taken])
            assert [event async for event in events][-1].type == "stopped"
            left = threads.execute("SELECT status, lease_owner, lease_until FROM threads").fetchone()
        assert left == ("running", *(value for _, value in taken))


async def test_a_failed_heartbeat_does_not_cost_the_report(home):
    async with service_of(home, slow_plan(1.0), run={"lease_seconds": 1.2}) as service:
        lease = service._threads._lease
        calls = iter(range(100))

        def failing() -> Any:
            if next(calls) == 1:
                raise DependencyUnavailable("the table is locked")
            return lease()

        service._threads._lease = failing
        assert (await service.run(ask(thread="t", model=SLOW))).claims
    assert next(calls) > 2
