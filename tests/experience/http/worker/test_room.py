"""The process that takes connections refuses what the other one would refuse."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from experience.http.worker.room import Room, said
from experience.service.limits import RunLimits
from experience.service.places import Places
from state.errors import RateLimited, TooBusy

ANN, BOB = ("local", "ann"), ("local", "bob")


def full(room, whose=ANN):
    try:
        with room.passing(whose):
            return False
    except TooBusy:
        return True


def test_requests_that_have_passed_hold_their_places_until_they_are_answered():
    room = Room(RunLimits(running=1, waiting=1))
    with room.passing(ANN):
        assert not full(room)
        with room.passing(BOB):
            assert full(room)
        assert not full(room)
    assert not full(room)


async def test_runs_that_came_another_way_count_and_none_counts_twice():
    limits = RunLimits(running=3, waiting=0)
    places, room = Places(limits), Room(limits)
    with room.passing(ANN):
        leave = await places.take(ANN)
        room.take_over(said(places))
        assert not full(room)  # the run of the request is told, and is one
        also = [await places.take(BOB) for _ in range(2)]
        room.take_over(said(places))
        assert full(room, BOB)
        for each in (leave, *also):
            each()
        room.take_over(said(places))
        assert not full(room, BOB)


async def test_each_principal_has_its_own_share_and_a_closed_service_takes_nobody():
    limits = RunLimits(running=9, waiting=0, per_principal=1)
    places, room = Places(limits), Room(limits)
    with room.passing(ANN):
        with pytest.raises(RateLimited), room.passing(ANN):
            pass
        assert not full(room, BOB)
    places.closed = True
    room.take_over(said(places))
    with ExitStack() as held, pytest.raises(TooBusy, match="shutting down"):
        held.enter_context(room.passing(BOB))
    room.empty()
    assert not full(room, BOB)
