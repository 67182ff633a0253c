"""The simulation: replicas whose runs share one database. `benchmarks.scale` says what is simulated.

Each replica keeps all its places busy. A run is a chain of steps: work on the replica's one core, statements on the
database, and model calls, each between two transactions of the ledger. A transaction of the ledger locks the row of its
tenant until it commits, so that the calls of one tenant pass one after the other. All times are exponential.

What it leaves out: the memory and disks of the database, its other users, and failures. It finds the first thing that
saturates, and about where; it is no promise of a throughput.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

SEED = 18
WARM_UP = 20.0
"""Simulated seconds before those that are counted: the queues fill meanwhile."""

REPLICA_SECONDS, SHORTEST = 640.0, 20.0
"""How long is simulated: so many seconds divided by the replicas, and not less than the second figure."""

_BUSY = 0.85
"""From this share on, the table says that something saturates. A chosen value: beyond it, queues grow fast."""

Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Inputs:
    """The times of a run and what serves it; docs/scaling.md says where each figure comes from.

    Args:
        places: runs at once on a replica.
        tenants: how many tenants share the load evenly.
        calls: model calls of a run.
        call_seconds: of one model call.
        cpu_seconds: a run's own work on its replica.
        trips: round trips of a run to the database, without those of the ledger's calls.
        ledger_trips: round trips of one transaction of the ledger; `held_trips` of them hold the tenant's row.
        trip_seconds: a round trip on the network.
        statement_seconds: what a statement occupies of one core of the database.
        database_cores: cores of the database.
    """

    places: int = 8
    tenants: int = 1
    calls: int = 4
    call_seconds: float = 0.2
    cpu_seconds: float = 0.314
    trips: int = 105
    ledger_trips: int = 4
    held_trips: int = 3
    trip_seconds: float = 0.0005
    statement_seconds: float = 0.0002
    database_cores: int = 8


@dataclass(frozen=True)
class Found:
    """What a simulation found: runs a second, how busy each part was, and the median and 95th percentile of a run."""

    runs_per_second: float
    cpu_busy: float
    database_busy: float
    row_busy: float
    median_seconds: float
    p95_seconds: float

    @property
    def saturated(self) -> str:
        """The part that is the busiest, if it saturates; otherwise the places, which wait for models."""
        shares = {"the replicas' cores": self.cpu_busy, "the database": self.database_busy, "rows": self.row_busy}
        name, share = max(shares.items(), key=lambda each: each[1])
        named = {"rows": "the rows of tenants in the ledger"}.get(name, name)
        return named if share >= _BUSY else "places, which wait for models"


class Station:
    """A few servers with one queue; counts how long they were busy after the warm-up."""

    def __init__(self, world: World, servers: int) -> None:
        self._world, self.servers, self.busy = world, servers, 0.0
        self._resource = simpy.Resource(world.clock, servers)

    def serve(self, mean: float) -> Steps:
        """Wait for a server, and occupy it for a time with this mean."""
        with self._resource.request() as turn:
            yield turn
            yield from self.occupied(self._world.drawn(mean))

    def held(self, steps: Steps) -> Steps:
        """Wait for a server, and occupy it while the steps are made."""
        with self._resource.request() as turn:
            yield turn
            began = self._world.clock.now
            yield from steps
            self.busy += max(self._world.clock.now - max(began, self._world.warm_up), 0.0)

    def occupied(self, seconds: float) -> Steps:
        """Pass the time, and count it as busy."""
        began = self._world.clock.now
        yield self._world.clock.timeout(seconds)
        self.busy += max(self._world.clock.now - max(began, self._world.warm_up), 0.0)


@dataclass
class World:
    """The clock, the dice, and what was counted."""

    warm_up: float
    clock: simpy.Environment = field(default_factory=simpy.Environment)
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))
    ended: list[float] = field(default_factory=list)
    called: int = 0
    """Model calls that were settled. They tell the throughput: where a queue is long, whole runs end in waves."""

    def drawn(self, mean: float) -> float:
        """Return an exponential time."""
        return self.dice.expovariate(1.0 / mean) if mean > 0 else 0.0


class Cluster:
    """Replicas on one database."""

    def __init__(self, world: World, inputs: Inputs, replicas: int) -> None:
        self._world, self._inputs = world, inputs
        self.database = Station(world, inputs.database_cores)
        self.cores = [Station(world, 1) for _ in range(replicas)]
        self.rows = [Station(world, 1) for _ in range(inputs.tenants)]
        for place in range(replicas * inputs.places):
            world.clock.process(self._busy(self.cores[place % replicas], self.rows[place % inputs.tenants]))

    def _busy(self, core: Station, row: Station) -> Steps:
        """Make one run after the other, for ever."""
        while True:
            began = self._world.clock.now
            yield from self._run(core, row)
            if self._world.clock.now >= self._world.warm_up:
                self._world.ended.append(self._world.clock.now - began)

    def _run(self, core: Station, row: Station) -> Steps:
        given, parts = self._inputs, self._inputs.calls + 1
        for part in range(parts):
            yield from core.serve(given.cpu_seconds / parts)
            yield from self._statements(given.trips / parts)
            if part < given.calls:
                yield from self._ledger(row)
                yield self._world.clock.timeout(self._world.drawn(given.call_seconds))
                yield from self._ledger(row)
                self._world.called += self._world.clock.now >= self._world.warm_up

    def _ledger(self, row: Station) -> Steps:
        given = self._inputs
        yield from self._statements(given.ledger_trips - given.held_trips)
        yield from row.held(self._statements(given.held_trips))

    def _statements(self, number: float) -> Steps:
        """Send statements one after the other: drawn together, so that a run has some dozen events and not hundreds."""
        if number <= 0:
            return
        yield from self.database.serve(number * self._inputs.statement_seconds)
        if self._inputs.trip_seconds:
            yield self._world.clock.timeout(number * self._inputs.trip_seconds)


def simulated(inputs: Inputs, replicas: int) -> Found:
    """Return what `replicas` do on one database. The same arguments give the same result."""
    world, seconds = World(WARM_UP), max(REPLICA_SECONDS / replicas, SHORTEST)
    cluster = Cluster(world, inputs, replicas)
    world.clock.run(until=WARM_UP + seconds)
    taken = sorted(world.ended)
    return Found(
        runs_per_second=world.called / inputs.calls / seconds,
        cpu_busy=sum(core.busy for core in cluster.cores) / (seconds * replicas),
        database_busy=cluster.database.busy / (seconds * inputs.database_cores),
        row_busy=sum(row.busy for row in cluster.rows) / (seconds * inputs.tenants),
        median_seconds=taken[len(taken) // 2] if taken else 0.0,
        p95_seconds=taken[int(len(taken) * 0.95)] if taken else 0.0,
    )
