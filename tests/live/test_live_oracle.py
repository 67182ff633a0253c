"""Oracle Database as it is, on the way of docs/oracle.md: from an empty schema to an answer, and back.

`SIXPLANE_ORACLE__DSN=… SIXPLANE_ORACLE__USER=… pytest -m oracle tests/live/test_live_oracle.py`, with a password or a
token, runs it on any account with a schema of its own. It calls no paid model, and drops what it has made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from experience.corpora import open_corpora
from experience.database import open_schema
from experience.doctor.oracle import check_oracle
from experience.service import ResearchRequest, open_service
from settings import Settings, load_settings
from settings.connections.oracle_pool import open_oracle_pool
from state.channels import ResearchContext
from state.errors import DependencyUnavailable
from state.values import Status
from tests.conformance.planes import oracle_schema

pytestmark = [pytest.mark.oracle, pytest.mark.enable_socket, pytest.mark.timeout(900)]

DIMENSIONS = 384
"""Of the encoder that comes with Sixplane."""

SAMPLE = Path(__file__).resolve().parents[2] / "docs" / "sample"
QUESTION = "How are on-demand models priced, and when does the monthly budget refuse a request?"


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    async with oracle_schema(tmp_path / "home", DIMENSIONS):
        yield load_settings(home=tmp_path / "home", profile="oracle", models={"provider": "extractive"})


async def ingested(settings: Settings, tenant: str) -> int:
    """Ingest the sample handbook; return the number of passages."""
    async with open_corpora(settings, tenant, "ingest") as corpora:
        corpus = await corpora.create(tenant, "handbook")
        return (await corpus.ingest([SAMPLE])).passages


async def faults(settings: Settings, *, deep: bool = False) -> list[tuple[str, str]]:
    """Return what `sixplane doctor` finds wrong."""
    return [(check.name, check.detail) for check in await check_oracle(settings, deep=deep) if not check.ok]


async def test_from_an_empty_schema_to_an_answer(settings: Settings) -> None:
    assert await faults(settings) == []
    assert await ingested(settings, "local") > 0
    assert [name for name, _ in await faults(settings)] == ["oracle vector index"]  # it is built after the load
    async with open_schema(settings, DIMENSIONS) as schema:
        assert "built the vector index" in (await schema.optimize())[0]
        assert await schema.upgrade() == []
    assert await faults(settings, deep=True) == []
    request = ResearchRequest(question=QUESTION, thread_id="live", context=ResearchContext(corpus="handbook"))
    async with open_service(settings) as service:
        report = await service.run(request)
        again = await service.run(request.model_copy(update={"question": "And what is embedded?"}))
        shown = await service.show("local", "live")
    assert report.status in (Status.ANSWERED, Status.PARTIAL), report.events
    assert report.evidence
    assert len(shown.runs) == 2
    assert shown.report == again


async def test_a_tenant_finds_its_own_rows_and_as_many_as_it_asks_for(settings: Settings) -> None:
    for tenant in ("local", "other"):
        await ingested(settings, tenant)
    async with open_schema(settings, DIMENSIONS) as schema:
        await schema.optimize()
    found = {}
    async with open_corpora(settings, "local", "search") as corpora:
        for tenant in ("local", "other"):
            passages = await (await corpora.get(tenant, "handbook")).search(QUESTION, k=10)
            found[tenant] = {passage.evidence_id for passage in passages}
    assert [len(ids) for ids in found.values()] == [10, 10]
    assert not found["local"] & found["other"]


async def test_a_text_index_that_failed_is_mended(settings: Settings) -> None:
    index = f"{settings.oracle.table_prefix}_PASSAGES_TX"
    async with open_oracle_pool(settings) as pool, pool.acquire() as connection:
        await connection.execute(f"ALTER INDEX {index} UNUSABLE")
    assert "oracle indexes" in dict(await faults(settings))
    async with open_schema(settings, DIMENSIONS) as schema:
        with pytest.raises(DependencyUnavailable, match=index):
            await schema.check()
        await schema.upgrade()
    assert await faults(settings) == []
