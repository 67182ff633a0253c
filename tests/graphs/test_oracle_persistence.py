"""Saver and store in Oracle Database, statement by statement and trap by trap; JSON by the driver's own codec.

`python -m tests.graphs.test_oracle_persistence` writes the golden file anew.
"""

from __future__ import annotations

import asyncio
import enum
import json
import re
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import assume, given
from hypothesis import strategies as st
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.store.base import ListNamespacesOp, PutOp
from langgraph.store.memory import InMemoryStore

from graphs.persistence.checkpointed import checkpointed_types
from graphs.persistence.oracle_checkpoints import (
    PACKED,
    OracleCheckpointer,
    checkpoint_ddl,
    checkpoint_drops,
    is_exact_json,
    open_oracle_checkpointer,
)
from graphs.persistence.oracle_store import PACKED as PACKED_TEXT
from graphs.persistence.oracle_store import open_oracle_store, store_ddl, store_drops
from state.errors import BadInput, SixplaneError
from state.values import Scores, Status
from tests.doubles.oracle import RecordingPool, Statement
from tests.doubles.oracle.oson import through_oson
from tests.doubles.oracle.persistence import (
    MARK,
    NOW,
    NUMBER,
    OsonCheckpoints,
    StoreRows,
    ask_saver,
    ask_store,
    conditions,
    plain,
)
from tests.graphs.test_oracle_checkpoints import same

GOLDEN = Path(__file__).parents[1] / "golden" / "oracle_persistence.sql.json"
TYPES = checkpointed_types()
SERDE = JsonPlusSerializer(allowed_msgpack_modules=TYPES)
LATEST: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
PARTS = {"saver": (open_oracle_checkpointer, (TYPES,), ask_saver), "store": (open_oracle_store, (), ask_store)}


class Foreign(enum.Enum):
    """A type that no channel holds."""

    RED = "red"


@pytest.fixture
def pool() -> RecordingPool:
    return filled()


def filled() -> RecordingPool:
    found = RecordingPool()
    OsonCheckpoints(found)
    StoreRows(found)
    return found


async def issued(pool: RecordingPool, part: str) -> list[Statement]:
    """Issue everything that one of the two can, and return it."""
    opening, more, ask = PARTS[part]
    async with opening(pool, *more) as opened:  # type: ignore[operator]
        await ask(opened)  # type: ignore[operator]
    return pool.statements


async def put(saver: OracleCheckpointer, values: dict[str, Any], step: int = 0, **more: Any) -> Any:
    """Put a checkpoint whose channels all have the version `step`."""
    versions: Any = more.pop("versions", None) or dict.fromkeys(values, f"{step:08d}.5")
    config = {**LATEST, **more.pop("config", {})}
    checkpoint: Any = {
        **empty_checkpoint(),
        "id": f"{step:04d}",
        "channel_values": values,
        "channel_versions": versions,
    }
    return await saver.aput(config, checkpoint, {"step": step, **more}, versions)  # type: ignore[typeddict-item]


# --- statements -------------------------------------------------------------------------------------------------------


async def recorded() -> dict[str, Any]:
    found: dict[str, Any] = {
        "ddl": [*checkpoint_ddl(), *store_ddl()],
        "drops": [*checkpoint_drops(), *store_drops()],
    }
    for part in PARTS:
        statements = await issued(filled(), part)
        found[part] = [{"sql": each.text, "binds": plain(each.binds), "array": each.many} for each in statements]
    return found


async def test_statements_and_binds_are_those_of_the_golden_file() -> None:
    wanted = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert wanted == json.loads(json.dumps(await recorded()))
    assert len(wanted["saver"]) > 20
    assert len(wanted["store"]) >= 8


@pytest.mark.parametrize("part", PARTS)
async def test_no_value_stands_in_a_statement(pool: RecordingPool, part: str) -> None:
    for statement in await issued(pool, part):
        for piece in ("x'", "DROP", "--", "100%", ":1 {", "{", str(NUMBER)):
            assert piece not in statement.text, statement.text
    assert any("DROP TABLE t" in str(statement.binds) for statement in pool.statements)


@pytest.mark.parametrize("part", PARTS)
async def test_every_bind_has_its_place_and_every_place_its_bind(pool: RecordingPool, part: str) -> None:
    for statement in await issued(pool, part):
        places = set(re.findall(r"(?<![\w']):(\w+)", statement.text))
        for row in statement.binds if statement.many else [statement.binds or {}]:
            names = {str(n) for n in range(1, len(row) + 1)} if isinstance(row, list) else set(row)
            assert names == places, statement.text


