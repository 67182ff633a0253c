"""Threads for blocking work, and a clock that stands still while work waits for one."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from pathlib import Path

import pytest

from settings.pools import SHORT_CHARS, Pool, Stopwatch, measured


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_stopwatch_leaves_out_every_wait() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    for moment, note in ((1, watch.wait), (11, watch.go_on), (13, watch.wait), (33, watch.go_on)):
        clock.now = moment
        note()
    clock.now = 34
    assert (watch.worked, watch.waited) == (4, 30)
    watch.wait()
    clock.now = 100
    assert (watch.worked, watch.waited) == (4, 96)
    watch.go_on()
    watch.go_on()  # a thread and the loop may both say so
    assert (watch.worked, watch.waited) == (4, 96)


async def test_work_keeps_the_context_of_its_caller() -> None:
    name = contextvars.ContextVar("name", default="none")
    name.set("mine")
    assert await Pool("test", 1).run(name.get) == "mine"


@pytest.mark.parametrize(("chars", "in_loop"), [(SHORT_CHARS, True), (SHORT_CHARS + 1, False)])
async def test_the_loop_works_on_short_texts_itself(chars: int, in_loop: bool) -> None:
    worked = await Pool("test", 1).run_unless_short(chars, threading.current_thread)
    assert (worked is threading.current_thread()) == in_loop


async def test_a_thread_that_is_busy_stops_the_clock_of_the_next_one() -> None:
    pool, free, begun = Pool("test", 1), threading.Event(), threading.Event()
    clock = Clock()
    holding = asyncio.create_task(pool.run(lambda: begun.set() or free.wait(60)))
    await asyncio.to_thread(begun.wait, 60)
    with measured() as watch:
        watch._clock, watch._began = clock, clock()
        waiting = asyncio.create_task(pool.run(lambda: setattr(clock, "now", clock.now + 2)))
        await asyncio.sleep(0)
        clock.now = 1_000
        assert (watch.worked, watch.waited) == (0, 1_000)
        free.set()
        await asyncio.gather(holding, waiting)
    assert (watch.worked, watch.waited) == (2, 1_000)


ROOT = Path(__file__).resolve().parents[2]
SLOW = {
    "experience/batch/job.py", "experience/corpora.py", "experience/doctor/health.py", "experience/doctor/oci.py",
    "experience/doctor/oci_sinks.py", "experience/evaluation/asking.py", "experience/evaluation/running.py",
    "experience/mcp/stdio.py", "experience/service/exporting.py", "experience/service/threads/table.py",
    "gateway/ledger/ledger.py", "graphs/opening.py", "graphs/persistence/sqlite_checkpoints.py",
    "graphs/persistence/sqlite_store.py", "graphs/planes.py",
    "graphs/studio.py", "observability/audit/trail.py", "observability/oci_notifications.py",
    "policy/identity/keys.py", "retrieval/corpora.py", "retrieval/corpus.py", "retrieval/embedded/backend.py",
    "retrieval/ingesting.py", "retrieval/upkeep/takeover.py",
    "settings/connections/oracle_pool.py", "experience/doctor/live.py", "experience/doctor/tenancy.py",
    "settings/connections/signing.py", "gateway/oci/agents.py",
}  # fmt: skip
"""What opens or closes something, may take minutes, or waits for the network."""


def test_nothing_else_uses_the_pool_that_libraries_share() -> None:
    packages = ("experience", "graphs", "nodes", "policy", "retrieval", "gateway", "observability", "settings", "state")
    using = {
        path.relative_to(ROOT).as_posix()
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if "await asyncio.to_thread(" in path.read_text(encoding="utf-8")
    }
    assert using == SLOW
