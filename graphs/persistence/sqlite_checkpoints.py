"""Checkpoints in a SQLite file: upstream's synchronous saver, called where it costs least.

`AsyncSqliteSaver` switches between event loop and thread three or four times per operation, under one lock for the
whole process: with eight concurrent runs, each waits for the switches of the others (see `benchmarks/batch.py`). Here
the event loop itself reads and writes single checkpoints, which takes less time than one switch. Whatever would have to
wait, for another process or for the disk, is one job of a worker thread, as is all that touches many rows.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, aclosing, asynccontextmanager, closing, suppress
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
from settings.connections.scrubbing import truncate_log
from settings.connections.wal import copy_log, open_wal

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

_BEYOND = "SELECT 1 FROM checkpoints WHERE thread_id = ? LIMIT 1 OFFSET ?"

_SHORT = 40
"""How many checkpoints of a thread the event loop deletes itself. A chosen value: a run writes about twelve, of some
kilobytes each, and one of three rounds and three revisions about thirty."""

_PRIMARY = 0xFF
"""The bits of an error code of SQLite that say what kind of error it is."""

_UNCOPIED = 128
"""Number of operations after which the worker copies the log into the database, begins it anew, and waits for the disk
both times. Until it has, the event loop stores nothing itself. A chosen value: the log stays at a few megabytes."""

_MOST_PAGES = 4_000
"""Length of the log at which a write of the worker copies it, whatever was counted. A chosen value: 16 MB."""

Result = TypeVar("Result")


class ThreadedSqliteSaver(PrunedSaver, SqliteSaver):
    """`SqliteSaver` with an asynchronous interface. Use `open_checkpointer`. The synchronous methods work too.

    Args:
        conn: the worker's connection, which any thread may use (`check_same_thread=False`).
        at_once: the event loop's, which waits for no lock and does not write the log back; without it all is the
            worker's.
        serde: the serialiser.
    """

    def __init__(
        self,
        conn: sqlite3.Connection,
        at_once: sqlite3.Connection | None = None,
        *,
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(conn, serde=serde)
        self._at_once = None if at_once is None else SqliteSaver(at_once, serde=serde)
        if self._at_once is not None:
            self._at_once.is_setup = True  # as soon as this one is
        self._uncopied = _UNCOPIED  # what an earlier process has left is copied first
        self._queued: set[Future[Any]] = set()
        # One thread, so that operations of the connection never overlap, and run in the order of the calls.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that `config` names, or the latest one."""
        return await self._quickly(lambda saver: saver.get_tuple(config))

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
        return await self._quickly(lambda saver: saver.put(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store the writes of a task."""
        await self._quickly(lambda saver: saver.put_writes(config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread with all its checkpoints, from the write-ahead log too."""
        await self._in_worker(partial(self._delete, thread_id))

    def _delete(self, thread_id: str) -> None:
        self.delete_thread(thread_id)
        truncate_log(self.conn, "checkpoints.db")
        self._begin_log()

    async def _keep_latest(self, thread_id: str) -> None:
        def pruned(saver: SqliteSaver) -> bool:
            if is_short := _is_short(saver.conn, thread_id):
                ThreadedSqliteSaver._delete_older(saver, thread_id)
            return is_short

        if self._at_once is None or not await self._quickly(pruned):
            await self._in_worker(partial(self._delete_older, thread_id))

    def _delete_older(self: SqliteSaver, thread_id: str) -> None:
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
        if self._at_once is not None:
            self._at_once.conn.close()
        self.conn.close()

    def _page(
        self,
        config: RunnableConfig | None,
        filter: dict[str, Any] | None,  # noqa: A002 - fixed by LangGraph
        before: RunnableConfig | None,
        limit: int,
    ) -> Sequence[CheckpointTuple]:
        return tuple(self.list(config, filter=filter, before=before, limit=limit))

    async def _quickly(self, work: Callable[[SqliteSaver], Result]) -> Result:
        """Do something with a single checkpoint in the event loop, or in the worker if that would wait."""
        # Never before what waits in the worker: operations run in the order of the calls.
        if self._at_once is not None and self._uncopied < _UNCOPIED and not self._queued:
            try:
                result = work(self._at_once)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
                    raise
            else:
                self._uncopied += 1
                return result
        return await self._in_worker(partial(work, self))

    async def _in_worker(self, work: Callable[[], Result]) -> Result:
        job = self._worker.submit(self._counted, work)
        self._queued.add(job)
        job.add_done_callback(self._queued.discard)  # when it has ended, also if its caller was cancelled meanwhile
        return await asyncio.wrap_future(job)

    def _counted(self, work: Callable[[], Result]) -> Result:
        if self._at_once is not None and self._uncopied >= _UNCOPIED:
            with self.lock:
                copy_log(self.conn, BUSY_SECONDS)
            self._begin_log()
            self._uncopied = 0
        self._uncopied += 1
        return work()

    def _begin_log(self) -> None:
        """Write something, since the first write after a copy begins the log anew and waits for the disk."""
        # It only spares the event loop that wait: on a full disk, the operation itself tells of it, or still works.
        with self.lock, suppress(sqlite3.OperationalError):
            (version,) = self.conn.execute("PRAGMA user_version").fetchone()
            self.conn.execute(f"PRAGMA user_version={version:d}")


def _is_short(connection: sqlite3.Connection, thread_id: str) -> bool:
    """Return whether a thread has as few checkpoints as runs leave that are pruned when they end."""
    return connection.execute(_BEYOND, (thread_id, _SHORT)).fetchone() is None


@asynccontextmanager
async def open_checkpointer(path: Path, *, in_loop: bool = True) -> AsyncIterator[ThreadedSqliteSaver]:
    """Yield the checkpointer on the SQLite file at `path`. It loads only `checkpointed_types`.

    `in_loop`: whether the event loop may read and write single checkpoints itself; some hosts forbid it.

    Raises:
        sqlite3.DatabaseError: the file is damaged or cannot be read or written.
    """
    serde = JsonPlusSerializer(allowed_msgpack_modules=checkpointed_types())
    async with aclosing(await asyncio.to_thread(_opened, path, serde, in_loop=in_loop)) as saver:
        yield saver


def _opened(path: Path, serde: SerializerProtocol, *, in_loop: bool) -> ThreadedSqliteSaver:
    with ExitStack() as opened:
        connection = opened.enter_context(closing(open_wal(path, BUSY_SECONDS)))
        at_once = opened.enter_context(closing(open_wal(path, BUSY_SECONDS))) if in_loop else None
        if at_once is not None:
            at_once.executescript("PRAGMA wal_autocheckpoint=0; PRAGMA busy_timeout=0")
            connection.execute(f"PRAGMA wal_autocheckpoint={_MOST_PAGES}")
        saver = ThreadedSqliteSaver(connection, at_once, serde=serde)
        saver.setup()
        opened.pop_all()
    return saver
