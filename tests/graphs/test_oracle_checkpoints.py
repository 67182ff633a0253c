"""`OracleCheckpointer` on a recording connection under the real package: types, pruning, statements, errors."""

from __future__ import annotations

import enum
import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.store.memory import InMemoryStore

from graphs.persistence import oracle_packing
from graphs.persistence.checkpointed import checkpointed_types
from graphs.persistence.oracle_checkpoints import (
    OracleCheckpointer,
    checkpoint_ddl,
    open_oracle_checkpointer,
)
from graphs.persistence.oracle_json import is_exact_json
from state.errors import DependencyUnavailable, SettingsInvalid
from state.values import Scores, Status
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.checkpoints import Checkpoints, through_json_column

CONFIG: Any = {"configurable": {"thread_id": "local/t", "checkpoint_ns": ""}}


class Colour(enum.StrEnum):
    RED = "red"


@pytest.fixture
def pool() -> RecordingPool:
    return RecordingPool()


async def put(saver: OracleCheckpointer, values: dict[str, Any], *, step: int = 0, **metadata: Any) -> Any:
    checkpoint = empty_checkpoint()
    checkpoint["id"] = f"{step:04d}"
    checkpoint["channel_values"] = dict(values)
    versions: Any = {name: f"{step:08d}.{name}" for name in values}
    checkpoint["channel_versions"] = dict(versions)
    return await saver.aput(CONFIG, checkpoint, {"source": "loop", "step": step, "parents": {}, **metadata}, versions)


def same(left: Any, right: Any) -> bool:
    """Equal, type by type; NaN is NaN and -0.0 is not 0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return math.copysign(1, left) == math.copysign(1, right) and (
            left == right or (left != left and right != right)
        )
    if isinstance(left, dict):
        return (
            list(map(type, left)) == list(map(type, right))
            and left.keys() == right.keys()
            and all(same(left[key], right[key]) for key in left)
        )
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


SERDE = JsonPlusSerializer(allowed_msgpack_modules=checkpointed_types())
DRIFTING = [2.0, -0.0, float("nan"), (1, 2), {1: "a"}, [2.0], {"a": (1,)}, Status.ANSWERED, Scores(fused=0.5)]


@pytest.mark.parametrize("value", [*DRIFTING, None, True, 7, "", "text", [], {}, [1, "a", None], {"a": [1]}], ids=repr)
async def test_a_value_comes_back_as_from_every_saver(pool: RecordingPool, value: Any) -> None:
    """As LangGraph's serialiser gives it back, also on SQLite: it alone makes lists of tuples."""
    expected = SERDE.loads_typed(SERDE.dumps_typed(value))
    Checkpoints(pool)
    async with open_oracle_checkpointer(pool, checkpointed_types()) as saver:
        await put(saver, {"a": value}, custom=value)
        found = await saver.aget_tuple(CONFIG)
    assert found is not None
    assert same(found.checkpoint["channel_values"]["a"], expected)
    assert same(found.metadata["custom"], expected)  # type: ignore[typeddict-item]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3) | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_what_stays_inline_survives_the_json_column_exactly(value: Any) -> None:
    if not is_exact_json(value):
        return
    back = OracleCheckpointer._coerce_decimals(through_json_column(value))
    assert same(back, value)


@pytest.mark.parametrize("value", [*DRIFTING, 10**38], ids=repr)
def test_what_drifts_is_not_inline(value: Any) -> None:
    assert not is_exact_json(value)
    assert not is_exact_json({"deep": [value]})


async def test_start_up_verifies_and_never_alters(pool: RecordingPool) -> None:
    Checkpoints(pool)
    async with open_oracle_checkpointer(pool, checkpointed_types()):
        pass
    assert [statement.text for statement in pool.statements] == ["SELECT MAX(v) FROM checkpoint_migrations"]


@pytest.mark.parametrize("version", [None, 0, 5, 7])
async def test_tables_of_another_version_are_told(pool: RecordingPool, version: Any) -> None:
    Checkpoints(pool, version=version)
    with pytest.raises(DependencyUnavailable, match="checkpoint tables") as caught:
        await open_oracle_checkpointer(pool, ()).__aenter__()
    assert "sixplane db" in caught.value.hint


