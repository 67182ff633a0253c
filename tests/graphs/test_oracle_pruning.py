"""Listing, pruning and deleting checkpoints in Oracle Database, beside runs that go on writing."""

from __future__ import annotations

from typing import Any

import pytest

from graphs.persistence import oracle_packing
from graphs.persistence.oracle_checkpoints import open_oracle_checkpointer
from state.errors import BadInput
from tests.doubles.oracle import RecordingPool, Statement
from tests.doubles.oracle.filled import LATEST, TYPES, put
from tests.doubles.oracle.persistence import OsonCheckpoints


@pytest.fixture(autouse=True)
def every_value_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that each has a row, which is pruned."""
    monkeypatch.setattr(oracle_packing, "SMALL_BYTES", 0)


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
