"""`OracleStore` on a recording connection under the real package: namespaces, values, statements, errors."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from langgraph.store.base import ListNamespacesOp, MatchCondition, PutOp, SearchItem, SearchOp

from graphs.persistence.oracle_store import OracleStore, open_oracle_store, store_ddl
from state.errors import BadInput, DependencyUnavailable
from tests.doubles.oracle import RecordingPool, Statement
from tests.doubles.oracle.checkpoints import through_json_column

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


class Rows:
    """The table, played back; searches see it as upstream's LIKE does."""

    def __init__(self, pool: RecordingPool) -> None:
        self.items: dict[tuple[str, str], Any] = {}
        pool.answer(r"SELECT MAX\(v\) FROM store_migrations", [(4,)])
        pool.answer(r"MERGE INTO store_novec", self._put)
        pool.answer(r"^SELECT key, value, created_at, updated_at FROM store_novec", self._get)

    def _put(self, statement: Statement) -> list[Any]:
        binds = statement.binds
        self.items[binds["prefix"], binds["key"]] = through_json_column(binds["value"])
        return []

    def _get(self, statement: Statement) -> list[Any]:
        wanted = set(statement.binds.values() if isinstance(statement.binds, dict) else statement.binds)
        return [(key, value, NOW, NOW) for (prefix, key), value in self.items.items() if {prefix, key} <= wanted]


@pytest.fixture
def pool() -> RecordingPool:
    return RecordingPool()


async def test_start_up_verifies_and_never_alters(pool: RecordingPool) -> None:
    Rows(pool)
    async with open_oracle_store(pool):
        pass
    assert [statement.text for statement in pool.statements] == ["SELECT MAX(v) FROM store_migrations_novec"]


@pytest.mark.parametrize("version", [None, 3, 5])
async def test_tables_of_another_version_are_told(pool: RecordingPool, version: Any) -> None:
    pool.answer(r"SELECT MAX", [(version,)])
    with pytest.raises(DependencyUnavailable, match="store's tables") as caught:
        await open_oracle_store(pool).__aenter__()
    assert "sixplane db" in caught.value.hint


VALUES = [{"a": 2.0}, {"a": [1.5, -0.0]}, {"a": 7, "b": [True, None, "x"], "c": {}}, {"text": ""}, {"big": 10**30}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_a_value_comes_back_as_it_went(pool: RecordingPool, value: dict[str, Any]) -> None:
    Rows(pool)
    async with open_oracle_store(pool) as store:
        await store.aput(("tenant", "reports"), "key", value)
        found = await store.aget(("tenant", "reports"), "key")
    assert found is not None
    assert repr(found.value) == repr(value)
    assert not any(isinstance(each, Decimal) for each in found.value.values())


@pytest.mark.parametrize(("limit", "offset"), [(10, 0), (2, 0), (2, 1)])
async def test_a_search_never_leaves_its_namespace_and_never_under_returns(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch, limit: int, offset: int
) -> None:
    foreign = ["t10.reports"] * 9
    stored = [*foreign, "t1.reports", "t1x", "t1.reports", "t1"]
    store = OracleStore(pool)

    async def leaky(self: Any, ops: Any) -> Any:
        return [_page(stored, op) for op in ops]

    monkeypatch.setattr("langgraph_oracledb.store.oracle.aio.AsyncOracleStore.abatch", leaky)
    found: Any = (await store.abatch([SearchOp(("t1",), limit=limit, offset=offset)]))[0]
    expected = [("t1", "reports"), ("t1", "reports"), ("t1",)][offset : offset + limit]
    assert [item.namespace for item in found] == expected


def _page(stored: list[str], op: SearchOp) -> list[Any]:
    items = [SearchItem(tuple(name.split(".")), f"k{n}", {"n": Decimal(n)}, NOW, NOW) for n, name in enumerate(stored)]
    return items[op.offset : op.offset + op.limit]


async def test_listed_namespaces_match_label_by_label(monkeypatch: pytest.MonkeyPatch, pool: RecordingPool) -> None:
    async def leaky(self: Any, ops: Any) -> Any:
        return [[("t1", "a"), ("t10", "a"), ("tx1",)] for _ in ops]

    monkeypatch.setattr("langgraph_oracledb.store.oracle.aio.AsyncOracleStore.abatch", leaky)
    op = ListNamespacesOp(match_conditions=(MatchCondition("prefix", ("t1",)),))
    assert (await OracleStore(pool).abatch([op])) == [[("t1", "a")]]


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), "1 OR 1=1", True])
async def test_a_ttl_that_is_no_positive_number_never_reaches_a_statement(pool: RecordingPool, ttl: Any) -> None:
    with pytest.raises(BadInput, match="time to live"):
        await OracleStore(pool).abatch([PutOp(("a",), "k", {"x": 1}, ttl=ttl)])
    assert pool.statements == []


HOSTILE = "x'); DROP TABLE store --"


async def test_no_statement_carries_a_value(pool: RecordingPool) -> None:
    Rows(pool)
    async with open_oracle_store(pool) as store:
        await store.aput((HOSTILE,), HOSTILE, {HOSTILE: HOSTILE})
        await store.aget((HOSTILE,), HOSTILE)
        await store.adelete((HOSTILE,), HOSTILE)
    assert len(pool.statements) >= 4
    assert not [statement.text for statement in pool.statements if "DROP TABLE" in statement.text]


@pytest.mark.parametrize("code", ["ORA-00942", "ORA-03113", "ORA-01031"])
async def test_every_error_has_its_remedy(pool: RecordingPool, code: str) -> None:
    Rows(pool)
    async with open_oracle_store(pool) as store:
        pool.fail(r"MERGE INTO", code, 2)  # what was lost with its connection is stored once more
        with pytest.raises(DependencyUnavailable, match=code) as caught:
            await store.aput(("a",), "k", {"x": 1})
    assert caught.value.hint


def test_the_ddl_is_upstream_s_own_without_comments() -> None:
    ddl = store_ddl()
    assert [statement.split("(")[0].strip() for statement in ddl if statement.startswith("CREATE TABLE")] == [
        "CREATE TABLE IF NOT EXISTS store_migrations_novec",
        "CREATE TABLE IF NOT EXISTS store_novec",
        "CREATE TABLE IF NOT EXISTS store_configs",
    ]
    assert not [statement for statement in ddl if "--" in statement or "{" in statement or ";" in statement]
