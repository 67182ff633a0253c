"""Hybrid search by one call of a hybrid vector index: the same rows may be seen, and never fewer are returned."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import oracledb
import pytest

from retrieval.oracle.backend import OracleBackend
from tests.conformance.planes import Hashed, document, opened_plane, skip_without_oracle
from tests.doubles.oracle import RecordingConnection, RecordingPool
from tests.retrieval.oracle.scripted import backend


async def legs(pool: RecordingPool, depth: int = 2, **asked: Any) -> Any:
    given = {"query": "Apple?", "vector": [1, 2, 3], "where": {"kind": "x"}, "held": ("finance",), **asked}
    return await backend(pool, hybrid_search=True).legs(depth=depth, **given)


async def test_one_call_gives_both_legs_within_tenant_label_and_filter(pool: RecordingPool) -> None:
    found = await legs(pool)
    assert found.keyword == {12: 40.0, 11: 8.0}
    assert found.dense == {11: 0.75, 12: 0.5}
    (statement,) = pool.statements
    asked = statement.binds["asked"]
    assert asked["hybrid_index_name"] == "SIXPLANE_PASSAGES_TX"
    assert (asked["vector"], asked["text"]) == ({"search_text": "Apple?"}, {"contains": "{apple}"})
    assert (asked["search_fusion"], asked["return"]["topN"]) == ("UNION", 8)
    assert statement.types == {"asked": oracledb.DB_TYPE_JSON}
    assert {"tenant": "local", "corpus": "c", "w0": "x", "w1": "finance"}.items() <= statement.binds.items()
    for condition in ("d.tenant = :tenant", "d.corpus = :corpus", "d.superseded = 0", '"audience"', ":w0"):
        assert condition in statement.text.partition(" WHERE ")[2]


async def test_the_two_legs_rank_as_they_do_without_it(pool: RecordingPool) -> None:
    pool.answer(r"DBMS_HYBRID_VECTOR", [(11, 8, 0.25), (12, 40, None)])
    assert await legs(pool) == await backend(pool).legs("apple", [1, 2, 3], 2)


@pytest.mark.parametrize("rows", [[], [(11, 8, 0.25)], [(11, 8, 0.25), (12, 0, 0.5), (13, None, 0.5)]])
async def test_rows_of_others_among_the_best_cost_two_searches_and_no_row(pool: RecordingPool, rows: list[Any]) -> None:
    pool.answer(r"DBMS_HYBRID_VECTOR", rows)
    found = await legs(pool)
    assert (found.keyword, found.dense) == ({12: 40.0, 11: 8.0}, {11: 0.75, 12: 0.0})
    assert len(pool.statements) == 3


@pytest.mark.parametrize("asked", [{"query": None}, {"query": "?!"}, {"vector": None}])
async def test_a_search_of_one_kind_is_not_hybrid(pool: RecordingPool, asked: dict[str, Any]) -> None:
    await legs(pool, **asked)
    assert not [each for each in pool.statements if "DBMS_HYBRID_VECTOR" in each.text]


@pytest.mark.parametrize(("version", "calls"), [("23.5.0.24.7", 0), ("23.6.0.24.10", 1), ("23.26.0.0.0", 1)])
async def test_a_server_before_23_6_searches_twice(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch, version: str, calls: int
) -> None:
    monkeypatch.setattr(RecordingConnection, "version", version)
    found = await legs(pool)
    assert len(found.keyword) == 2
    assert sum("DBMS_HYBRID_VECTOR" in each.text for each in pool.statements) == calls


@pytest.mark.oracle
@pytest.mark.enable_socket
async def test_in_the_database_the_best_row_is_that_of_the_two_legs(tmp_path: Path) -> None:
    """Needs an ONNX model in the database: `SIXPLANE_ORACLE__EMBEDDING_MODEL` names it."""
    skip_without_oracle()
    model = os.environ.get("SIXPLANE_ORACLE__EMBEDDING_MODEL") or pytest.skip("no model in the database is named")
    async with opened_plane("oracle", tmp_path) as plane:
        corpora = plane.corpora()
        for tenant in ("local", "other"):
            corpus = await corpora.create(tenant, "c")
            await corpus.ingest(
                [document(f"{tenant}{n}", f"{word} of {tenant}") for n, word in enumerate(("apple", "pear"))]
            )
        prefix = plane.settings.oracle.table_prefix
        async with plane.pool.acquire() as connection:
            await connection.execute(f"DROP INDEX {prefix}_PASSAGES_TX")
            await connection.execute(
                f"CREATE HYBRID VECTOR INDEX {prefix}_PASSAGES_TX ON {prefix}_PASSAGES (search_text) "
                f"PARAMETERS ('MODEL {model} VECTOR_IDXTYPE IVF MAINTENANCE MANUAL SYNC (ON COMMIT)')"
            )
        vector = Hashed().embed_query("apple")
        oracle = plane.settings.oracle
        plain = await OracleBackend(plane.pool, oracle, "local", "c").legs("apple", vector, 1)
        together = OracleBackend(plane.pool, oracle.model_copy(update={"hybrid_search": True}), "local", "c")
        assert await together.legs("apple", vector, 1) == plain
        passages = await together.live([*plain.dense])
    assert [each.document_id for each in passages.values()] == ["local0"]
