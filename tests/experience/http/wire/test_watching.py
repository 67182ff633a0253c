"""Runs whose clients leave: they are stopped after a while, and not before, and can be resumed."""

from __future__ import annotations

import asyncio

from experience.service.limits import RunLimits
from experience.service.runs import Runs
from tests.doubles.waiting import until
from tests.experience.service.helpers import SLOW, ask, held_plan, service_of


async def test_a_run_that_its_clients_have_left_is_stopped_and_can_be_resumed(home):
    model = held_plan()
    async with service_of(home, model) as service:
        runs = Runs(service, RunLimits(unwatched_seconds=0.01))
        run = await runs.start(ask(thread="t", model=SLOW))
        with runs.watchers.watching(run):
            with runs.watchers.watching(run):
                pass
            await asyncio.sleep(0.1)
            assert run.ending is None  # one of the two is still there
        assert (await run.ended()).type == "stopped"  # the model still holds its answer back: the step was cut
        model.release()
        resumed = await runs.resume("local", "t")
        assert (await resumed.ended()).report.status == "answered"


async def test_a_client_that_comes_back_in_time_finds_its_run(home):
    model = held_plan()
    async with service_of(home, model) as service:
        runs = Runs(service, RunLimits(unwatched_seconds=0.5))
        run = await runs.start(ask(model=SLOW))
        with runs.watchers.watching(run):
            pass
        with runs.watchers.watching(run):
            await asyncio.sleep(1.2)
            assert run.ending is None
            model.release()
            assert (await run.ended()).type == "report"


async def test_a_run_that_nobody_has_watched_goes_on(home):
    model = held_plan()
    async with service_of(home, model) as service:
        runs = Runs(service, RunLimits(unwatched_seconds=0.01))
        run = await runs.start(ask(model=SLOW))
        await asyncio.sleep(0.1)
        model.release()
        assert (await run.ended()).type == "report"


async def test_the_place_of_a_client_that_leaves_while_its_run_begins_is_free_again(home):
    model = held_plan()
    async with service_of(home, model) as service:
        runs = Runs(service, RunLimits(running=1, unwatched_seconds=0.01))
        starting = asyncio.create_task(runs.start(ask(model=SLOW)))
        await until(lambda: runs._tasks)
        starting.cancel()
        await until(lambda: not runs._tasks)
        model.release()
        assert (await (await runs.start(ask())).ended()).type == "report"
