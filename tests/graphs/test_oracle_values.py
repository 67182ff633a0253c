"""Values of checkpoints go to Oracle Database as bytes, committed with their statement; stored ones stay."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from graphs.persistence.oracle_checkpoints import open_oracle_checkpointer
from graphs.persistence.oracle_values import LARGE_BYTES
from state.errors import DependencyUnavailable, SixplaneError
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.filled import LATEST, TYPES, put
from tests.doubles.oracle.persistence import OsonCheckpoints
from tests.doubles.oracle.recording import RecordingCursor

SMALL, LARGE = ("s",), ("x" * (LARGE_BYTES + 1),)


async def test_a_checkpoint_takes_one_round_trip_and_writes_of_a_task_one(pool: RecordingPool) -> None:
    OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        pool.trips.clear()
        stored = await put(saver, {"a": SMALL, "b": SMALL, "c": 1}, 1)
        assert (pool.trips.total(), pool.commits) == (1, 1)
        await saver.aput_writes(stored, [("a", SMALL), ("b", None)], "task")
        assert (pool.trips.total(), pool.commits) == (2, 2)
        found = await saver.aget_tuple(LATEST)
    assert found is not None
    assert found.checkpoint["channel_values"] == {"a": ["s"], "b": ["s"], "c": 1}
    assert found.pending_writes == [("task", "a", ["s"]), ("task", "b", None)]
    assert (pool.transactions, pool.held) == (0, 0)


async def test_a_large_value_goes_in_a_statement_of_its_own(pool: RecordingPool) -> None:
    OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        pool.trips.clear()
        stored = await put(saver, {"a": SMALL, "b": LARGE, "c": LARGE}, 1)
        await saver.aput_writes(stored, [("a", SMALL), ("b", LARGE)], "task")
        assert (pool.trips["statements"], pool.trips.total(), pool.commits) == (5, 5, 2)
        await saver.aput_writes(stored, [("b", LARGE)], "other")
        assert (pool.trips.total(), pool.commits) == (6, 3)
        found = await saver.aget_tuple(LATEST)
    assert found is not None
    assert found.checkpoint["channel_values"] == {"a": ["s"], "b": list(LARGE), "c": list(LARGE)}
    assert len(found.pending_writes or ()) == 3


async def test_rows_that_are_stored_already_stay_and_the_others_are_committed(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        stored = await put(saver, {"a": 1}, 1)
        await saver.aput_writes(stored, [("a", SMALL)], "task")
        taken = [SimpleNamespace(full_code="ORA-00001", code=1, message="", isrecoverable=False, offset=0)]
        monkeypatch.setattr(RecordingCursor, "getbatcherrors", lambda _: taken)
        commits = pool.trips["commits"]
        await saver.aput_writes(stored, [("a", ("t",)), ("b", SMALL)], "task")
        assert pool.trips["commits"] == commits + 1, "the statement commits only if all its rows are taken"
        found = await saver.aget_tuple(LATEST)
    assert found is not None
    assert found.pending_writes == [("task", "a", ["s"]), ("task", "b", ["s"])]


async def test_a_row_that_is_refused_for_another_reason_is_an_error_and_nothing_is_committed(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    OsonCheckpoints(pool)
    refused: Any = SimpleNamespace(full_code="ORA-01653", code=1653, message="ORA-01653: full", isrecoverable=False)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        stored = await put(saver, {"a": 1}, 1)
        commits = pool.commits
        monkeypatch.setattr(RecordingCursor, "getbatcherrors", lambda _: [refused])
        with pytest.raises(SixplaneError) as caught:
            await put(saver, {"a": LARGE}, 2, config=stored)
        assert pool.commits == commits
        assert "ORA-01653" in caught.value.message
        assert isinstance(caught.value, DependencyUnavailable)
