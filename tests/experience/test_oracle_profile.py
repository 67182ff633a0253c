"""The oracle profile by configuration alone: a whole run whose corpus, checkpoints and store are Oracle's.

No database answers: the real packages run on a recording connection that plays rows back. Ledger and threads, which
SQLAlchemy would open on a synchronous connection, stand on SQLite here.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from docs.generate import ROOT
from experience.service import ResearchRequest, open_service
from policy.identity import ApiKeys
from retrieval.managed.kept import KeptPassages
from settings import Settings
from settings.connections.oracle_pool import pool_arguments
from state.channels import ResearchContext
from state.errors import DependencyUnavailable, ThreadMissing
from state.values import Status
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.profile import QUESTION, TEXTS, oracle_settings, profile_pool
from tests.doubles.oracle.trips import SqlTrips
from tests.doubles.roles import scripted


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> RecordingPool:
    return profile_pool(monkeypatch)


async def test_a_run_is_answered_from_oracle_s_rows(pool: RecordingPool, tmp_path: Any) -> None:
    request = ResearchRequest(
        question=QUESTION, thread_id="t", context=ResearchContext(corpus="default", model="scripted:m")
    )
    async with open_service(oracle_settings(tmp_path), gateway_models={"scripted:m": scripted()}) as service:
        report = await service.run(request)
        shown = await service.show("local", "t")
        with pytest.raises(ThreadMissing):
            await service.show("other", "t")
    assert report.status is Status.ANSWERED, report.events
    assert report.evidence[0].text == TEXTS[11]
    assert shown.report == report
    texts = [statement.text for statement in pool.statements]
    assert any("MERGE INTO checkpoints" in text for text in texts)
    assert any("MERGE INTO store_novec" in text for text in texts)
    assert any("CONTAINS" in text for text in texts)
    assert not [text for text in texts if QUESTION in text or "Falcon" in text]
    assert not [text for text in texts if text.startswith(("CREATE", "ALTER", "DROP"))]
    assert not list(tmp_path.glob("corpora/**/*.db"))
    assert not (tmp_path / "checkpoints.db").exists()


@pytest.mark.parametrize("broken", ["SELECT MAX\\(v\\) FROM checkpoint_migrations", "FROM store_migrations_novec"])
async def test_a_schema_that_is_not_deployed_is_told_before_a_run(
    pool: RecordingPool, tmp_path: Any, broken: str
) -> None:
    pool.fail(broken, "ORA-00942")
    with pytest.raises(DependencyUnavailable) as caught:
        await open_service(oracle_settings(tmp_path)).__aenter__()
    assert "sixplane db init" in caught.value.hint


async def test_a_lost_connection_in_a_run_ends_it_typed(pool: RecordingPool, tmp_path: Any) -> None:
    request = ResearchRequest(question=QUESTION, context=ResearchContext(corpus="default", model="scripted:m"))
    pool.fail(r"CONTAINS", "ORA-03113", 99)
    async with open_service(oracle_settings(tmp_path), gateway_models={"scripted:m": scripted()}) as service:
        report = await service.run(request)
    assert (report.status, report.stop_reason) == (Status.STOPPED, "retrieval_failed")


async def test_a_server_opens_at_most_the_sessions_that_the_documentation_states(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    pool, trips, pools, engines = profile_pool(monkeypatch), SqlTrips(), [], {}

    @asynccontextmanager
    async def opened(settings: Settings) -> Any:
        pools.append(pool_arguments(settings.oracle, "secret"))
        yield pool

    def engine(settings: Settings, name: str) -> sa.Engine:
        assert name not in engines
        engines[name] = trips.engine(settings, name)
        return engines[name]

    monkeypatch.setattr("settings.connections.oracle_pool.open_oracle_pool", opened)
    monkeypatch.setattr("settings.connections.sql.open_engine", engine)
    settings = oracle_settings(tmp_path)
    given = settings.oracle.model_copy(update={"dsn": "db:1521/x", "user": "app"})
    settings = settings.model_copy(update={"oracle": given})
    request = ResearchRequest(question=QUESTION, context=ResearchContext(corpus="default", model="scripted:m"))
    async with open_service(settings, gateway_models={"scripted:m": scripted()}) as service:
        await service.run(request)
        assert sorted(engines) == ["ledger.db", "threads.db"]
        assert await ApiKeys(settings).list() == []  # as a server does, and no other process
        assert await KeptPassages(settings).count("local", "default", "none") == 0  # with a managed source
    assert sorted(engines) == ["keys.db", "ledger.db", "sources.db", "threads.db"]
    bounds = [each["max"] for each in pools] + [each.pool.size() + each.pool._max_overflow for each in engines.values()]
    assert bounds == [settings.oracle.pool_max] * 5
    stated = f"at most 5 × `pool_max` sessions, {sum(bounds)} by default"
    assert stated in (ROOT / "docs" / "oracle.md").read_text(encoding="utf-8")
