"""How the command gives rows to workers that fail: with the real errors of Ray, and without a cluster."""

import asyncio
from types import SimpleNamespace

import pytest
from ray.exceptions import ActorUnavailableError, ObjectLostError, OutOfMemoryError

from experience.batch.on_ray.crew import Crew
from experience.batch.on_ray.row_worker import Reply
from experience.batch.values import BatchOutcome
from state.errors import DependencyUnavailable
from state.values import Usage
from tests.experience.batch.test_engine import task


async def usage(*_):
    return Usage()


SERVICE = SimpleNamespace(gateway=SimpleNamespace(usage=usage))


class Worker:
    """A handle of an actor. `faults` are raised by its next rows; a row on one that is lost fails at once."""

    def __init__(self, *faults, ready=None, starts=0.0):
        self.faults, self.fault, self.starts, self.lost = list(faults), ready, starts, False
        self.run = self.ready = self.drain = SimpleNamespace()
        self.run = SimpleNamespace(remote=self._run)
        self.ready = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self._ready))
        self.drain = SimpleNamespace(remote=usage)

    async def _ready(self):
        await asyncio.sleep(self.starts)
        if self.fault is not None:
            raise self.fault
        self.lost = False
        return Reply().model_dump_json()

    async def _run(self, given):
        if self.lost:
            raise ActorUnavailableError("it starts again", None)
        if self.faults:
            self.lost = True
            raise self.faults.pop(0)
        asked = task(1).model_validate_json(given)
        told = asked.model_dump(include={"key", "line", "thread_id", "run_id"})
        return Reply(
            outcome=BatchOutcome(**told, status="done", started_at="2026-01-01T00:00:00+00:00", seconds=0.0)
        ).model_dump_json()


@pytest.mark.parametrize("fault", [OutOfMemoryError("no memory"), ObjectLostError("0" * 40, None, "")])
async def test_a_row_of_a_worker_that_was_lost_in_any_way_goes_on_elsewhere(fault):
    crew = Crew(SERVICE, [Worker(fault), Worker()], 1)
    assert (await crew.ask(task(1))).status == "done"


async def test_a_row_is_not_given_to_the_free_places_of_a_worker_that_is_lost():
    crew = Crew(SERVICE, [Worker(OutOfMemoryError("no memory"))], 4)
    assert (await crew.ask(task(1))).status == "done"
    ended = await asyncio.gather(*(crew.ask(task(n)) for n in range(2, 6)))
    assert {each.status for each in ended} == {"done"}


async def test_workers_that_die_while_they_start_end_the_job_with_a_reason():
    crew = Crew(SERVICE, [Worker(ready=OutOfMemoryError("no memory"))], 2)
    async with asyncio.timeout(5):
        with pytest.raises(DependencyUnavailable, match="OutOfMemoryError") as told:
            await crew.ask(task(1))
    assert "`--workers`" in told.value.hint


async def test_a_drain_stops_rows_that_wait_for_a_worker_that_never_starts():
    crew = Crew(SERVICE, [Worker(starts=3600.0)], 2)
    waiting = [asyncio.create_task(crew.ask(task(n))) for n in (1, 2)]
    await asyncio.sleep(0)
    await crew.drain("SIGTERM")
    async with asyncio.timeout(5):
        assert {each.status for each in await asyncio.gather(*waiting)} == {"stopped"}
    await crew.close()
