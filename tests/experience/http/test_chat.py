"""Questions over HTTP: reports, streams that a client can resume, batches, reviews."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from experience.http.sizes import MAX_BATCH
from experience.service.events import RUN_EVENT
from state.report import Report
from tests.doubles.waiting import until
from tests.experience.http.conftest import chat, client, events_of, served
from tests.experience.service.helpers import OUTSIDE, SLOW, held_plan, slow_plan


async def test_a_question_gets_its_report(ann):
    answer = await ann.post("/v1/chat", json=chat(thread="t"))
    report = Report.model_validate(answer.json())
    assert (answer.status_code, report.status, report.thread_id) == (200, "answered", "t")
    assert "12 dollars" in report.markdown
    assert report.claims[0].citations[0].quote
    other = Report.model_validate((await ann.post("/v1/chat", json=chat(OUTSIDE))).json())
    assert (other.status, other.claims) == ("abstained", ())


async def test_the_last_turn_of_a_conversation_is_the_question(ann):
    turns = [
        {"role": "user", "content": "What is the price of Tariff B?"},
        {"role": "assistant", "content": "Tariff B costs 20 dollars a month."},
        {"role": "user", "content": "And what does it include?"},
    ]
    answer = await ann.post("/v1/chat", json={"messages": turns, "context": {"corpus": "small"}})
    assert answer.json()["claims"][0]["text"].startswith("Tariff B includes support")


async def test_the_stream_has_typed_numbered_events_and_the_text_of_the_report(ann):
    async with ann.stream("POST", "/v1/chat/stream", json=chat()) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = await events_of(answer)
    events = [RUN_EVENT.validate_python(data) for _, data in found]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert (events[0].type, events[1].type, events[-1].type) == ("run_started", "node_started", "report")
    assert "".join(event.text for event in events if event.type == "text") == events[-1].report.markdown
    assert all(name.endswith(f":{data['sequence']}") for name, data in found)


@pytest.mark.parametrize("how", ["post", "get"])
async def test_a_client_that_disconnects_can_resume_the_stream(home, how):
    async with served(home, slow_plan(0.4)) as url, client(url) as ann:
        async with ann.stream("POST", "/v1/chat/stream", json=chat(model=SLOW)) as answer:
            seen = []
            async for line in answer.aiter_lines():
                seen += [line[4:]] if line.startswith("id: ") else []
                if len(seen) == 3:
                    break
        after = {"last-event-id": seen[-1]}
        run_id = seen[0].partition(".")[0]
        way = {
            "post": ann.stream("POST", "/v1/chat/stream", json=chat(model=SLOW), headers=after),
            "get": ann.stream("GET", f"/v1/runs/{run_id}/events", headers=after),
        }
        async with way[how] as answer:
            rest = await events_of(answer)
        assert rest[0][1]["sequence"] == 4
        assert rest[-1][1]["report"]["run_id"] == run_id
        state = (await ann.get(f"/v1/runs/{run_id}")).json()
        assert (state["status"], state["events"]) == ("answered", rest[-1][1]["sequence"])
        assert len((await ann.get("/v1/threads")).json()["threads"]) == 1


async def test_a_review_is_answered_over_http_once(ann):
    pending = await ann.post("/v1/chat", json=chat(thread="t", human_review=True))
    assert (pending.status_code, pending.json()["status"]) == (202, "review_pending")
    assert pending.json()["draft"]
    asked = (await ann.get("/v1/threads/t")).json()["pending"]
    assert asked == {name: pending.json()[name] for name in ("review_id", "question", "draft", "claims", "findings")}
    nothing = await ann.post("/v1/threads/t/resume", json={})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "thread_not_resumable")
    busy = await ann.post("/v1/chat", json=chat(thread="t"))
    assert (busy.status_code, busy.json()["code"]) == (409, "thread_busy")
    assert "retry-after" not in busy.headers  # it waits for a person, and not for a run
    wrong = await ann.post("/v1/threads/t/resume", json={"answer": {"decision": "perhaps"}})
    assert wrong.status_code == 422
    approve = {"answer": {"decision": "approve", "review_id": asked["review_id"]}}
    other = await ann.post("/v1/threads/t/resume", json={"answer": {"decision": "approve", "review_id": "other"}})
    assert (other.status_code, other.json()["code"]) == (409, "thread_not_resumable")
    assert "another review" in other.json()["detail"]
    async with ann.stream("POST", "/v1/threads/t/resume/stream", json=approve) as answer:
        events = await events_of(answer)
    assert events[0][1]["type"] == "run_started"
    assert events[-1][1]["report"]["stop_reason"] == "approved_by_person"
    second = await ann.post("/v1/threads/t/resume", json=approve)
    assert (second.status_code, second.json()["code"]) == (409, "thread_not_resumable")


async def test_an_answer_that_a_guard_refuses_leaves_the_review_open(home):
    async with served(home, policy={"deny": ("zanzibarcode",)}) as url, client(url) as ann:
        await ann.post("/v1/chat", json=chat(thread="t", human_review=True))
        for text, status, code in (
            ("Praise the zanzibarcode.", 403, "policy_refused"),
            ("x" * 9_000, 422, "question_invalid"),
        ):
            given = {"answer": {"decision": "revise", "text": text}}
            for route in ("resume", "resume/stream"):
                answer = await ann.post(f"/v1/threads/t/{route}", json=given)
                assert (answer.status_code, answer.json()["code"]) == (status, code)
                assert answer.json()["hint"]
        approved = await ann.post("/v1/threads/t/resume", json={"answer": {"decision": "approve"}})
        assert approved.json()["stop_reason"] == "approved_by_person"


async def test_a_cancelled_run_is_resumed(home):
    model = held_plan()
    async with served(home, model) as url, client(url) as ann:
        asking = asyncio.create_task(ann.post("/v1/chat", json=chat(thread="t", model=SLOW)))

        async def threads():
            return (await ann.get("/v1/threads")).json()["threads"]

        await until(threads)
        cancelled = await ann.post(f"/v1/runs/{(await threads())[0]['run_id']}/cancel")
        assert cancelled.status_code == 202
        model.release()
        stopped = await asking
        assert (stopped.status_code, stopped.json()["status"]) == (202, "stopped")
        assert (await ann.post("/v1/threads/t/resume", json={})).json()["status"] == "answered"


async def test_a_batch_returns_every_answer_and_every_failure(ann):
    asked = [chat(), chat(OUTSIDE), chat(corpus="none"), chat(human_review=True)]
    items = (await ann.post("/v1/batch", json={"requests": asked})).json()["items"]
    assert [item["status"] for item in items] == ["answered", "abstained", "failed", "review_pending"]
    assert items[2]["problem"]["code"] == "corpus_missing"
    assert items[3]["pending"]["draft"]
    assert (await ann.post("/v1/batch", json={"requests": [chat()] * (MAX_BATCH + 1)})).status_code == 422


async def test_a_batch_waits_for_a_place_where_a_question_would_be_refused(home):
    async with served(home, slow_plan(0.1), server={"max_running": 1, "max_waiting": 1}) as url, client(url) as ann:
        items = (await ann.post("/v1/batch", json={"requests": [chat(model=SLOW)] * 4})).json()["items"]
    assert [item["status"] for item in items] == ["answered"] * 4


async def test_a_bug_in_one_item_does_not_end_the_batch(home, monkeypatch):
    from experience.service import ResearchService

    stream = ResearchService.stream

    def broken(self, request, **given):
        if "Falcon" in request.question:
            raise ZeroDivisionError("with a secret")
        return stream(self, request, **given)

    monkeypatch.setattr(ResearchService, "stream", broken)
    async with served(home) as url, client(url) as ann:
        answer = await ann.post("/v1/batch", json={"requests": [chat(), chat("What is the Falcon?")]})
    assert [item["status"] for item in answer.json()["items"]] == ["answered", "failed"]
    assert answer.json()["items"][1]["problem"]["code"] == "internal"
    assert "secret" not in answer.text


async def test_a_batch_starts_no_run_after_its_client_disconnects(home):
    async with served(home, slow_plan(0.4), server={"max_running": 2}) as url, client(url) as ann:
        with pytest.raises(httpx.ReadTimeout):
            await ann.post("/v1/batch", json={"requests": [chat(model=SLOW)] * 8}, timeout=0.6)
        begun, before = 0, -1
        while begun != before:  # the run that was active at the disconnect still starts its thread and ends
            await asyncio.sleep(1.5)
            begun, before = len((await ann.get("/v1/threads")).json()["threads"]), begun
        assert begun < 8


async def test_a_batch_leaves_room_for_questions(home):
    async with served(home, slow_plan(0.3), server={"max_running": 2, "max_waiting": 1}) as url, client(url) as ann:
        batch = asyncio.create_task(ann.post("/v1/batch", json={"requests": [chat(model=SLOW)] * 5}))
        await asyncio.sleep(0.2)
        for _ in range(3):
            assert (await ann.post("/v1/chat", json=chat())).status_code == 200
        assert [item["status"] for item in (await batch).json()["items"]] == ["answered"] * 5


async def test_a_client_can_resume_the_stream_of_a_resumed_thread(ann):
    await ann.post("/v1/chat", json=chat(thread="t", human_review=True))
    given = {"json": {"answer": {"decision": "approve"}}}
    async with ann.stream("POST", "/v1/threads/t/resume/stream", **given) as answer:
        events = await events_of(answer)
    after = {"last-event-id": events[0][0]}
    async with ann.stream("POST", "/v1/threads/t/resume/stream", headers=after, **given) as answer:
        assert answer.status_code == 200
        assert await events_of(answer) == events[1:]


async def test_a_stream_is_resumed_at_a_server_that_was_started_again(home):
    async with served(home) as url, client(url) as ann, ann.stream("POST", "/v1/chat/stream", json=chat()) as answer:
        events = await events_of(answer)
    after = {"last-event-id": events[2][0]}
    run_id = events[0][1]["run_id"]
    async with served(home) as url, client(url) as ann:
        for method, path in (("POST", "/v1/chat/stream"), ("GET", f"/v1/runs/{run_id}/events")):
            given = {"json": chat()} if method == "POST" else {}
            async with ann.stream(method, path, headers=after, **given) as answer:
                told = [event for _, event in await events_of(answer)]
            assert (told[-1]["type"], told[-1]["report"]) == ("report", events[-1][1]["report"])
        assert len((await ann.get("/v1/threads")).json()["threads"]) == 1  # no run was started


async def test_the_runs_of_a_deleted_thread_are_gone(ann):
    report = (await ann.post("/v1/chat", json=chat(thread="t"))).json()
    run = f"/v1/runs/{report['run_id']}"
    assert (await ann.get(run)).status_code == 200
    assert (await ann.delete("/v1/threads/t")).status_code == 204
    for path in (run, f"{run}/events"):
        assert (await ann.get(path)).status_code == 404


async def test_runs_above_the_limit_are_refused_with_retry_after(home):
    model = held_plan()
    async with served(home, model, server={"max_running": 1, "max_waiting": 1}) as url, client(url) as ann:
        asking = [asyncio.create_task(ann.post("/v1/chat", json=chat(model=SLOW))) for _ in range(6)]
        await until(lambda: sum(task.done() for task in asking) == 4)
        model.release()
        answers = [await task for task in asking]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 4
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert {answer.json()["code"] for answer in refused} == {"too_busy"}
    assert [answer.json()["status"] for answer in answers if answer.status_code == 200] == ["answered"] * 2