async def test_pruning_keeps_the_latest_checkpoint_and_the_blobs_it_names(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle_packing, "SMALL_BYTES", 0)
    rows = Checkpoints(pool)
    async with open_oracle_checkpointer(pool, checkpointed_types()) as saver:
        for step in range(4):
            config = await put(saver, {"a": (step,), "b": 2.5 if step < 2 else 3.5}, step=step)
            await saver.aput_writes(config, [("a", (step,))], f"task-{step}")
        await saver.aprune(["local/t"])
        found = await saver.aget_tuple(CONFIG)
    assert found is not None
    assert found.checkpoint["channel_values"] == {"a": [3], "b": 3.5}
    assert (len(rows.checkpoints), len(rows.blobs), len(rows.writes)) == (1, 2, 1)
    with pytest.raises(ValueError, match="keep_latest"):
        await saver.aprune(["local/t"], strategy="some")


async def test_deleting_a_run_or_a_thread_leaves_the_others(pool: RecordingPool) -> None:
    rows = Checkpoints(pool)
    async with open_oracle_checkpointer(pool, checkpointed_types()) as saver:
        for step, run in enumerate(["one", "one", "two"]):
            await put(saver, {"a": 1}, step=step, run_id=run)
        await saver.adelete_for_runs(["one"])
        assert [row["metadata"]["run_id"] for row in rows.checkpoints.values()] == ["two"]
        await saver.adelete_thread("local/other")
        assert len(rows.checkpoints) == 1
        await saver.adelete_thread("local/t")
    assert not rows.checkpoints


HOSTILE = "x'); DROP TABLE checkpoints --"


async def test_no_statement_carries_a_value(pool: RecordingPool) -> None:
    Checkpoints(pool)
    config: Any = {"configurable": {"thread_id": HOSTILE, "checkpoint_ns": HOSTILE, "checkpoint_id": HOSTILE}}
    async with open_oracle_checkpointer(pool, ()) as saver:
        await saver.aput(
            config, {**empty_checkpoint(), "channel_values": {HOSTILE: (HOSTILE,)}}, {}, {HOSTILE: HOSTILE}
        )
        await saver.aput_writes(config, [(HOSTILE, HOSTILE)], HOSTILE, HOSTILE)
        await saver.aget_tuple(config)
        _ = [found async for found in saver.alist(config, filter={"source": HOSTILE}, limit=3)]
        await saver.aprune([HOSTILE])
        await saver.adelete_for_runs([HOSTILE])
        await saver.adelete_thread(HOSTILE)
    assert len(pool.statements) > 10
    assert not [
        statement.text for statement in pool.statements if "DROP TABLE" in statement.text or "x'" in statement.text
    ]


@pytest.mark.parametrize(
    ("code", "kind", "hint"),
    [
        ("ORA-00942", DependencyUnavailable, "sixplane db"),
        ("ORA-01031", DependencyUnavailable, "grants"),
        ("ORA-03113", DependencyUnavailable, "again"),
        ("ORA-00060", DependencyUnavailable, "again"),
        ("ORA-01017", SettingsInvalid, "PASSWORD"),
    ],
)
@pytest.mark.parametrize("statement", ["MERGE INTO checkpoints", "INSERT INTO checkpoint_writes", "SELECT thread_id"])
async def test_every_error_has_its_remedy(pool: RecordingPool, code: str, kind: Any, hint: str, statement: str) -> None:
    Checkpoints(pool)

    async def everything(saver: OracleCheckpointer) -> None:
        config = await put(saver, {"a": 1})
        await saver.aput_writes(config, [("a", 1)], "task")
        await saver.aget_tuple(CONFIG)

    async with open_oracle_checkpointer(pool, ()) as saver:
        pool.fail(statement, code, times=2)  # what was lost with its connection is stored once more
        with pytest.raises(kind) as caught:
            await everything(saver)
    assert code in caught.value.message
    assert hint in caught.value.hint


def test_the_ddl_is_upstream_s_own_and_marks_each_step() -> None:
    ddl = checkpoint_ddl()
    assert sum(statement.startswith("CREATE TABLE") for statement in ddl) == 4
    assert sum(statement.startswith("INSERT INTO checkpoint_migrations") for statement in ddl) == 7
    assert all(";" not in statement for statement in ddl)


async def test_the_research_graph_runs_and_goes_on_from_it(pool: RecordingPool, build: Any, ask: Any) -> None:
    """A run, then a second question on the same thread, with every checkpoint through the real saver."""
    rows = Checkpoints(pool)
    plain = build()
    async with open_oracle_checkpointer(pool, checkpointed_types()) as saver:
        graph = plain.builder.compile(checkpointer=saver, store=InMemoryStore())
        first = await ask(graph, "When did the Falcon project start?")
        second = await ask(graph, "What does Tariff A cost?")
    assert (first["status"], second["status"]) == ("answered", "answered")
    assert rows.checkpoints
    assert uuid.UUID(second["run_id"]) != uuid.UUID(first["run_id"])
