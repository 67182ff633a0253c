"""Checkpoints in a SQLite file: upstream's saver, each operation one job of one worker thread.

`AsyncSqliteSaver` crosses between loop and thread three or four times for each operation, under one lock for all runs
of the process: with eight runs at once each waits for the others' crossings (`benchmarks/batch.py`).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from graphs.persistence.checkpointed import checkpointed_types

BUSY_SECONDS = 10
_PAGE = 32
"""Checkpoints that a listing reads at once."""

Result = TypeVar("Result")


class ThreadedSqliteSaver(SqliteSaver):
    """`SqliteSaver` with its asynchronous interface. Opened by `open_checkpointer`; the synchronous methods work too.

    Args:
        conn: one that any thread may use (`check_same_thread=False`).
        serde: turns values into bytes and back.
    """

    def __init__(self, conn: sqlite3.Connection, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(conn, serde=serde)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, the latest where `config` names none."""
        return await self._in_worker(partial(self.get_tuple, config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the interface
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, the latest first."""
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            page = await self._in_worker(partial(self._page, config, filter, before, size))
            for found in page:
                yield found
            if len(page) < size:
                return
            before, left = page[-1].config, None if left is None else left - size

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint; return the configuration that names it."""
        return await self._in_worker(partial(self.put, config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep what a task wrote after a checkpoint."""
        await self._in_worker(partial(self.put_writes, config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread with all its checkpoints."""
        await self._in_worker(partial(self.delete_thread, thread_id))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return what was written to `channels` on the way to a checkpoint."""
        return await self._in_worker(partial(self.get_delta_channel_history, config=config, channels=channels))

    async def aclose(self) -> None:
        """Finish what was asked for, also what nobody waits for any more, and close the connection."""
        await asyncio.to_thread(self._worker.shutdown)
        self.conn.close()

    def _page(
        self,
        config: RunnableConfig | None,
        filter: dict[str, Any] | None,  # noqa: A002 - the interface
        before: RunnableConfig | None,
        limit: int,
    ) -> Sequence[CheckpointTuple]:
        return tuple(self.list(config, filter=filter, before=before, limit=limit))

    async def _in_worker(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


@asynccontextmanager
async def open_checkpointer(path: Path) -> AsyncIterator[ThreadedSqliteSaver]:
    """Yield the checkpointer on the SQLite file at `path`, strict about the types that it brings back.

    Raises:
        sqlite3.DatabaseError: the file is damaged or cannot be read or written.
    """
    connection = await asyncio.to_thread(sqlite3.connect, path, timeout=BUSY_SECONDS, check_same_thread=False)
    serde = JsonPlusSerializer(allowed_msgpack_modules=checkpointed_types())
    async with aclosing(ThreadedSqliteSaver(connection, serde=serde)) as saver:
        await asyncio.to_thread(_prepare, saver)
        yield saver


def _prepare(saver: SqliteSaver) -> None:
    saver.conn.execute("PRAGMA synchronous=NORMAL")  # as ledger and threads: it outlives a killed process
    saver.setup()
