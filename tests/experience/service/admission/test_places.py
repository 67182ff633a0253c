"""Places for runs: given out in turn, given back always, and when to come back."""

from __future__ import annotations

import asyncio

import pytest

from experience.service.limits import RunLimits
from experience.service.places import LONGEST_SECONDS, Places
from state.errors import RateLimited, TooBusy
from tests.doubles.clock import Clock

ANN, BOB = ("local", "ann"), ("local", "bob")


async def test_a_place_that_is_given_back_goes_to_who_waited_and_none_is_lost_with_one_that_leaves() -> None:
    places = Places(RunLimits(running=1, waiting=2))
    leave = await places.take(ANN)
    gone, waits = asyncio.create_task(places.take(ANN)), asyncio.create_task(places.take(BOB))
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        places.check(BOB)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    places.check(BOB)
    leave()
    (await waits)()
    (await places.take(BOB))()


async def test_one_principal_has_its_share() -> None:
    places = Places(RunLimits(running=4, per_principal=1))
    await places.take(ANN)
    places.check(BOB)
    with pytest.raises(RateLimited):
        places.check(ANN)


async def test_who_is_refused_is_told_how_long_runs_take_and_not_all_the_same() -> None:
    clock = Clock()
    places = Places(RunLimits(running=1, waiting=3), clock)
    assert 1 <= places.patience() <= 2
    for _ in range(30):
        leave = await places.take(ANN)
        clock.now += 10
        leave()
    await places.take(ANN)
    waiting = [asyncio.create_task(places.take(ANN)) for _ in range(3)]
    await asyncio.sleep(0)
    told = {places.patience() for _ in range(200)}
    assert 39 <= min(told) < max(told) <= 80  # four runs before it, of ten seconds each
    assert len(told) > 10
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_nobody_is_sent_away_for_long() -> None:
    clock = Clock()
    places = Places(RunLimits(running=1), clock)
    for _ in range(30):
        leave = await places.take(ANN)
        clock.now += 10_000
        leave()
    assert max(places.patience() for _ in range(100)) <= 2 * LONGEST_SECONDS


async def test_a_service_that_shuts_down_gives_out_none() -> None:
    places = Places(RunLimits())
    places.closed = True
    with pytest.raises(TooBusy, match="shutting down"):
        await places.take(ANN)
