"""The store in Oracle Database: namespaces, expiry, long values, and operations that share a batch."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.store.base import ListNamespacesOp, PutOp
from langgraph.store.memory import InMemoryStore

from graphs.persistence.oracle_store import open_oracle_store
from state.errors import BadInput
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.filled import filled
from tests.doubles.oracle.persistence import (
    MARK,
    NOW,
    StoreRows,
    conditions,
)

LABELS = st.lists(st.text("t1_%!\\0T", min_size=1, max_size=4), min_size=1, max_size=3).map(tuple)


@given(LABELS, st.lists(LABELS, max_size=6))
def test_the_statement_itself_finds_one_namespace_and_what_is_below(
    prefix: tuple[str, ...], others: list[tuple[str, ...]]
) -> None:
    """Foreign rows are not fetched and then dropped: reading prolongs what a statement found."""
    stored = {*others, prefix, (*prefix, "below"), (prefix[0] + "0", *prefix[1:]), (*prefix[:-1], prefix[-1] + "x")}
    pool = filled()
    asyncio.run(search(pool, prefix))
    statement = next(each for each in pool.statements if each.text.startswith("SELECT st.prefix"))
    found = re.search(r"WHERE (.*?:ns.*?\)|st\.prefix LIKE :\w+) ", statement.text)
    assert found is not None
    assert matching(found.group(1), statement.binds, stored) == {
        name for name in stored if name[: len(prefix)] == prefix
    }


async def search(pool: RecordingPool, prefix: tuple[str, ...]) -> list[Any]:
    async with open_oracle_store(pool) as store:
        return await store.asearch(prefix)


def matching(condition: str, binds: dict[str, Any], names: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Return the names for which SQL's LIKE, as SQLite has it too, holds."""
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA case_sensitive_like = ON")
    connection.execute("CREATE TABLE st (prefix TEXT)")
    connection.executemany("INSERT INTO st VALUES (?)", [(".".join(name),) for name in names])
    used = {name: binds[name] for name in re.findall(r":(\w+)", condition)}
    rows = connection.execute(f"SELECT prefix FROM st WHERE {condition}", used).fetchall()
    return {tuple(row[0].split(".")) for row in rows}


async def test_what_has_expired_is_neither_read_nor_prolonged(pool: RecordingPool) -> None:
    live = re.compile(r"\((st\.)?expires_at IS NULL OR (st\.)?expires_at > CURRENT_TIMESTAMP\)")
    async with open_oracle_store(pool) as store:
        await store.aget(("a",), "k")
        await store.asearch(("a",), filter={"kind": "x"})
        await store.alist_namespaces()
    update, *reads = pool.statements[1:]
    assert update.text.startswith("UPDATE store_novec SET expires_at")
    assert [bool(live.search(each.text)) for each in (update, *reads)] == [True] * 4


SPACES = [("t1", "a"), ("t1", "b", "c"), ("t10", "a"), ("t1", "xa"), ("t_", "a"), ("b", "c"), ("t1",)]
ASKED = [
    {"match_conditions": conditions(("prefix", ("t1",)))},
    {"match_conditions": conditions(("suffix", ("a",)))},
    {"match_conditions": conditions(("prefix", ("t1",)), ("suffix", ("b", "c")))},
    {"match_conditions": conditions(("prefix", ("*", "a")))},
    {"match_conditions": conditions(("prefix", ("t1", "b", "c"))), "max_depth": 2},
    {"match_conditions": conditions(("suffix", ("c",))), "max_depth": 1},
    {"match_conditions": conditions(("prefix", ("t1",))), "limit": 2, "offset": 1},
    {"max_depth": 1, "limit": 2},
]


@pytest.mark.parametrize("asked", ASKED, ids=repr)
async def test_namespaces_are_listed_as_every_store_does(pool: RecordingPool, asked: dict[str, Any]) -> None:
    op = ListNamespacesOp(**asked)
    memory = InMemoryStore()
    memory.batch([PutOp(space, "k", {"x": 1}) for space in SPACES])
    pool.answer(r"truncated_prefix", lambda _: [(".".join(space),) for space in SPACES])
    pool.answer(r"^WITH per_row", lambda _: pytest.fail("upstream's statement, whose LIMIT counts foreign namespaces"))
    async with open_oracle_store(pool) as store:
        assert await store.abatch([op]) == memory.batch([op])


@pytest.mark.parametrize(
    "value", [{"text": "x" * 40_000}, {"text": "x" * 40_000, "half": 0.5}], ids=["plain", "packed"]
)
async def test_a_long_value_is_bound_as_json_and_not_as_text(pool: RecordingPool, value: dict[str, Any]) -> None:
    """Text of more than 4,000 bytes does not pass through `SELECT :value FROM DUAL` (ORA-01461)."""
    async with open_oracle_store(pool) as store:
        await store.aput(("a",), "k", value)
        found = await store.aget(("a",), "k")
    merge = next(each for each in pool.statements if each.text.startswith("MERGE"))
    assert isinstance(merge.binds["value"], dict)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(("value", "ttl"), [({"x": 1}, -1), ({"x": {1, 2}}, None)], ids=["ttl", "value"])
async def test_one_bad_put_does_not_fail_what_others_ask_at_the_same_moment(
    pool: RecordingPool, value: dict[str, Any], ttl: Any
) -> None:
    async with open_oracle_store(pool) as store:
        asked = [store.aput(("a",), "good", {"x": 1}), store.aput(("a",), "bad", value, ttl=ttl)]
        good, bad = await asyncio.gather(*asked, return_exceptions=True)
        found = await store.aget(("a",), "good")
    assert (good, type(bad)) == (None, BadInput)
    assert found is not None
    assert found.created_at == NOW


async def test_a_hit_of_another_namespace_is_dropped_whatever_the_statement_found(pool: RecordingPool) -> None:
    rows = StoreRows(pool)
    rows.items.update({("t10", "k"): {"x": 1}, ("t1.a", "k"): {"x": 2}, ("t1", "k"): {"x": 3}})
    found = await search(pool, ("t1",))
    assert [item.namespace for item in found] == [("t1", "a"), ("t1",)]
    assert MARK not in str(found)