@pytest.mark.parametrize("part", PARTS)
async def test_every_statement_is_oracle_s_language(pool: RecordingPool, part: str) -> None:
    for text in {statement.text for statement in await issued(pool, part)}:
        parsed = sqlglot.parse_one(text.replace(":1", ":first"), read="oracle")
        assert not isinstance(parsed, sqlglot.exp.Command), text


def test_what_is_ours_of_the_ddl_is_oracle_s_language() -> None:
    ours = [text for text in (*checkpoint_ddl(), *store_ddl()) if text.startswith("INSERT")]
    for text in (*ours, *checkpoint_drops(), *store_drops()):
        assert not isinstance(sqlglot.parse_one(text.removesuffix(" PURGE"), read="oracle"), sqlglot.exp.Command), text
    assert len(ours) == 12


FAULTS = ["ORA-00060", "ORA-00942", "ORA-01031", "ORA-03113", "ORA-12170", "ORA-00001", "ORA-04031"]


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("part", PARTS)
async def test_a_fault_at_any_statement_is_told_with_its_remedy(part: str, code: str) -> None:
    for number, statement in enumerate(list(await issued(filled(), part))):
        if statement.text.endswith(":key AND ttl_minutes IS NOT NULL"):
            continue  # prolonging what a search found: upstream goes on without, and tells other errors alone
        pool = filled()
        commits = failing_at(pool, number, code)
        with pytest.raises(SixplaneError) as caught:
            await issued(pool, part)
        assert code in caught.value.message
        assert caught.value.hint
        assert pool.commits == commits[0], "nothing is committed after the fault"
        assert pool.held == 0


def failing_at(pool: RecordingPool, number: int, code: str) -> list[int]:
    """Fail the statement of this number; return how many commits there were then, once it failed."""
    commits: list[int] = []
    pool.fail("", code, 0)
    run = pool.script.run

    def counted(statement: Statement) -> Any:
        if len(pool.statements) == number:
            commits.append(pool.commits)
            pool.fail("", code)
        return run(statement)

    pool.script.run = counted  # type: ignore[method-assign]
    return commits


# --- types ------------------------------------------------------------------------------------------------------------

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
ODD = st.floats() | st.decimals(allow_nan=False) | st.binary(max_size=4) | st.sampled_from([Status.ANSWERED, 10**38])
VALUES = st.recursive(
    PLAIN | ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_what_stays_inline_survives_the_driver_s_codec_exactly(value: Any) -> None:
    if is_exact_json(value):
        assert same(OracleCheckpointer._coerce_decimals(through_oson(value)), value)


@pytest.mark.parametrize("key", ["k" * 256, "ü" * 128])
def test_a_name_too_long_for_a_field_is_not_inline(key: str) -> None:
    assert not is_exact_json({key: 1})
    assert is_exact_json({key[:-1]: 1})


@given(VALUES)
def test_channels_and_metadata_come_back_as_from_the_serialiser(value: Any) -> None:
    assume(widest(value) < 2**63)  # of more, the serialiser takes nothing, whatever the database
    expected = SERDE.loads_typed(SERDE.dumps_typed(value))
    found = asyncio.run(there_and_back(value))
    assert same(found.checkpoint["channel_values"]["a"], expected)
    assert same(found.metadata["of_caller"], expected)


def widest(value: Any) -> int:
    """Return the largest magnitude of an integer in `value`."""
    if isinstance(value, dict):
        return max(map(widest, [*value, *value.values()]), default=0)
    if isinstance(value, list | tuple):
        return max(map(widest, value), default=0)
    return abs(value) if isinstance(value, int) else 0


async def there_and_back(value: Any) -> Any:
    async with open_oracle_checkpointer(filled(), TYPES) as saver:
        await put(saver, {"a": value, "b": [Scores(fused=1.0)]}, of_caller=value)
        return await saver.aget_tuple(LATEST)


@pytest.mark.parametrize("value", [2.0, -0.0, float("nan"), float("inf"), 1e300, 7, True, "text"], ids=repr)
async def test_metadata_of_the_config_comes_back_too(pool: RecordingPool, value: Any) -> None:
    """LangGraph adds it to the checkpoint's own inside of upstream's `aput`."""
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, {"a": 1}, config={"metadata": {"of_config": value}})
        found = await saver.aget_tuple(LATEST)
    assert same(found.metadata["of_config"], value)  # type: ignore[typeddict-item, union-attr]


async def test_metadata_that_looks_packed_comes_back(pool: RecordingPool) -> None:
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, {"a": 1}, custom={PACKED: "mine"})
        found = await saver.aget_tuple(LATEST)
    assert found is not None
    assert found.metadata["custom"] == {PACKED: "mine"}  # type: ignore[typeddict-item]


