"""Checkpoints and memory in SQLite: what the event loop does itself holds nobody up, and pruning loses nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from graphs import open_checkpointer
from graphs.persistence import sqlite_checkpoints, sqlite_store
from graphs.persistence.sqlite_checkpoints import ThreadedSqliteSaver
from graphs.persistence.sqlite_store import open_store
from tests.doubles.oracle.filled import LATEST, put

SPACE = ("local", "reports")


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
        for n in range(5 * sqlite_checkpoints._UNCOPIED):
            await store(saver, f"thread-{n % 8}")
            sizes.append(log.stat().st_size)
        assert sum(after - before for before, after in pairwise(sizes[:100])) > 1_000_000
        assert max(sizes) < 6_000_000  # it would be twice as long
    assert path.stat().st_size > 0


async def test_the_event_loop_never_begins_the_log_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_checkpoints, "_UNCOPIED", 10)
    path, log = tmp_path / "checkpoints.db", tmp_path / "checkpoints.db-wal"
    async with open_checkpointer(path) as saver:
        by_worker, begun = list[str](), set[bytes]()
        saver.conn.set_trace_callback(by_worker.append)

        async def done(work: Awaitable[Any]) -> Any:
            by_worker.clear()
            before = log.read_bytes()[16:24]  # the salt, which each beginning changes
            result = await work
            after = log.read_bytes()[16:24]
            assert by_worker or after == before
            begun.add(after)
            # The worker has written after each copy: otherwise the loop's next write would begin the log anew.
            if any("wal_checkpoint" in said for said in by_worker):
                assert after != before
            return result

        in_loop = 0
        for n in range(60):
            stored = await done(saver.aput(LATEST, {**empty_checkpoint(), "id": f"{n:06}"}, {}, {}))
            await done(saver.aput_writes(stored, [("channel", "said")], "task"))
            await done(saver.aget_tuple(stored))
            in_loop += not by_worker
            if n % 7 == 0:
                await done(saver.aprune(["t"]))
            if n % 20 == 0:
                await done(saver.adelete_thread("t"))
        assert in_loop > 30
        assert len(begun) > 5


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


@pytest.mark.parametrize("beyond", [0, 1])
async def test_the_loop_prunes_what_a_run_leaves_and_the_worker_what_is_more(tmp_path: Path, beyond: int) -> None:
    async with open_checkpointer(tmp_path / "checkpoints.db") as saver:
        for step in range(sqlite_checkpoints._SHORT + beyond):
            await put(saver, {"a": step}, step)
        by_worker = list[str]()
        saver.conn.set_trace_callback(by_worker.append)
        await saver.aprune(["t"])
        assert any("DELETE" in said for said in by_worker) == bool(beyond)
        assert await count(saver) == 1


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


async def test_the_loop_stores_single_values_and_a_thread_copies_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "_UNCOPIED", 3)
    log, by_worker, begun = tmp_path / "store.db-wal", list[bool](), set[bytes]()
    async with open_store(tmp_path / "store.db") as reports:
        said = list[str]()
        reports.conn.set_trace_callback(said.append)
        for number in range(10):
            before = log.read_bytes()[16:24]  # the salt, which each beginning of the log changes
            await reports.aput(SPACE, f"{number}", {"n": number})
            found = await reports.aget(SPACE, f"{number}")
            assert found is not None
            assert found.value == {"n": number}
            by_worker.append(bool(said))
            assert said or log.read_bytes()[16:24] == before
            begun.add(log.read_bytes()[16:24])
            said.clear()
    assert by_worker == [True, False, False, True, False, False, True, False, False, True]
    assert len(begun) == 4


async def test_while_another_process_writes_a_thread_waits(tmp_path: Path) -> None:
    async with open_store(tmp_path / "store.db") as reports:
        for number in range(2):
            await reports.aput(SPACE, "k", {"n": number})
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            reports.conn.set_trace_callback(lambda _: other.execute("ROLLBACK") if other.in_transaction else None)
            await reports.aput(SPACE, "k", {"n": 2})
        found = await reports.aget(SPACE, "k")
        assert found is not None
        assert found.value == {"n": 2}


async def test_what_waits_for_another_process_keeps_its_place(tmp_path: Path) -> None:
    async with open_store(tmp_path / "store.db") as reports:
        for number in range(2):
            await reports.aput(SPACE, "k", {"n": number})
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(reports.aput(SPACE, "k", {"n": 2}))
            for _ in range(20):
                await asyncio.sleep(0)
            other.execute("ROLLBACK")
        await reports.aput(SPACE, "k", {"n": 3})
        await waiting
        found = await reports.aget(SPACE, "k")
        assert found is not None
        assert found.value == {"n": 3}
