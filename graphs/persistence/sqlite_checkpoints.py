"""Checkpoints in a SQLite file: upstream's synchronous saver, with each operation as one job of a worker thread.

`AsyncSqliteSaver` switches between event loop and thread three or four times per operation, under one lock for the
whole process: with eight concurrent runs, each waits for the switches of the others (see `benchmarks/batch.py`).
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
from graphs.persistence.pruning import PrunedSaver
from settings.connections.scrubbing import SECURE_DELETE, truncate_log
from settings.connections.wal import use_wal

BUSY_SECONDS = 10
"""How long a write waits for another process's lock. A chosen value."""
_PAGE = 32
"""Number of checkpoints that a listing reads at once. A chosen value: the worker is free for other runs in between."""

_DELETE_OLDER = tuple(
    f"""DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id < (SELECT MAX(latest.checkpoint_id)
    FROM checkpoints AS latest WHERE latest.thread_id = {table}.thread_id
    AND latest.checkpoint_ns = {table}.checkpoint_ns)"""  # noqa: S608 - constants
    for table in ("writes", "checkpoints")
)

Result = TypeVar("Result")


class ThreadedSqliteSaver(PrunedSaver, SqliteSaver):
    """`SqliteSaver` with an asynchronous interface. Use `open_checkpointer`. The synchronous methods work too.

    Args:
        conn: a connection that any thread may use (`check_same_thread=False`).
        serde: the serialiser.
    """

    def __init__(self, conn: sqlite3.Connection, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(conn, serde=serde)
        # One thread, so that operations of the connection never overlap, and run in the order of the calls.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that `config` names, or the latest one."""
        return await self._in_worker(partial(self.get_tuple, config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - fixed by LangGraph
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, latest first."""
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
        """Store a checkpoint; return the configuration that names it."""
        return await self._in_worker(partial(self.put, config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store the writes of a task."""
        await self._in_worker(partial(self.put_writes, config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread with all its checkpoints, from the write-ahead log too."""
        await self._in_worker(partial(self.delete_thread, thread_id))
        await self._in_worker(partial(truncate_log, self.conn, "checkpoints.db"))

    async def _keep_latest(self, thread_id: str) -> None:
        await self._in_worker(partial(self._delete_older, thread_id))

    def _delete_older(self, thread_id: str) -> None:
        # In one transaction. Should it break off, older rows are left, which the next pruning deletes.
        with self.cursor() as cursor:
            for statement in _DELETE_OLDER:
                cursor.execute(statement, (thread_id,))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return the writes to `channels` that led to a checkpoint."""
        return await self._in_worker(partial(self.get_delta_channel_history, config=config, channels=channels))

    async def aclose(self) -> None:
        """Finish all operations, including those whose caller was cancelled, and close the connection."""
        await asyncio.to_thread(self._worker.shutdown)
        self.conn.close()

    def _page(
        self,
        config: RunnableConfig | None,
        filter: dict[str, Any] | None,  # noqa: A002 - fixed by LangGraph
        before: RunnableConfig | None,
        limit: int,
    ) -> Sequence[CheckpointTuple]:
        return tuple(self.list(config, filter=filter, before=before, limit=limit))

    async def _in_worker(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


@asynccontextmanager
async def open_checkpointer(path: Path) -> AsyncIterator[ThreadedSqliteSaver]:
    """Yield the checkpointer on the SQLite file at `path`. It loads only `checkpointed_types`.

    Raises:
        sqlite3.DatabaseError: the file is damaged or cannot be read or written.
    """
    connection = await asyncio.to_thread(sqlite3.connect, path, timeout=BUSY_SECONDS, check_same_thread=False)
    serde = JsonPlusSerializer(allowed_msgpack_modules=checkpointed_types())
    async with aclosing(ThreadedSqliteSaver(connection, serde=serde)) as saver:
        await asyncio.to_thread(_prepare, saver)
        yield saver


def _prepare(saver: SqliteSaver) -> None:
    use_wal(saver.conn, BUSY_SECONDS)  # before `setup`, which does not wait for others that open the file
    saver.conn.execute(SECURE_DELETE)
    saver.conn.execute("PRAGMA synchronous=NORMAL")  # with WAL, survives a killed process
    saver.setup()
