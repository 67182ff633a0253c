"""Checkpoints in SQLite: what the event loop does itself holds nobody up; pruning beside another process loses none."""

from __future__ import annotations

import asyncio
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from graphs import open_checkpointer
from graphs.persistence import sqlite_checkpoints
from graphs.persistence.sqlite_checkpoints import ThreadedSqliteSaver
from tests.doubles.oracle.filled import LATEST, put


async def store(saver: ThreadedSqliteSaver, thread: str) -> RunnableConfig:
    config: RunnableConfig = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    stored = await saver.aput(config, empty_checkpoint(), {}, {})
    await saver.aput_writes(stored, [("channel", "said")], "task")
    return stored


async def count(saver: ThreadedSqliteSaver) -> int:
    return len([each async for each in saver.alist(None)])


async def test_the_loop_goes_on_while_another_process_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    async with open_checkpointer(path) as saver:
        for n in range(3):  # the first ones are the worker's
            await store(saver, f"before-{n}")
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        first, second = asyncio.create_task(store(saver, "first")), asyncio.create_task(store(saver, "second"))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not first.done()
        other.rollback()
        other.close()
        for stored in (await first, await second):
            found = await saver.aget_tuple(stored)
            assert found is not None
            assert [value for _, _, value in found.pending_writes or ()] == ["said"]
        assert await count(saver) == 5


async def test_the_log_is_written_back_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    async with open_checkpointer(path) as saver:
        log = path.with_name("checkpoints.db-wal")
        sizes = []
        for n in range(5 * sqlite_checkpoints._AT_ONCE):
            await store(saver, f"thread-{n % 8}")
            sizes.append(log.stat().st_size)
        assert sum(after - before for before, after in pairwise(sizes[:100])) > 1_000_000
        assert max(sizes) < 6_000_000  # it would be twice as long
    assert path.stat().st_size > 0


async def test_what_is_cancelled_while_it_waits_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    async with open_checkpointer(path) as saver:
        await store(saver, "warm")
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(store(saver, "gone"))
        await asyncio.sleep(0)
        waiting.cancel()
        deleting = asyncio.create_task(saver.adelete_thread("gone"))
        await asyncio.sleep(0)
        other.rollback()
        other.close()
        await deleting
        assert await saver.aget_tuple({"configurable": {"thread_id": "gone"}}) is None
        assert await count(saver) == 1


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
