"""One lease for each run: nobody renews, settles, releases or deletes what another has taken, in one process or two."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from experience.service.runs import Runs
from experience.service.threads import leases, rows
from experience.service.threads import table as threads_table
from experience.service.upkeep import take_up
from settings import Settings
from settings.connections.sql import open_engine
from state.channels import ResearchContext
from state.errors import StorageFull, ThreadBusy, ThreadNotResumable
from state.values import ReviewAnswer
from tests.doubles.roles import scripted
from tests.experience.service.helpers import (
    OUTSIDE,
    SLOW,
    ask,
    events_of,
    held_plan,
    leaving_checkpoints,
    service_of,
    until_started,
)
from tests.experience.service.kept.test_threads import SPAN, add, threads_of
from tests.experience.service.kept.test_upkeep import aged, change, kill

DEAD = 2**22 + 1
"""No process has this number: it is above Linux's highest."""


def expire(home: Path) -> None:
    change(home, "UPDATE threads SET lease_until = 0")


async def test_a_late_end_of_a_run_leaves_a_newer_run_of_the_same_process_alone(tables: str, tmp_path: Path) -> None:
    async with threads_of(tmp_path) as threads:
        late = await threads.start("local", "t", "one", "Why?", ResearchContext(), None, SPAN)
        expire(tmp_path)
        _, newer = await threads.take("local", "t")
        await threads.settle(late, "one", "answered")
        await threads.release(late, "interrupted")
        stored = await threads.get("local", "t")
        assert (stored.live, stored.record.status) == (True, "running")
        for act in (threads.remove(late), threads.go_on(late, "one")):
            with pytest.raises(ThreadBusy):
                await act
        await threads.settle(newer, "one", "partial")
        stored = await threads.get("local", "t")
        assert (stored.live, stored.record.status) == (False, "partial")


