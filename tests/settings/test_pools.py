"""Threads for blocking work, and a clock that stands still while work waits for one."""

from __future__ import annotations

import asyncio
import contextvars
import threading

from settings.pools import Pool, Stopwatch, measured


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
