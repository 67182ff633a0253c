"""What a job promises, on each engine that is not left out for a reason: they replace a part of this process."""

import asyncio
import json
import sqlite3
import time
from contextlib import closing

import pytest

from experience.batch import Journal, RowStatus, outcomes_of
from experience.service import ResearchRequest
from experience.service.events import last_report
from experience.service.threads.leases import new_owner
from gateway import Answer
from state.errors import BadInput, BatchMismatch, ContentRefused, CredentialsRefused, ModelUnavailable
from state.values import ReviewAnswer
from tests.doubles.roles import plan, scripted
from tests.doubles.waiting import safely
from tests.experience.batch.cases import (
    CONTEXT,
    QUESTION,
    RUN_COST,
    Case,
    asking,
    collected,
    collected_from,
    failing_on,
)


async def test_each_row_has_one_outcome_on_the_disk_and_a_second_start_asks_nothing(on):
    same = {"question": QUESTION}
    case = on().write({"id": "a", **same}, {"id": "b", **same}, same, same, "\n", "broken\n")
    ended, summary = await case.run()
    assert [ended[line].status for line in (1, 2, 3, 4, 6)] == ["done"] * 4 + ["failed"]
    assert (ended[1].id, ended[2].id, ended[3].id) == ("a", "b", "")
    assert len({each.key for each in ended.values()}) == len({each.thread_id for each in ended.values()}) == 5
    assert ended[1].report.question == QUESTION
    assert ended[1].report.thread_id == ended[1].thread_id
    assert ended[1].cost_micro_usd == ended[1].report.usage.cost_micro_usd == RUN_COST
    assert (summary.counts["done"], summary.counts["failed"], summary.unfinished) == (4, 1, 0)
    assert (summary.failures[0].line, summary.exit_status, summary.cost_micro_usd) == (6, 2, 4 * RUN_COST)
    assert sorted(each["line"] for each in case.recorded()) == [1, 2, 3, 4, 6]

    before, whole = case.calls(), case.out.read_bytes()
    again, same_summary = await case.run()
    assert (again, same_summary) == ({}, summary)
    assert (case.calls(), case.out.read_bytes()) == (before, whole)


async def test_a_run_that_ended_unrecorded_is_read_and_not_asked_again(on):
    case = on().write(*asking(3))
    first, _ = await case.run()
    lines, before = case.out.read_bytes().splitlines(keepends=True), case.calls()
    lost = json.loads(lines[-1])["line"]
    case.out.write_bytes(b"".join(lines[:-1]) + lines[-1][:50])
    again, summary = await case.run()
    assert set(again) == {lost}
    assert again[lost].report == first[lost].report
    assert case.calls() == before
    assert (summary.counts["done"], summary.cost_micro_usd) == (3, 3 * RUN_COST)


@pytest.mark.parametrize(
    "failed", [ModelUnavailable("down"), CredentialsRefused("it answered 401")], ids=lambda error: error.code
)
async def test_a_failed_row_stops_no_other_stays_failed_and_is_asked_again_on_request(tmp_path, failed, on):
    case = on(failing_on("number 1", failed, log=tmp_path / "calls.jsonl"))
    ended, summary = await case.write(*asking(3)).run()
    assert [ended[line].status for line in (1, 2, 3)] == ["done", "failed", "done"]
    assert ended[2].error.code == failed.code
    assert ended[2].report.status == "stopped"
    assert (summary.failed_by_code, summary.exit_status) == ({failed.code: 1}, 5)

    case.model = scripted(log=case.log)
    assert await case.run() == ({}, summary)
    retried, summary = await case.run(retry_failed=True)
    assert {line: (each.status, each.attempt) for line, each in retried.items()} == {2: ("done", 2)}
    assert retried[2].key == ended[2].key
    assert retried[2].thread_id != ended[2].thread_id
    assert (summary.counts["done"], summary.counts["failed"], summary.exit_status) == (3, 0, 0)
    assert summary.cost_micro_usd == sum(each["cost_micro_usd"] for each in case.recorded())
    assert await case.run(retry_failed=True) == ({}, summary)


async def test_a_row_that_a_provider_s_filter_refuses_is_refused_and_says_why(tmp_path, on):
    refusal = ContentRefused("the model failed: it refused the content (request id ID)")
    case = on(failing_on("number 0", refusal, log=tmp_path / "calls.jsonl"))
    ended, summary = await case.write(*asking(1)).run()
    assert (ended[1].status, ended[1].error.code) == ("refused", "content_refused")
    assert (ended[1].error.message, ended[1].error.hint) == (refusal.message, refusal.hint)
    assert (summary.counts["refused"], summary.failed_by_code, summary.exit_status) == (1, {}, 3)
    assert (await case.run(retry_failed=True))[0] == {}


