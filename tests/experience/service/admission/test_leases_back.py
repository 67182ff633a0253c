"""A lease is given back as soon as that can be stored."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from experience.service.threads import table
from state.errors import StorageFull, ThreadBusy
from tests.doubles.waiting import until
from tests.experience.service.helpers import SLOW, ask, events_of, held_plan, service_of, until_started

NO_LIMIT = 2**31


class Room:
    """How many pages a database of SQLite may have. SQLite itself then says that the disk is full."""

    def __init__(self, engine):
        self.pages = NO_LIMIT
        sa.event.listen(engine, "begin", self._limit, insert=True)

    def _limit(self, connection):
        connection.connection.driver_connection.execute(f"PRAGMA max_page_count = {self.pages}")


async def test_the_lease_goes_back_as_soon_as_there_is_room(home, monkeypatch):
    monkeypatch.setattr(table, "AGAIN_SECONDS", 0.01)
    model = held_plan()
    async with service_of(home, model) as service:
        room = Room(service.kept._database._opened())
        events = service.stream(ask(thread="t", model=SLOW))
        await until_started(events, "researcher")
        room.pages = 1  # no page more than it has, so no room for the report
        model.release()
        with pytest.raises(StorageFull, match="the disk is full"):
            await events_of(events)
        assert (await service.show("local", "t")).live
        async with service_of(home) as other:
            with pytest.raises(ThreadBusy, match="being run"):
                await anext(other.resume("local", "t"))
        room.pages = NO_LIMIT

        async def given_back():
            return not (await service.show("local", "t")).live

        await until(given_back)
        shown = await service.show("local", "t")
        assert (shown.record.status, shown.report.status) == ("answered", "answered")
        assert (await service.run(ask(thread="t"))).status == "answered"
