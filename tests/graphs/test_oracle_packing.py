"""Small values stand in the JSON of their checkpoints, and no value is ever lost between JSON and rows."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from graphs.persistence import oracle_packing
from graphs.persistence.oracle_checkpoints import OracleCheckpointer, open_oracle_checkpointer
from graphs.persistence.oracle_packing import MOST_THREADS, PACKED, SMALL_BYTES
from state.errors import DependencyUnavailable, OutcomeUnknown
from state.values import Scores
from tests.doubles.oracle import RecordingPool, Statement
from tests.doubles.oracle.errors import oracle_error
from tests.doubles.oracle.filled import LATEST, TYPES, put
from tests.doubles.oracle.persistence import OsonCheckpoints

SMALL, LARGE = ("s", 2.0), ("x" * (SMALL_BYTES + 1),)
VALUES = {"small": SMALL, "ours": Scores(fused=1.0), "large": LARGE, "plain": [1, "a"], "looks": {PACKED: ["a", "b"]}}
COME_BACK = {**VALUES, "small": [*SMALL], "large": [*LARGE]}  # the serialiser makes lists of tuples


async def values_of(saver: OracleCheckpointer) -> Any:
    found = await saver.aget_tuple(LATEST)
    assert found is not None
    return found.checkpoint["channel_values"]


async def listed(saver: OracleCheckpointer) -> Any:
    (found,) = [each.checkpoint["channel_values"] async for each in saver.alist(LATEST)]
    return found


async def pruned(saver: OracleCheckpointer) -> Any:
    await saver.aprune(["t"])
    return await values_of(saver)


async def test_small_values_stand_in_the_checkpoint_s_json(pool: RecordingPool) -> None:
    rows = OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, VALUES, 1)
        assert {key[2] for key in rows.blobs} == {"large"}
        assert await values_of(saver) == COME_BACK
        assert [found.checkpoint["channel_values"] async for found in saver.alist(LATEST)] == [COME_BACK]


async def test_what_did_not_change_is_in_the_next_checkpoint_too_whoever_writes_it(pool: RecordingPool) -> None:
    rows, versions = OsonCheckpoints(pool), dict.fromkeys(VALUES, "00000001.5")
    async with open_oracle_checkpointer(pool, TYPES) as saver, open_oracle_checkpointer(pool, TYPES) as other:
        await put(saver, VALUES, 1)
        for step, writer in ((2, saver), (3, other), (4, saver)):
            await put(writer, VALUES, step, versions=versions)
            assert await values_of(other) == COME_BACK
        assert len(rows.blobs) == 1


async def test_checkpoints_of_an_earlier_release_are_read_and_continued(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, versions = OsonCheckpoints(pool), dict.fromkeys(VALUES, "00000001.5")
    with monkeypatch.context() as earlier:
        earlier.setattr(oracle_packing, "SMALL_BYTES", -1)  # it stored each in a row of its own
        async with open_oracle_checkpointer(pool, TYPES) as saver:
            await put(saver, VALUES, 1)
    assert len(rows.blobs) == 4
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        assert await values_of(saver) == COME_BACK
        await put(saver, {**VALUES, "small": ("new",)}, 2, versions={**versions, "small": "00000002.5"})
        await saver.aprune(["t"])
        assert await values_of(saver) == {**COME_BACK, "small": ["new"]}


async def test_a_value_that_is_larger_when_it_is_serialised_anew_is_stored(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was small when its checkpoint was written, so there is no row; another process finds it large."""
    OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, VALUES, 1)
    monkeypatch.setattr(oracle_packing, "SMALL_BYTES", 1)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, VALUES, 2, versions=dict.fromkeys(VALUES, "00000001.5"))
        assert await values_of(saver) == COME_BACK


async def test_a_value_whose_checkpoint_was_not_stored_is_stored_with_the_next(pool: RecordingPool) -> None:
    OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        pool.fail("MERGE INTO checkpoints", "ORA-01653")
        with pytest.raises(DependencyUnavailable):
            await put(saver, VALUES, 1)
        await put(saver, VALUES, 2, versions=dict.fromkeys(VALUES, "00000001.5"))
        assert pool.statements[-2].text.startswith("INSERT INTO checkpoint_blobs")
        assert await values_of(saver) == COME_BACK


async def test_only_some_threads_are_remembered(pool: RecordingPool) -> None:
    OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        for number in range(MOST_THREADS + 5):
            of: Any = {"configurable": {"thread_id": f"t{number}", "checkpoint_ns": ""}}
            await put(saver, VALUES, 1, config=of)
        assert len(saver._packing._latest) == MOST_THREADS


@pytest.mark.parametrize("took_effect", [False, True])
@pytest.mark.parametrize("committing", ["MERGE INTO checkpoints", "INSERT INTO checkpoint_writes"])
async def test_what_a_lost_commit_may_have_stored_is_stored_once_more(
    pool: RecordingPool, committing: str, took_effect: bool
) -> None:
    """The connection breaks at the COMMIT, before the database has carried it out or after."""
    rows = OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        for times in (1, 2):
            left = break_at(pool, committing, times, took_effect=took_effect)
            with nullcontext() if times == 1 else pytest.raises(OutcomeUnknown, match="DPY-4011"):
                at = await put(saver, VALUES, times)
                await saver.aput_writes(at, [("small", SMALL)], "task")
            if times == 1:
                assert await values_of(saver) == COME_BACK
                assert (len(rows.checkpoints), len(rows.writes)) == (1, 1)
            assert (left, pool.held, pool.transactions) == ([0], 0, 0)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("reading", [values_of, listed, pruned], ids=lambda each: each.__name__)
async def test_what_begins_on_a_connection_that_is_gone_begins_once_more(
    pool: RecordingPool, reading: Any, times: int
) -> None:
    OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, VALUES, 1)
        pool.fail("^(SELECT|DELETE)", "DPY-4011", times)
        with nullcontext() if times == 1 else pytest.raises(DependencyUnavailable, match="DPY-4011"):
            assert await reading(saver) == COME_BACK
    assert (pool.held, pool.transactions) == (0, 0)


def break_at(pool: RecordingPool, pattern: str, times: int, *, took_effect: bool) -> list[int]:
    """Break the connection at the next `times` statements of a pattern, before or after they took effect."""
    run, left = pool.script.run, [times]

    def broken(statement: Statement) -> Any:
        if not left[0] or not statement.text.startswith(pattern):
            return run(statement)
        left[0] -= 1
        if took_effect:
            run(statement)
        raise oracle_error("DPY-4011")

    pool.script.run = broken  # type: ignore[method-assign]
    return left