async def test_a_bug_in_one_row_is_its_outcome(tmp_path, monkeypatch):
    case = Case(tmp_path).write(*asking(3))
    async with case.opened() as service:
        stream = service.stream

        async def broken(request, **options):
            if "number 1" in request.question:
                raise ZeroDivisionError("secret text")
            async for event in stream(request, **options):
                yield event

        monkeypatch.setattr(service, "stream", broken)
        job = case.job(service)
        ended = {each.line: each for each in await collected(job)}
    assert (ended[2].status, ended[2].error.code) == ("failed", "internal")
    assert "ZeroDivisionError" in ended[2].error.message
    assert "secret" not in case.out.read_text()
    assert (job.summary().counts["done"], job.summary().exit_status) == (2, 1)


async def test_a_row_that_waits_for_a_person_is_taken_in_once_it_was_answered(on):
    case = on().write({"question": QUESTION, "context": {"human_review": True}})
    ended, summary = await case.run()
    assert (ended[1].status, ended[1].report, summary.exit_status) == (RowStatus.REVIEW_PENDING, None, 6)
    assert "--approve" in ended[1].error.hint
    unchanged, _ = await case.run()
    assert unchanged[1].status == RowStatus.REVIEW_PENDING
    assert len(case.recorded()) == 1
    async with case.opened() as service:
        report = await last_report(service.resume("local", ended[1].thread_id, ReviewAnswer(decision="approve")))
    answered, summary = await case.run()
    assert answered[1].report == report
    assert (summary.counts["done"], summary.counts["review_pending"], summary.exit_status) == (1, 0, 0)
    assert summary.cost_micro_usd == RUN_COST


async def test_rows_of_a_named_thread_run_one_after_the_other_in_their_order(on):
    rows = [{"question": f"{QUESTION} number {number}", "thread_id": "t"} for number in range(4)]
    case = on().write(*rows)
    ended, _ = await case.run(concurrency=4)
    assert [each.status for each in ended.values()] == ["done"] * 4
    assert list(ended) == [1, 2, 3, 4]
    async with case.opened() as service:
        view = await service.show("local", "t")
    assert [past.question[-1] for past in view.history] == ["0", "1", "2", "3"]


async def test_no_row_is_started_once_the_budget_is_spent_and_a_higher_one_goes_on(on):
    case = on().write(*asking(8))
    ended, summary = await case.run(budget_micro_usd=3 * RUN_COST + 1)
    assert (len(ended), summary.cost_micro_usd) == (3, 3 * RUN_COST)
    assert (summary.ending, summary.unfinished, summary.exit_status) == ("budget_exceeded", 5, 4)
    again, _ = await case.run(budget_micro_usd=3 * RUN_COST + 1)
    assert again == {}
    rest, summary = await case.run(budget_micro_usd=8 * RUN_COST)
    assert (len(rest), summary.ending, summary.exit_status) == (5, "", 0)


async def test_an_outcome_on_a_slow_disk_still_counts_toward_the_budget(on, monkeypatch):
    append = Journal.append

    def slow(journal, outcome):
        time.sleep(0.1)
        append(journal, outcome)

    monkeypatch.setattr(Journal, "append", slow)
    ended, summary = await on().write(*asking(6)).run(budget_micro_usd=3 * RUN_COST + 1)
    assert (len(ended), summary.cost_micro_usd, summary.ending) == (3, 3 * RUN_COST, "budget_exceeded")


async def test_the_tenant_s_budget_stops_the_job(on):
    case = on(budgets={"tenant_micro_usd": 10}).write(*asking(12))
    ended, summary = await case.run(concurrency=2)
    assert 0 < len(ended) < 12
    assert summary.failed_by_code.keys() == {"budget_exceeded"}
    assert (summary.ending, summary.exit_status) == ("budget_exceeded", 4)
    assert summary.unfinished == 12 - len(ended)


async def test_a_row_s_own_budget_stops_that_row_alone(on):
    first, *others = asking(4)
    case = on().write({**first, "context": {"budget_micro_usd": 1}}, *others)
    ended, summary = await case.run()
    assert ended[1].error.code == "budget_exceeded"
    assert (summary.counts["done"], summary.ending, summary.exit_status) == (3, "", 4)


