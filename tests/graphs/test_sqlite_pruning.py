"""Pruning checkpoints in SQLite beside another process that goes on writing on the same thread."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphs import open_checkpointer
from tests.doubles.oracle.filled import LATEST, put


async def test_what_another_process_writes_while_its_thread_is_pruned_stays(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    async with open_checkpointer(path) as one, open_checkpointer(path) as other:
        for step in range(3):
            await put(one, {"a": step}, step)
        ahead = await put(other, {"a": 9}, 9)
        await one.aprune(["t"])
        await other.aput_writes(ahead, [("a", 10)], "task")
        await put(other, {"a": 11}, 11, config=ahead)
        assert [each.metadata["step"] async for each in one.alist(LATEST)] == [11, 9]
        await other.aprune(["t"])
        (left,) = [each async for each in one.alist(LATEST)]
        assert (left.checkpoint["channel_values"], left.pending_writes) == ({"a": 11}, [])


async def test_writes_that_come_after_their_checkpoint_was_removed_go_with_the_next_pruning(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path / "checkpoints.db") as saver:
        late = await put(saver, {"a": 1}, 1)
        await put(saver, {"a": 2}, 2)
        await saver.aprune(["t"])
        await saver.aput_writes(late, [("a", 1)], "task")
        await saver.aprune(["t"])
        assert saver.conn.execute("SELECT COUNT(*) FROM writes").fetchone() == (0,)


async def test_an_unknown_strategy_is_an_error(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path / "checkpoints.db") as saver:
        with pytest.raises(ValueError, match="keep_latest"):
            await saver.aprune(["t"], strategy="keep_none")
