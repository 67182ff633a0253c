"""Threads that are busy, drained, deleted, or whose lease is lost."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import time
from contextlib import closing, suppress
from typing import Any

import pytest

from gateway import Answer
from state.errors import (
    DependencyUnavailable,
    RunStopped,
    ThreadBusy,
    ThreadMissing,
    ThreadNotResumable,
)
from state.values import Status
from tests.doubles.roles import scripted
from tests.doubles.waiting import safely
from tests.experience.service.helpers import (
    SLOW,
    ask,
    events_of,
    held_plan,
    service_of,
    slow_plan,
    until_started,
)


async def test_a_thread_that_is_being_run_is_busy_and_an_unfinished_one_too(tables, home):
    async with service_of(home, slow_plan(30)) as service, service_of(home) as other:
        events = service.stream(ask(thread="t", model=SLOW))
        await until_started(events, "researcher")
        with pytest.raises(ThreadBusy, match="being run") as live:
            await other.run(ask(thread="t"))
        assert live.value.retry_after == 5
        with pytest.raises(ThreadBusy, match="being run"):
            await events_of(other.resume("local", "t"))
        await events.aclose()
        with pytest.raises(ThreadBusy, match="unfinished") as busy:
            await other.run(ask(thread="t"))
        assert "sixplane resume t" in busy.value.hint
        assert busy.value.retry_after is None  # it does not end by itself
        assert [each.status for each in (await other.threads("local")).threads] == ["interrupted"]
        assert (await other.run(ask())).status is Status.ANSWERED


async def test_a_run_that_failed_is_over_and_its_thread_takes_the_next_question(home):
    broken = scripted(ResearchPlan=lambda fields, evidence: Answer(raises=ValueError("no")))
    async with service_of(home, broken) as service:
        report = await service.run(ask(thread="t", model=SLOW))
        assert report.status is Status.STOPPED
        with pytest.raises(ThreadNotResumable):
            await events_of(service.resume("local", "t"))
        assert (await service.run(ask(thread="t"))).status is Status.ANSWERED


async def test_drained_run_is_resumed_to_its_report(home):
    model = held_plan()
    async with service_of(home, model) as service:
        events = service.stream(ask(thread="t", model=SLOW))
        await until_started(events, "researcher")
        service.request_drain("SIGTERM")
        model.release()
        rest = await events_of(events)
        assert rest[-1].type == "stopped"
        assert "report" not in {event.type for event in rest}
        assert (await service.show("local", "t")).record.status == "interrupted"
        resumed = await events_of(service.resume("local", "t"))
        assert resumed[-1].type == "report"
        assert "guard_input" not in {event.node for event in resumed if event.type == "node_started"}
        assert (await service.show("local", "t")).record.status == resumed[-1].report.status


async def test_run_raises_when_it_was_drained(home):
    asked = asyncio.Event()
    async with service_of(home, slow_plan(0.5, asked)) as service:
        running = asyncio.create_task(service.run(ask(thread="t", model=SLOW)))
        await safely(asked.wait())
        service.request_drain("SIGTERM")
        with pytest.raises(RunStopped):
            await running


async def test_a_deleted_thread_leaves_nothing_behind(home):
    async with service_of(home) as service:
        await service.run(ask(thread="t"))
        await service.run(ask(thread="kept"))
        run = (await service.show("local", "t")).record.run_id
        await service.delete("local", "t")
        for gone in (service.delete("local", "t"), service.show("local", "t")):
            with pytest.raises(ThreadMissing):
                await gone
        assert [each.thread_id for each in (await service.threads("local")).threads] == ["kept"]
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
    async with service_of(home, slow_plan(2.0), run={"lease_seconds": 1.1}) as service:
        events = service.stream(ask(thread="t", model=SLOW))
        assert (await anext(events)).type == "run_started"
        taken = (("lease_owner", "elsewhere/1/x"), ("lease_until", time.monotonic() + 60))
        with closing(sqlite3.connect(home / "threads.db", isolation_level=None)) as threads:
            threads.execute("UPDATE threads SET lease_owner = ?, lease_until = ?", [value for _, value in taken])
            assert [event async for event in events][-1].type == "stopped"
            left = threads.execute("SELECT status, lease_owner, lease_until FROM threads").fetchone()
        assert left == ("running", *(value for _, value in taken))


async def test_a_failed_heartbeat_does_not_cost_the_report(home):
    async with service_of(home, slow_plan(1.6), run={"lease_seconds": 1.1}) as service:
        held = service.kept._held
        calls = itertools.count()

        def failing(lease: Any) -> Any:
            if next(calls) == 1:
                raise DependencyUnavailable("the table is locked")
            return held(lease)

        service.kept._held = failing
        assert (await service.run(ask(thread="t", model=SLOW))).claims
    assert next(calls) > 2