async def test_only_types_that_channels_hold_are_made_again(pool: RecordingPool) -> None:
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, {"ours": Scores(fused=1.0), "foreign": Foreign.RED})
        found = await saver.aget_tuple(LATEST)
    assert found is not None
    assert found.checkpoint["channel_values"]["ours"] == Scores(fused=1.0)
    assert not isinstance(found.checkpoint["channel_values"]["foreign"], Foreign)


JSON_VALUES = st.dictionaries(
    st.text(max_size=5),
    st.recursive(PLAIN | st.floats(allow_nan=False), lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(), i)),
    max_size=3,
)


@given(JSON_VALUES)
def test_a_stored_value_comes_back_exactly_and_never_as_decimal(value: dict[str, Any]) -> None:
    async def there_and_back() -> Any:
        async with open_oracle_store(filled()) as store:
            await store.aput(("a",), "k", value)
            return await store.aget(("a",), "k")

    found = asyncio.run(there_and_back())
    assert same(found.value, value)


async def test_a_fraction_that_upstream_stored_stays_one(pool: RecordingPool) -> None:
    rows = StoreRows(pool)
    rows.items["a", "k"] = {"half": Decimal("2.5"), "two": Decimal(2)}
    async with open_oracle_store(pool) as store:
        found = await store.aget(("a",), "k")
    assert found is not None
    assert repr(found.value) == "{'half': 2.5, 'two': 2}"


async def test_a_stored_value_that_looks_packed_comes_back(pool: RecordingPool) -> None:
    async with open_oracle_store(pool) as store:
        await store.aput(("a",), "k", {PACKED_TEXT: 7, "b": 1})
        found = await store.aget(("a",), "k")
    assert found is not None
    assert found.value == {PACKED_TEXT: 7, "b": 1}


# --- the saver's traps ------------------------------------------------------------------------------------------------


async def test_listing_holds_no_connection_while_its_caller_works(pool: RecordingPool) -> None:
    """A caller that reads a checkpoint in its loop would wait for itself on a pool of one."""
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        for step in range(3):
            await put(saver, {"a": step}, step)
        held = [pool.held async for _ in saver.alist(LATEST)]
    assert held == [0, 0, 0]


@pytest.mark.parametrize("limit", ["1 ROWS ONLY; --", 1.5, True])
async def test_a_limit_is_a_whole_number(pool: RecordingPool, limit: Any) -> None:
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        with pytest.raises(BadInput, match="number of checkpoints"):
            _ = [each async for each in saver.alist(LATEST, limit=limit)]
    assert len(pool.statements) == 1


@pytest.mark.parametrize("moment", range(5))
async def test_what_a_run_writes_while_its_thread_is_pruned_stays(moment: int) -> None:
    pool = RecordingPool()
    rows = OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        for step in range(3):
            await put(saver, {"a": (step,), "b": float(step)}, step)
        before = len(pool.statements)
        other = RecordingPool()
        others = OsonCheckpoints(other)
        async with open_oracle_checkpointer(other, TYPES) as beside:
            await put(beside, {"a": (9,), "b": 9.5}, 9)
        run = pool.script.run

        def meanwhile(statement: Statement) -> Any:
            if len(pool.statements) == before + moment:
                rows.checkpoints.update(others.checkpoints)
                rows.blobs.update(others.blobs)
            return run(statement)

        pool.script.run = meanwhile  # type: ignore[method-assign]
        await saver.aprune(["t"])
        assert len(pool.statements) > before + moment
        found = await saver.aget_tuple(LATEST)
    assert found is not None
    assert found.checkpoint["channel_values"] == {"a": [9], "b": 9.5}


async def test_pruning_knows_versions_that_are_numbers(pool: RecordingPool) -> None:
    """The column of blobs holds text, the checkpoint a number."""
    rows = OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, {"a": (1,)}, versions={"a": 3})
        rows.blobs = {(*key[:3], str(key[3])): value for key, value in rows.blobs.items()}
        await saver.aprune(["t"])
        found = await saver.aget_tuple(LATEST)
    assert found is not None
    assert found.checkpoint["channel_values"] == {"a": [1]}


async def test_deleting_a_run_leaves_none_of_its_values_and_all_of_the_others(pool: RecordingPool) -> None:
    rows = OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, {"a": (1,), "b": 0.5}, 1, run_id="one")
        versions = {"a": "00000002.5", "b": "00000001.5"}
        await put(saver, {"a": (2,), "b": 0.5}, 2, run_id="two", versions=versions)
        await saver.adelete_for_runs(["one"])
        found = await saver.aget_tuple(LATEST)
        assert found is not None
        assert found.checkpoint["channel_values"] == {"a": [2], "b": 0.5}
        assert len(rows.blobs) == 2
        await saver.adelete_for_runs(["two"])
    assert (rows.checkpoints, rows.blobs) == ({}, {})


# --- the store's traps ------------------------------------------------------------------------------------------------

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


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(asyncio.run(recorded()), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