async def test_a_settle_that_waits_for_room_leaves_a_newer_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads_table, "AGAIN_SECONDS", 0.01)
    async with threads_of(tmp_path) as threads:
        late = await threads.start("local", "t", "one", "Why?", ResearchContext(), None, SPAN)
        run = threads._run

        async def full(_: Any) -> Any:
            raise StorageFull("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(threads, "_run", full)
            with pytest.raises(StorageFull):
                await threads.settle(late, "one", "answered")
        assert threads._run == run
        expire(tmp_path)
        await threads.take("local", "t")
        while threads._late:  # noqa: ASYNC110 - it is tried again, without effect
            await asyncio.sleep(0.01)
        stored = await threads.get("local", "t")
        assert (stored.live, stored.record.status) == (True, "running")


async def test_a_lease_that_was_renewed_since_it_was_read_as_expired_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Oracle Database its process may renew it between another's reading and claiming."""
    async with threads_of(tmp_path) as threads:
        await threads.start("local", "t", "one", "Why?", ResearchContext(), None, SPAN)
        read = rows._select
        monkeypatch.setattr(rows, "_select", lambda *named: {**read(*named), "lease_until": 0.0})
        with pytest.raises(ThreadBusy, match="just begun"):
            await threads.take("local", "t")
        assert await threads.abandoned(0) == []
        assert (await threads.get("local", "t")).record.status == "running"


async def test_the_lease_of_a_dead_process_is_taken_before_it_expires(tables: str, tmp_path: Path) -> None:
    host, boot, *_ = leases.new_owner().split("/")
    async with threads_of(tmp_path) as threads:
        await threads.start("local", "t", "one", "Why?", ResearchContext(), None, SPAN)
        change(tmp_path, "UPDATE threads SET lease_owner = ?", f"{host}/{boot}/{DEAD}/x")
        stored, _ = await threads.take("local", "t")
        assert not stored.live


async def test_a_thread_that_another_has_just_made_is_busy(tmp_path: Path) -> None:
    """Two begin one new thread: neither has seen the row of the other, and the database lets one of them in."""

    def first(_: Any, cursor: Any, statement: str, given: Any, *__: Any) -> None:
        if statement.startswith("INSERT INTO threads"):
            cursor.execute(statement, ["host/boot/1/another" if str(each).count("/") == 3 else each for each in given])

    engine = open_engine(Settings(home=tmp_path), "threads.db")
    threads = threads_table.Threads(Settings(home=tmp_path), lease_seconds=60, engine=engine)
    await threads.setup()
    sa.event.listen(engine, "before_cursor_execute", first)
    with pytest.raises(ThreadBusy, match="just begun") as busy:
        await add(threads, "t", "Why?")
    assert "another thread" in busy.value.hint
    await threads.aclose()
    engine.dispose()


async def test_a_deletion_renews_its_lease_and_stops_if_it_is_lost(
    tables: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service_of(home, scripted(), run={"lease_seconds": 1.1}) as service:
        await service.run(ask(thread="t", model=SLOW))
        async with service.deletions.emptied("local", "t"):
            expire(home)
            while not (await service.show("local", "t")).live:  # noqa: ASYNC110 - the next beat renews it
                await asyncio.sleep(0.01)
            with pytest.raises(ThreadBusy):
                await service.run(ask(thread="t", model=SLOW))
        await service.run(ask(thread="kept", model=SLOW))
        with ExitStack() as stopped:
            stopped.enter_context(pytest.raises(ThreadBusy, match="just begun"))
            async with service.deletions.emptied("local", "kept"):
                change(home, "UPDATE threads SET lease_owner = 'elsewhere/boot/1/x'")
                await asyncio.Event().wait()  # the beat finds it out and cancels the block
        assert [each.thread_id for each in (await service.threads("local")).threads] == ["kept"]


async def test_a_row_goes_only_while_its_lease_is_held(tables: str, home: Path) -> None:
    async with service_of(home, scripted()) as service:
        await service.run(ask(thread="t", model=SLOW))
        with pytest.raises(ThreadBusy):
            async with service.deletions.emptied("local", "t"):
                change(home, "UPDATE threads SET lease_owner = 'elsewhere/boot/1/x'")
        assert len(await service.kept.runs("local", "t")) == 1


async def test_a_run_that_dies_while_it_is_resumed_is_taken_up(tables: str, home: Path) -> None:
    model = held_plan()
    async with service_of(home, model) as service:
        events = service.stream(ask(thread="t", model=SLOW))
        assert (await anext(events)).type == "run_started"
        await events.aclose()
        assert (await service.show("local", "t")).record.status == "interrupted"
        resumed = service.resume("local", "t")
        await until_started(resumed, "researcher")
        view = await service.show("local", "t")
        assert (view.record.status, view.runs[0].status) == ("running", "running")
        kill(home)  # as SIGKILL leaves it
        async with service_of(home, scripted()) as other:
            runs = Runs(other)
            assert await take_up(runs) == 1
            assert (await (await runs.get("local", view.record.run_id)).ended()).type == "report"
            await runs.drain("end", 5)
        await resumed.aclose()
        assert (await service.show("local", "t")).record.status == "answered"


async def test_a_run_that_dies_while_a_person_is_asked_waits_for_the_person(home: Path) -> None:
    async with service_of(home, scripted()) as service:
        await events_of(service.stream(ask(thread="t", human_review=True, model=SLOW)))
        kill(home)  # before its row said that it waits, or before the answer was stored
        assert await take_up(Runs(service)) == 0
        assert (await service.show("local", "t")).record.status == "review"
        assert await service.kept.abandoned(3) == []
        answered = await events_of(service.resume("local", "t", ReviewAnswer(decision="approve")))
        assert answered[-1].type == "report"


async def test_a_resume_that_is_refused_leaves_the_status(home: Path) -> None:
    async with service_of(home, scripted()) as service:
        await service.run(ask(thread="t", model=SLOW))
        with pytest.raises(ThreadNotResumable):
            await events_of(service.resume("local", "t"))
        view = await service.show("local", "t")
        assert (view.record.status, view.live) == ("answered", False)


async def test_an_answer_counts_for_the_draft_that_its_sender_has_seen(tables: str, home: Path) -> None:
    """Another's answer was first, and the next draft waits: this answer was not given to it."""
    async with service_of(home, scripted()) as service:
        await events_of(service.stream(ask(thread="t", human_review=True, model=SLOW)))
        seen = (await service.show("local", "t")).record.updated_at
        answer = ReviewAnswer(decision="revise", text="Shorter, please.")
        assert (await events_of(service.resume("local", "t", answer, seen=seen)))[-1].type == "review_pending"
        with pytest.raises(ThreadBusy, match="meanwhile"):
            await events_of(service.resume("local", "t", ReviewAnswer(decision="approve"), seen=seen))
        view = await service.show("local", "t")
        assert (view.record.status, view.live) == ("review", False)


async def test_reports_of_all_runs_of_an_earlier_release_outlive_their_checkpoints(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "AT_ONCE", 1)
    monkeypatch.setattr(rows, "MAX_RUNS", 1)
    async with service_of(home, scripted()) as service:
        with leaving_checkpoints(monkeypatch):
            asked = (OUTSIDE, "Why?", OUTSIDE)
            reports = [await service.run(ask(question, thread="t", model=SLOW)) for question in asked]
        change(home, "UPDATE runs SET report = NULL")
        change(home, "UPDATE runs SET report = 'null', removed_at = '2026-01-01' WHERE question = 'Why?'")
        aged(home, "t")
        read = service.kept._database.aread
        reads = itertools.count()

        async def counted(work: Any) -> Any:
            next(reads)
            return await read(work)

        monkeypatch.setattr(service.kept._database, "aread", counted)
        await service.deletions.drop_checkpoints("local", "t", "2099")
        assert next(reads) == 3  # two pages and an empty one
        for report in (reports[0], reports[2]):
            kept = await service.show_run("local", report.run_id)
            assert kept is not None
            assert kept.report == report
