"""Processes against one ledger, killed at random: the limit holds, nothing reserved is given back, no answer is lost.

On PostgreSQL, which has Oracle's isolation, their connections are cut too, and no transaction waits for one that waits
for it. `pytest -m oracle` runs the same against a ledger in Oracle Database.
"""

import asyncio
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway import Ledger
from gateway.ledger.alerts import THRESHOLDS
from gateway.ledger.outbox import AlertOutbox
from gateway.ledger.tables import calls, memo, scopes, totals
from observability import open_topic
from settings import load_settings
from settings.connections.sql import open_engine
from tests.conformance.planes import ORACLE, durable_plane
from tests.crash.ledger_victim import AMOUNT
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.session import local_session
from tests.doubles.processes import Forked


@dataclass(frozen=True)
class Size:
    """How many processes make how many calls each, how often one is killed, and the limit of them all."""

    processes: int
    calls: int
    kills: int

    @property
    def limit(self) -> int:
        """Half of what they would cost."""
        return self.processes * self.calls * 65 // 2


WHOLE, SMALL = Size(8, 200, 12), Size(3, 30, 3)


class Victim:
    """One process, started again where it was killed."""

    def __init__(self, folder: Path, number: int, size: Size) -> None:
        self._folder, self._number, self._size = folder, number, size
        self.log = folder / f"{number}.log"
        self.log.touch()
        self.start()

    def start(self) -> None:
        size = self._size
        arguments = [self._folder / "home", self._number, len(self.ended()), size.calls, size.limit, self.log]
        self.process = Forked("tests.crash.ledger_victim", *map(str, arguments))

    def ended(self) -> list[str]:
        return self.log.read_text().splitlines()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Books:
    """The ledger as another process sees it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def read(self, *queries):
        """Return the rows of each query, all as of one moment; nothing while the tables are being made."""
        try:
            with self._engine.connect().execution_options(**self._snapshot()) as connection:
                return [connection.execute(query).mappings().all() for query in queries]
        except sa.exc.OperationalError:
            return [[] for _ in queries]

    def cut_a_connection(self) -> None:
        """End one connection of another process, as a network or a restarted database would."""
        if self._engine.dialect.name == "postgresql":
            self.read(CUT)

    def deadlocks(self) -> int:
        """Return how many the server has broken since it was started, also where the ledger tried again."""
        if self._engine.dialect.name != "postgresql":
            return 0
        return int(self.read(DEADLOCKS)[0][0]["deadlocks"])

    def _snapshot(self):
        return {"isolation_level": "REPEATABLE READ"} if self._engine.dialect.name == "postgresql" else {}


SCOPES = scopes.c
HELD = sa.select((SCOPES.spent + SCOPES.reserved).label("held")).where(SCOPES.scope.startswith('["tenant"'))
CUT = sa.text(
    "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND query LIKE '%ledger_%' AND state <> 'idle' ORDER BY random() LIMIT 1) AS chosen"
)
DEADLOCKS = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


@pytest.fixture(
    params=[
        pytest.param(("embedded", WHOLE), marks=pytest.mark.slow, id="embedded"),
        pytest.param(("postgres", SMALL), id="postgres small"),
        pytest.param(("postgres", WHOLE), marks=pytest.mark.long, id="postgres"),
        pytest.param(("oracle", WHOLE), marks=[*ORACLE.marks, pytest.mark.slow], id="oracle"),
    ]
)
def books(request, tmp_path):
    """Return the books, and how much is done to them."""
    kind, size = request.param
    with durable_plane(kind, tmp_path / "home"):
        engine = open_engine(load_settings(home=tmp_path / "home"), "ledger.db")
        yield Books(engine), size
        engine.dispose()


def test_no_crash_makes_the_limit_leak(books, tmp_path, monkeypatch, record_property):
    books, size = books
    chance, kills, most, before = random.Random(4), 0, 0, books.deadlocks()
    victims = [Victim(tmp_path, number, size) for number in range(size.processes)]
    while any(victim.process.poll() is None for victim in victims):
        time.sleep(0.02)
        most = max([most, *(row["held"] for row in books.read(HELD)[0])])
        running = [victim for victim in victims if victim.process.poll() is None and len(victim.ended()) > 5]
        if kills < size.kills and running and chance.random() < 0.3:
            victim = chance.choice(running)
            victim.kill()
            kills += 1
            victim.start()
            books.cut_a_connection()
    assert kills >= size.kills // 2
    told = [victim.process.printed("stderr") for victim in victims]
    assert [victim.process.wait() for victim in victims] == [0] * size.processes, "\n".join(told)
    ended = [line.split() for victim in victims for line in victim.ended()]
    assert len(ended) == size.processes * size.calls
    settled = [key for _, how, key in ended if how == "settled"]
    assert 0.2 < len(settled) / len(ended) < 0.9
    assert most <= size.limit
    assert books.deadlocks() == before
    record_property("kills, calls settled, most held", [kills, len(settled), most])

    memoised = {row["call_key"]: row["answer"] for row in books.read(sa.select(memo))[0]}
    assert {key: memoised.get(key) for key in settled} == {key: key for key in settled}
    asyncio.run(_afterwards(tmp_path, books, size, monkeypatch))


async def _afterwards(folder, books, size, monkeypatch):
    """The dead calls' leases have run out: charged in full; each threshold is on record and reaches a topic."""
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3_600)
    ledger = Ledger(load_settings(home=folder / "home", budgets={"tenant_micro_usd": size.limit}))
    line = (await ledger.budget("local"))[0]
    assert line.spent <= size.limit
    one, many, kept = books.read(
        sa.select(calls.c.state, calls.c.cost, calls.c.amount), sa.select(totals.c.cost), sa.select(scopes)
    )
    assert line.spent == sum(row["cost"] for row in (*one, *many))
    assert {row["state"] for row in one} <= {"completed", "charged"}
    assert all(row["cost"] == row["amount"] == AMOUNT for row in one if row["state"] == "charged")
    spent = {}
    for row in kept:
        kind = json.loads(row["scope"])[0]
        spent[kind] = spent.get(kind, 0) + row["spent"]
    assert spent == dict.fromkeys(("run", "tenant", "month", "principal"), line.spent)
    assert {row["reserved"] for row in kept} == {0}
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
