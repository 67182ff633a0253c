"""One suite for every store of memory, as we open it. `pytest -m oracle` runs it on a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore, ListNamespacesOp, PutOp
from langgraph.store.memory import InMemoryStore

from graphs.persistence.oracle_store import open_oracle_store
from graphs.persistence.sqlite_store import open_store
from settings.connections.oracle_pool import open_oracle_pool
from tests.conformance.planes import ORACLE, oracle_schema
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.persistence import conditions
from tests.doubles.oracle.store import StoreTable

SPACE = ("local", "reports")
HOSTILE = "x'); DROP TABLE store_novec -- 100%_ :1 {store}"


@pytest.fixture(params=["embedded", "played back", ORACLE])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BaseStore]:
    if request.param == "embedded":
        async with open_store(tmp_path / "store.db") as opened:
            yield opened
    elif request.param == "played back":
        pool = RecordingPool()
        StoreTable(pool)
        async with open_oracle_store(pool) as opened:
            yield opened
    else:
        async with (
            oracle_schema(tmp_path) as settings,
            open_oracle_pool(settings) as pool,
            open_oracle_store(pool) as opened,
        ):
            yield opened


async def test_a_value_is_put_read_replaced_and_deleted(store: BaseStore) -> None:
    assert await store.aget(SPACE, "k") is None
    await store.aput(SPACE, "k", {"n": 1})
    first = await store.aget(SPACE, "k")
    await store.aput(SPACE, "k", {"n": 2})
    second = await store.aget(SPACE, "k")
    assert first is not None
    assert second is not None
    assert (first.value, second.value) == ({"n": 1}, {"n": 2})
    assert (second.namespace, second.key, second.created_at) == (SPACE, "k", first.created_at)
    assert second.updated_at >= first.updated_at
    await store.adelete(SPACE, "k")
    await store.adelete(SPACE, "never there")
    assert await store.aget(SPACE, "k") is None


VALUES: list[dict[str, Any]] = [
    {"whole": 2.0, "half": 0.5, "tiny": 1e-300, "big": 2**62, "minus": -0.0},
    {"deep": {"list": [1, None, True, "x", {}, []]}, "empty": ""},
    {"text": "\N{PILE OF POO} \u0301 '\" \\ \n", "long": "ü" * 40_000},
    {HOSTILE: HOSTILE},
    {},
]


@pytest.mark.parametrize("value", VALUES, ids=["numbers", "nested", "texts", "hostile", "empty"])
async def test_a_value_comes_back_type_by_type(store: BaseStore, value: dict[str, Any]) -> None:
    await store.aput(SPACE, HOSTILE, value)
    found = await store.aget(SPACE, HOSTILE)
    assert found is not None
    assert repr(found.value) == repr(value)
    assert [item.value for item in await store.asearch(SPACE)] == [value]


async def test_a_search_stays_in_its_namespace_and_those_below(store: BaseStore) -> None:
    spaces = [("t1",), ("t1", "a"), ("t1", "a", "b"), ("t10",), ("t10", "a"), ("t_",), ("t%", "a"), ("T1", "a")]
    for space in spaces:
        await store.aput(space, "k", {"n": 1})
    for asked in (("t1",), ("t1", "a"), ("t_",), ("t%",)):
        found = {item.namespace for item in await store.asearch(asked)}
        assert found == {space for space in spaces if space[: len(asked)] == asked}
    assert len(await store.asearch(())) == len(spaces)


@pytest.mark.parametrize("page", [1, 3, 7, 50])
async def test_pages_hold_everything_once(store: BaseStore, page: int) -> None:
    for n in range(20):
        await store.aput(SPACE, f"k{n}", {"n": n})
        await store.aput(("local", "reportsx"), f"k{n}", {"n": -n})
    found = [item for offset in range(0, 20, page) for item in await store.asearch(SPACE, limit=page, offset=offset)]
    assert sorted(item.value["n"] for item in found) == list(range(20))


async def test_a_filter_is_equality_and_never_a_statement(store: BaseStore) -> None:
    for n, kind in enumerate(["x", "y", HOSTILE]):
        await store.aput(SPACE, f"k{n}", {"kind": kind, "n": n})
    for wanted, keys in (({"kind": "x"}, ["k0"]), ({"kind": HOSTILE}, ["k2"]), ({"kind": "z"}, []), ({"n": 1}, ["k1"])):
        assert [item.key for item in await store.asearch(SPACE, filter=wanted)] == keys
    assert [item.key for item in await store.asearch(SPACE, filter={"kind": "y", "n": 1})] == ["k1"]


SPACES = [("t1", "a"), ("t1", "b", "c"), ("t10", "a"), ("t1", "xa"), ("t_", "a"), ("b", "c"), ("t1",)]
ASKED: list[dict[str, Any]] = [
    {},
    {"match_conditions": conditions(("prefix", ("t1",)))},
    {"match_conditions": conditions(("suffix", ("a",)))},
    {"match_conditions": conditions(("prefix", ("t1",)), ("suffix", ("b", "c")))},
    {"match_conditions": conditions(("prefix", ("*", "a")))},
    {"match_conditions": conditions(("prefix", ("t1",))), "limit": 2, "offset": 1},
    {"max_depth": 1, "limit": 2},
]


@pytest.mark.parametrize("asked", ASKED, ids=repr)
async def test_namespaces_are_listed_as_in_memory(store: BaseStore, asked: dict[str, Any]) -> None:
    memory, op = InMemoryStore(), ListNamespacesOp(**asked)
    puts = [PutOp(space, "k", {"x": 1}) for space in SPACES]
    memory.batch(puts)
    await store.abatch(puts)
    assert await store.abatch([op]) == memory.batch([op])


async def test_many_at_once_disturb_each_other_nowhere(store: BaseStore) -> None:
    await asyncio.gather(*(store.aput((f"t{n}", "reports"), "k", {"n": n}) for n in range(30)))
    found = await asyncio.gather(*(store.aget((f"t{n}", "reports"), "k") for n in range(30)))
    assert [item and item.value for item in found] == [{"n": n} for n in range(30)]
    assert len(await store.asearch((), limit=100)) == 30
