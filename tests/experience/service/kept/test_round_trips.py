"""How many round trips to Oracle Database one run makes, of each kind; `docs/measurements.md` has the figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from experience.service import open_service
from tests.doubles.oracle.profile import QUESTION, oracle_settings, profile_pool
from tests.doubles.oracle.trips import SqlTrips
from tests.doubles.roles import scripted
from tests.experience.service.helpers import SLOW, ask

MOST = 116
"""Statements and commits."""

MOST_FETCHED = 22
"""Round trips that bring rows after their statement: those with LOBs, JSON or vectors, and of more than two rows."""


async def test_a_run_makes_few_round_trips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = SqlTrips()
    pool = profile_pool(monkeypatch, tables)
    request = ask(QUESTION, thread="t", corpus="default", model=SLOW)
    async with open_service(oracle_settings(tmp_path), gateway_models={SLOW: scripted()}) as service:
        await service.run(request)  # opens the corpora; only the second question is counted
        pool.trips.clear()
        tables.trips.clear()
        report = await service.run(request)
    assert report.status == "answered"
    counted = pool.trips + tables.trips
    fetched = counted.pop("fetches")
    assert set(counted) <= {"statements", "commits"}, "no temporary LOB, no ping, no needless rollback"
    assert counted.total() <= MOST, dict(counted)
    assert fetched <= MOST_FETCHED
