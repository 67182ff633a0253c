"""Runs belong to the service: clients watch, leave, come back; no more are taken on than may."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from experience.http.chat import state_of
from experience.service.driver import LegDriver
from experience.service.events import RUN_EVENT, RunFailed, pieces
from experience.service.limits import RunLimits
from experience.service.runs import RETAINED, Runs
from state.errors import CorpusMissing, QuestionInvalid, RunMissing, ThreadBusy, ThreadNotResumable, TooBusy
from state.values import ReviewAnswer
from tests.experience.service.helpers import SLOW, ask, held_plan, service_of, slow_plan


@asynccontextmanager
async def runs_of(home, model=None, **limits):
    async with service_of(home, model) as service:
        runs = Runs(service, RunLimits(**limits))
        yield runs
        await runs.drain("end", 5)


async def watched(run, after=0):
    return [event async for event in run.watch(after)]


async def test_every_watcher_sees_every_event_and_one_that_comes_back_the_rest(home):
    async with runs_of(home) as runs:
        run = await runs.start(ask())
        first, second = await asyncio.gather(watched(run), watched(run))
        assert [event.sequence for event in first] == list(range(1, len(first) + 1))
        assert first == second
        assert await watched(run, 5) == first[5:]
        assert (first[0].type, first[-1].type) == ("run_started", "report")
        assert first[0].run_id == run.id == first[-1].report.run_id
        assert "".join(event.text for event in first if event.type == "text") == first[-1].report.markdown
        assert [RUN_EVENT.validate_json(event.model_dump_json()) for event in first] == first


async def test_a_watcher_that_leaves_takes_nothing_with_it(home):
    async with runs_of(home, slow_plan(0.2)) as runs:
        run = await runs.start(ask(model=SLOW))
        with suppress(TimeoutError):
            await asyncio.wait_for(watched(run), 0.05)
        assert (await run.ended()).type == "report"


async def test_a_client_that_leaves_while_its_run_begins_leaves_a_run(home):
    async with runs_of(home, slow_plan(0.2)) as runs:
        starting = asyncio.create_task(runs.start(ask(thread="t", model=SLOW)))
        while not runs._live:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)
        starting.cancel()
        run = next(iter(runs._live.values()))
        assert (await run.ended()).report.thread_id == "t"


@pytest.mark.parametrize(
    ("request_", "error"), [(ask(""), QuestionInvalid), (ask(corpus="none"), CorpusMissing)], ids=["question", "corpus"]
)
async def test_what_keeps_a_run_from_beginning_is_raised_and_its_place_is_free(home, request_, error):
    async with runs_of(home, running=1) as runs:
        for _ in range(2):
            with pytest.raises(error):
                await runs.start(request_)
        assert (await (await runs.start(ask())).ended()).type == "report"


async def test_one_more_than_may_wait_is_refused_and_told_when_to_come_back(home):
    model = held_plan()
    async with runs_of(home, model, running=1, waiting=1) as runs:
        first = await runs.start(ask(model=SLOW))
        second = asyncio.create_task(runs.start(ask(model=SLOW)))
        await asyncio.sleep(0)
        with pytest.raises(TooBusy) as caught:
            await runs.start(ask())
        assert caught.value.retry_after >= 1
        assert first.ending is None
        model.release()
        assert (await (await second).ended()).type == "report"
        assert first.ending.type == "report"


async def test_runs_begin_no_faster_than_the_limit(home):
    async with runs_of(home, running=9, waiting=9, per_second=2) as runs:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(runs.start(ask()) for _ in range(5)))
        assert loop.time() - began >= 2.0


async def test_a_cancelled_run_stops_and_goes_on_with_its_numbers(home):
    model = held_plan()
    async with runs_of(home, model) as runs:
        run = await runs.start(ask(thread="t", model=SLOW))
        other = await runs.start(ask(thread="other", model=SLOW))
        runs.cancel(run)
        model.release()
        assert (await run.ended()).type == "stopped"
        last = run.last
        again = await runs.resume("local", "t")
        assert (again.id, again.epoch, again.events[:last]) == (run.id, run.epoch, run.events)
        rest = await watched(again, last)
        assert rest[0].sequence == last + 1
        assert rest[-1].report.run_id == run.id
        assert (await other.ended()).type == "report"


async def test_runs_that_waited_for_a_place_begin_no_faster_either(home):
    async with runs_of(home, running=3, waiting=9, per_second=1) as runs:
        for _ in range(3):
            await runs.places._free.acquire()
        starting = [asyncio.create_task(runs.start(ask())) for _ in range(3)]
        await asyncio.sleep(2.2)
        loop = asyncio.get_running_loop()
        freed = loop.time()
        for _ in range(3):
            runs.places._free.release()
        await asyncio.gather(*starting)
        assert loop.time() - freed >= 1.9


async def test_where_none_may_wait_a_free_place_is_taken_all_the_same(home):
    model = held_plan()
    async with runs_of(home, model, running=1, waiting=0) as runs:
        run = await runs.start(ask(model=SLOW))
        with pytest.raises(TooBusy):
            await runs.start(ask())
        model.release()
        assert (await run.ended()).type == "report"
        await asyncio.sleep(0)
        assert (await (await runs.start(ask())).ended()).type == "report"


async def test_to_cancel_what_has_ended_stops_nothing_else_on_its_thread(home):
    model = held_plan()
    async with runs_of(home, model) as runs:
        first = await runs.start(ask(thread="t"))
        await first.ended()
        second = await runs.start(ask(thread="t", model=SLOW))
        runs.cancel(first)
        model.release()
        assert (await second.ended()).type == "report"


async def test_the_runs_of_a_deleted_thread_are_forgotten(home):
    async with runs_of(home) as runs:
        kept, gone = await runs.start(ask(thread="kept")), await runs.start(ask(thread="t"))
        await asyncio.gather(kept.ended(), gone.ended())
        await asyncio.sleep(0)
        await runs.service.delete("local", "t")
        runs.forget("local", "t")
        assert await runs.get("local", kept.id) is kept
        with pytest.raises(RunMissing):
            await runs.get("local", gone.id)


async def test_a_run_of_another_process_is_told_as_running_and_neither_watched_nor_cancelled(home):
    model = held_plan()
    async with runs_of(home, model) as there, runs_of(home) as here:
        run = await there.start(ask(thread="t", model=SLOW))
        seen = await here.get("local", run.id)
        assert (seen.ending, seen.thread_id, state_of(seen).status) == (None, "t", "running")
        for forbidden in (watched(seen), seen.ended()):
            with pytest.raises(ThreadBusy, match="another process"):
                await forbidden
        with pytest.raises(ThreadBusy, match="another process"):
            here.cancel(seen)
        model.release()
        assert (await run.ended()).type == "report"
        await there.service.show("local", "t")
        assert (await (await here.get("local", run.id)).ended()).report == run.ending.report


async def test_a_resumption_that_is_being_prepared_hears_of_a_drain(home, monkeypatch):
    model = held_plan()
    async with runs_of(home, model) as runs:
        run = await runs.start(ask(thread="t", model=SLOW))
        runs.cancel(run)
        model.release()
        await run.ended()
        prepared, rest = asyncio.Event(), type(runs.service)._rest

        async def slow(*given):
            prepared.set()
            await asyncio.sleep(0.2)
            return await rest(*given)

        monkeypatch.setattr(type(runs.service), "_rest", slow)
        resuming = asyncio.create_task(runs.resume("local", "t"))
        await prepared.wait()
        await runs.drain("SIGTERM", 20)
        again = await resuming
        assert again.ending.type == "stopped"
        assert (await runs.service.show("local", "t")).record.status == "interrupted"


async def test_a_run_that_is_stopped_where_it_stands_did_begin(home):
    async with runs_of(home, slow_plan(30)) as runs:
        run = await runs.start(ask(thread="t", model=SLOW))
        await runs.drain("SIGTERM", 0.1)
        assert (run.ending.type, run.failure) == ("stopped", None)


async def test_batches_are_bounded_and_leave_places(home):
    async with runs_of(home, running=4, waiting=1) as runs:
        with runs.batch() as places:
            assert places._value == 2
            with pytest.raises(TooBusy), runs.batch():
                pass
        with runs.batch() as again:
            assert again is places


async def test_a_review_is_answered_once(home):
    async with runs_of(home) as runs:
        run = await runs.start(ask(thread="t", human_review=True))
        assert (await run.ended()).draft
        with pytest.raises(ThreadNotResumable):
            await runs.resume("local", "t")
        approved = await runs.resume("local", "t", ReviewAnswer(decision="approve"))
        assert (await approved.ended()).report.stop_reason == "approved_by_person"
        with pytest.raises(ThreadNotResumable):
            await runs.resume("local", "t", ReviewAnswer(decision="approve"))
        assert await runs.get("local", run.id) is approved
        assert (approved.ending.type, approved.failure) == ("report", None)


async def test_of_two_answers_at_once_one_is_taken_and_the_other_harms_nothing(home):
    async with runs_of(home) as runs:
        await (await runs.start(ask(thread="t", human_review=True))).ended()
        answers = [
            runs.resume("local", "t", ReviewAnswer(decision=choice)) for choice in ("approve", "reject", "approve")
        ]
        told = await asyncio.gather(*answers, return_exceptions=True)
        (taken,) = (each for each in told if not isinstance(each, BaseException))
        assert {type(each) for each in told if each is not taken} <= {ThreadBusy, ThreadNotResumable}
        events = await watched(taken)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert {event.type for event in events} & {"failed"} == set()
        assert events[-1].type == "report"


async def test_a_live_run_is_not_resumed_and_goes_on(home):
    model = held_plan()
    async with runs_of(home, model) as runs:
        run = await runs.start(ask(thread="t", model=SLOW))
        with pytest.raises(ThreadBusy):
            await runs.resume("local", "t")
        model.release()
        assert await runs.get("local", run.id) is run
        assert (await run.ended()).type == "report"


async def test_a_run_of_an_earlier_process_is_found_by_its_thread(home):
    async with runs_of(home) as runs:
        ended = await (await runs.start(ask())).ended()
        pending = await runs.start(ask(thread="t", human_review=True))
        await pending.ended()
    async with runs_of(home) as runs:
        run = await runs.get("local", ended.report.run_id)
        assert [event.type for event in await watched(run)] == ["report"]
        assert run.ending.report == ended.report
        assert (await (await runs.get("local", pending.id)).ended()).draft == pending.ending.draft
        for tenant, run_id in (("other", ended.report.run_id), ("local", "none")):
            with pytest.raises(RunMissing):
                await runs.get(tenant, run_id)


async def test_a_run_that_breaks_off_tells_those_who_watch(home, monkeypatch):
    async with runs_of(home) as runs:

        async def broken(*_, **__):
            raise ZeroDivisionError("with a secret")
            yield

        monkeypatch.setattr(LegDriver, "_steps", broken)
        run = await runs.start(ask(thread="t"))
        ending = await run.ended()
        assert isinstance(ending, RunFailed)
        assert (ending.code, ending.thread_id) == ("internal", "t")
        assert "secret" not in ending.message
        assert (await runs.service.show("local", "t")).record.status == "interrupted"


async def test_a_drain_ends_every_run_and_takes_nothing_on(home):
    async with runs_of(home, slow_plan(30)) as runs:
        run = await runs.start(ask(thread="t", model=SLOW))
        await runs.drain("SIGTERM", 0.1)
        assert run.ending.type == "stopped"
        assert (await runs.service.show("local", "t")).record.status == "interrupted"
        with pytest.raises(TooBusy, match="shutting down"):
            await runs.start(ask())


async def test_ended_runs_do_not_pile_up(home, monkeypatch):
    monkeypatch.setattr("experience.service.runs.RETAINED", 2)
    async with runs_of(home) as runs:
        found = [await (await runs.start(ask())).ended() for _ in range(4)]
        assert len(runs._ended) == 2 < RETAINED
        assert (await runs.get("local", found[0].report.run_id)).ending.report == found[0].report


@pytest.mark.parametrize("text", ["", " ", "\n\n# A b\n", "one", "a  b\tc " * 30, "x" * 10_000])
def test_pieces_are_the_text(text):
    assert "".join(pieces(text)) == text
    assert all(pieces(text))
