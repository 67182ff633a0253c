"""A lease is given back as soon as that can be stored."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from experience.service.threads import table
from state.errors import DependencyUnavailable, StorageFull, ThreadBusy
from tests.doubles.waiting import safely
from tests.experience.service.helpers import SLOW, ask, held_plan, service_of, until_started


async def test_the_lease_goes_back_as_soon_as_there_is_room(home, monkeypatch):
    monkeypatch.setattr(table, "AGAIN_SECONDS", 0.01)
    async with service_of(home, held_plan()) as service:
        events = service.stream(ask(thread="t", model=SLOW))
        await until_started(events, "researcher")
        run, full = service.kept._run, True

        async def no_room(work):
            if full:
                raise StorageFull("the disk is full")
            return await run(work)

        monkeypatch.setattr(service.kept, "_run", no_room)
        with suppress(DependencyUnavailable):
            await events.aclose()
        assert (await service.show("local", "t")).live
        async with service_of(home) as other:
            with pytest.raises(ThreadBusy, match="being run"):
                await anext(other.resume("local", "t"))
        full = False

        async def given_back():
            while (await service.show("local", "t")).live:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)

        await safely(given_back())
        assert (await service.show("local", "t")).record.status == "interrupted"
