"""Eight processes against one ledger, killed at random: the limit holds, and nothing reserved is given back.

`pytest -m oracle` runs the same against a ledger in Oracle Database.
"""

import asyncio
import json
import random
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway import Ledger
from gateway.ledger import tables as ledger_tables
from gateway.ledger.alerts import THRESHOLDS
from gateway.ledger.outbox import AlertOutbox
from observability import open_topic
from settings import load_settings
from settings.connections.sql import open_engine
from tests.conformance.planes import ORACLE, durable_plane
from tests.crash.ledger_victim import AMOUNT
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.session import local_session
from tests.doubles.processes import Forked

PROCESSES, CALLS, KILLS = 8, 200, 12
LIMIT = PROCESSES * CALLS * 65 // 2


class Victim:
    """One process, started again where it was killed."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder, self._number = folder, number
        self.log = folder / f"{number}.log"
        self.log.touch()
        self.start()

    def start(self) -> None:
        arguments = [self._folder / "home", self._number, len(self.ended()), CALLS, LIMIT, self.log]
        self.process = Forked("tests.crash.ledger_victim", *map(str, arguments))

    def ended(self) -> list[str]:
        return self.log.read_text().splitlines()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(params=["embedded", ORACLE])
def books(request, tmp_path):
    """Return a function that reads the ledger, as another process sees it."""
    with durable_plane(request.param, tmp_path / "home"):
        engine = open_engine(load_settings(home=tmp_path / "home"), "ledger.db")
        yield lambda query: _read(engine, query)
        engine.dispose()


@pytest.mark.slow
def test_no_crash_makes_the_limit_leak(books, tmp_path, monkeypatch):
    chance, kills, most = random.Random(4), 0, 0
    victims = [Victim(tmp_path, number) for number in range(PROCESSES)]
    while any(victim.process.poll() is None for victim in victims):
        time.sleep(0.05)
        most = max(most, held(books))
        running = [victim for victim in victims if victim.process.poll() is None and len(victim.ended()) > 5]
        if kills < KILLS and running and chance.random() < 0.3:
            victim = chance.choice(running)
            victim.kill()
            kills += 1
            victim.start()
    assert kills >= KILLS // 2
    assert [victim.process.wait() for victim in victims] == [0] * PROCESSES, victims[0].process.printed("stderr")
    ended = [line.split()[1] for victim in victims for line in victim.ended()]
    assert len(ended) == PROCESSES * CALLS
    assert 0.3 < ended.count("settled") / len(ended) < 0.8
    assert most <= LIMIT

    before = books(CALLS_MADE)
    dead = [row for row in before if row["state"] == "pending"]
    assert len(dead) <= kills
    asyncio.run(_afterwards(tmp_path, before, dead, monkeypatch))


async def _afterwards(folder, before, dead, monkeypatch):
    """The dead calls' leases have run out: charged in full; each threshold is on record and reaches a topic."""
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3_600)
    ledger = Ledger(load_settings(home=folder / "home", budgets={"tenant_micro_usd": LIMIT}))
    line = (await ledger.budget("local"))[0]
    settled = sum(row["cost"] for row in before if row["state"] != "pending")
    assert (line.spent, line.reserved) == (settled + AMOUNT * len(dead), 0)
    assert line.spent <= LIMIT
    monkeypatch.undo()
    recorded = [alert.threshold for alert in await ledger.alerts() if alert.kind == "tenant"]
    assert sorted(recorded) == list(THRESHOLDS)
    with LocalOCI() as oci:
        settings = load_settings(oci={"topic_id": "ocid1.onstopic.oc1..x", "notifications_endpoint": oci.url})
        assert await AlertOutbox(ledger, open_topic(settings, local_session(oci)).publish).flush() == 0
        sent = [json.loads(message["body"]) for message in oci.messages]
    assert sorted(alert["threshold"] for alert in sent) == list(THRESHOLDS)
    assert await ledger.pending_alerts() == []
    await ledger.aclose()


CALLS_MADE = sa.select(ledger_tables.calls.c.state, ledger_tables.calls.c.amount, ledger_tables.calls.c.cost)
SCOPES = ledger_tables.scopes.c
HELD = sa.select((SCOPES.spent + SCOPES.reserved).label("held")).where(SCOPES.scope.startswith('["tenant"'))


def held(books):
    """Return what the tenant has spent and reserved."""
    return max((row["held"] for row in books(HELD)), default=0)


def _read(engine, query):
    try:
        with engine.connect() as connection:
            return connection.execute(query).mappings().all()
    except sa.exc.OperationalError:  # the tables are being made
        return []