async def test_a_drained_job_records_no_unfinished_row_and_goes_on_without_a_second_bill(tmp_path, on):
    started = tmp_path / "started"
    # Workers of Ray hear of a drain a little later than this process.
    seconds = 0.3 if on.keywords["engine"] == "local" else 3.0

    def slow(fields, evidence):
        started.touch()
        return Answer(plan(fields, evidence), delay=seconds)

    case = on(scripted(ResearchPlan=slow, log=tmp_path / "calls.jsonl")).write(*asking(6))
    async with case.opened() as service:
        job = case.job(service, concurrency=2)
        running = asyncio.create_task(collected(job))
        await safely(appeared(started))
        job.drain("SIGTERM")
        ended = await safely(running)
        assert {each.status for each in ended} == {RowStatus.STOPPED}
        assert 1 <= len(ended) <= 2
        assert (job.summary().ending, job.summary().unfinished, job.summary().exit_status) == ("stopped", 6, 6)
    assert case.recorded() == []
    rest, summary = await case.run()
    assert (len(rest), summary.counts["done"], summary.cost_micro_usd) == (6, 6, 6 * RUN_COST)
    assert case.calls() == 6 * 4


async def test_a_run_of_a_machine_that_died_is_resumed_when_its_lease_has_run_out(tmp_path, monkeypatch):
    case = Case(tmp_path, run={"lease_seconds": 2.0}).write(*asking(1))
    async with case.opened() as service:
        stream = service.stream
        monkeypatch.setattr(service, "stream", lambda *given, **named: draining(service, stream(*given, **named)))
        job = case.job(service)
        assert [each.status for each in await collected(job)] == [RowStatus.STOPPED]
        assert (job.summary().ending, job.summary().unfinished, job.summary().exit_status) == ("", 1, 6)
    with closing(sqlite3.connect(tmp_path / "home" / "threads.db", isolation_level=None)) as threads:
        lease_until = time.monotonic() + 1.5
        _, boot, *_ = new_owner().split("/")
        lease = (f"elsewhere/{boot}/1/x", lease_until)
        threads.execute("UPDATE threads SET lease_owner = ?, lease_until = ?", lease)
    ended, summary = await case.run()
    assert (ended[1].status, summary.cost_micro_usd, case.calls()) == ("done", RUN_COST, 4)
    assert time.monotonic() >= lease_until


async def appeared(path):
    while not path.exists():  # noqa: ASYNC110 - another process may make it
        await asyncio.sleep(0.01)


async def draining(service, events):
    """The events of a run that is drained at its first node."""
    async for event in events:
        service.request_drain("test")
        yield event


@pytest.mark.parametrize("changed", ["input", "model", "k", "setting"])
async def test_the_output_of_another_job_is_refused_before_anything_runs(changed, on):
    case = on().write(*asking(1))
    await case.run()
    whole, before = case.out.read_bytes(), case.calls()
    if changed == "input":
        case.write(*asking(2))
    if changed == "setting":
        case.settings["retrieval"] = {"passages_per_sub_question": 3}
    context = {"model": CONTEXT.model_copy(update={"model": "extractive"}), "k": CONTEXT.model_copy(update={"k": 3})}
    with pytest.raises(BatchMismatch):
        await case.run(context=context.get(changed, CONTEXT))
    assert (case.out.read_bytes(), case.calls()) == (whole, before)


async def test_the_default_number_of_passages_and_the_same_number_given_are_one_job(on):
    case = on().write(*asking(1))
    await case.run()
    before = case.calls()
    ended, _ = await case.run(context=CONTEXT.model_copy(update={"k": 8}))
    assert (ended, case.calls()) == ({}, before)


async def test_equal_ids_run_nothing_and_the_input_is_not_the_output(on):
    case = on().write({"id": "a", "question": "x"}, {"id": "a", "question": "y"})
    with pytest.raises(BadInput, match="lines 1 and 2"):
        await case.run()
    assert not case.out.exists()
    case.out = case.source
    with pytest.raises(BadInput, match="same file"):
        await case.run()


async def test_an_input_that_changes_while_it_is_read_is_told(on):
    case = on().write(*asking(200))
    async with case.opened() as service:
        outcomes = case.job(service, concurrency=1).run()
        await anext(outcomes)
        case.write(*asking(1))
        with pytest.raises(BadInput, match="was changed"):
            await collected_from(outcomes)


async def test_each_request_has_an_outcome_without_a_file(tmp_path):
    case = Case(tmp_path)
    requests = [ResearchRequest(question=text, context=CONTEXT) for text in (QUESTION, "", QUESTION)]
    async with case.opened() as service:
        ended = {outcome.line: outcome async for outcome in outcomes_of(service, requests, concurrency=2)}
    assert {line: each.status for line, each in ended.items()} == {1: "done", 2: "failed", 3: "done"}
    assert ended[2].error.code == "question_invalid"
    assert ended[1].thread_id != ended[3].thread_id
