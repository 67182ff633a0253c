"""The engine port and its local adapter."""

import asyncio

import pytest

from experience.batch import ENGINES, BatchError, BatchOutcome, BatchTask, LocalEngine, open_engine
from state.errors import BadInput, DependencyUnavailable


def task(number):
    return BatchTask(
        key=f"{number:064x}",
        line=number,
        tenant="local",
        thread_id=f"t{number}",
        run_id="r",
        fault=BatchError(code="bad_input", message="x"),
    )


class Idle:
    """A service whose rows are all faulty, so that nothing is asked."""

    def request_drain(self, reason):
        pass


async def test_tasks_are_pulled_only_as_outcomes_are_taken():
    pulled = 0

    async def tasks():
        nonlocal pulled
        for number in range(1, 101):
            pulled += 1
            yield task(number)

    outcomes = LocalEngine(Idle(), 3).run(tasks())
    assert (await anext(outcomes)).line == 1
    await asyncio.sleep(0.05)
    assert pulled <= 1 + 3 + 3 + 3
    rest = [outcome.line async for outcome in outcomes]
    assert sorted(rest) == list(range(2, 101))


async def test_an_error_of_the_tasks_reaches_the_consumer_after_the_outcomes():
    async def tasks():
        yield task(1)
        raise BadInput("torn")

    outcomes = LocalEngine(Idle(), 1).run(tasks())
    assert (await anext(outcomes)).line == 1
    with pytest.raises(BadInput, match="torn"):
        await anext(outcomes)


async def test_a_drained_engine_starts_nothing():
    engine = LocalEngine(Idle(), 2)

    async def tasks():
        for number in range(1, 101):
            yield task(number)

    outcomes = engine.run(tasks())
    await anext(outcomes)
    engine.drain("SIGTERM")
    assert len([outcome async for outcome in outcomes]) < 12


def test_what_an_engine_takes_and_gives_goes_through_json():
    outcome = BatchOutcome(key="k", line=1, status="done", thread_id="t", run_id="r", started_at="x", seconds=0.1)
    assert BatchTask.model_validate_json(task(1).model_dump_json()) == task(1)
    assert BatchOutcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_an_engine_that_is_not_there_is_told_with_what_is():
    assert isinstance(open_engine("local", Idle(), 1), LocalEngine)
    with pytest.raises(DependencyUnavailable, match="ray") as missing:
        open_engine("ray", Idle(), 1)
    assert "--engine local" in missing.value.hint
    with pytest.raises(BadInput) as unknown:
        open_engine("spark", Idle(), 1)
    assert all(name in unknown.value.hint for name in ENGINES)
