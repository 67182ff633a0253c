"""`AsyncOracleSaver` with corrections: values keep their types, start-up changes no tables, and pruning and deletion by
run, which upstream does not implement, work.

Upstream (langgraph-oracledb) stores every JSON-compatible value in a JSON column: a float 2.0 is read as the integer 2,
a tuple as a list, an enum as its text, and NaN fails. Here only values that survive that column exactly are stored in
it; all others go through the serialiser.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import oracledb
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph_oracledb.checkpoint.oracle.aio import AsyncOracleSaver

from graphs.persistence.oracle_migrations import marks, verify_version
from graphs.persistence.oracle_packing import Packing
from graphs.persistence.oracle_values import INSERT_BLOBS, INSERT_WRITES, Row, insert_new, not_null
from graphs.persistence.pruning import PrunedSaver
from settings.connections.oracle_errors import again_if_lost
from settings.connections.sparing import committing
from settings.pools import CPU
from state.errors import BadInput

_JOURNAL = "checkpoint_migrations"
_BLOBS = "SELECT checkpoint_ns, channel, version FROM checkpoint_blobs WHERE thread_id = :thread_id"
_REMAINING = "SELECT checkpoint_ns, checkpoint FROM checkpoints WHERE thread_id = :thread_id"
_DELETE_BLOB = """DELETE FROM checkpoint_blobs WHERE thread_id = :thread_id AND checkpoint_ns = :ns
    AND channel = :channel AND version = :version"""
_DELETE_OLDER = tuple(
    f"""DELETE FROM {table} older WHERE older.thread_id = :thread_id AND older.checkpoint_id <
    (SELECT MAX(latest.checkpoint_id) FROM checkpoints latest WHERE latest.thread_id = older.thread_id
    AND latest.checkpoint_ns = older.checkpoint_ns)"""  # noqa: S608
    for table in ("checkpoint_writes", "checkpoints")
)
_OF_RUN = """SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints
    WHERE JSON_VALUE(metadata, '$.run_id') = :run_id"""
_DELETE_ONE = tuple(
    f"DELETE FROM {table} WHERE thread_id = :thread_id AND checkpoint_ns = :ns AND checkpoint_id = :id"  # noqa: S608
    for table in ("checkpoints", "checkpoint_writes")
)


class OracleCheckpointer(PrunedSaver, AsyncOracleSaver):
    """The checkpointer on Oracle Database 23ai or later.

    It needs a pool: on one connection, concurrent puts would share one transaction.
    """

    def __init__(self, pool: oracledb.AsyncConnectionPool, serde: SerializerProtocol) -> None:
        super().__init__(pool, serde=serde)
        self._packing = Packing(self.serde)

    async def setup(self) -> None:
        """Check that the tables exist; `sixplane db init` creates them.

        Raises:
            DependencyUnavailable: the tables are missing or have another version.
        """
        await verify_version(self._cursor(), _JOURNAL, len(self.MIGRATIONS), whose="the checkpoint")

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that `config` names, or the latest one."""
        read = super().aget_tuple
        found: CheckpointTuple | None = await again_if_lost(lambda: read(config))
        return None if found is None else self._unpacked(found)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  (fixed by LangGraph)
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, latest first.

        Raises:
            BadInput: `limit` is not an integer. Upstream inserts it into its SQL without a check.
        """
        if limit is not None and type(limit) is not int:
            raise BadInput(f"{limit!r} is not a number of checkpoints", hint="use a whole number")
        # All at once: upstream holds its connection until the caller has read the last checkpoint. A caller that reads
        # from the same pool inside its loop would wait for itself.
        listed = super().alist

        async def read() -> list[CheckpointTuple]:
            return [found async for found in listed(config, filter=filter, before=before, limit=limit)]

        for found in await again_if_lost(read):
            yield self._unpacked(found)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint with its metadata, in one transaction: of one round trip, or two with large values."""
        of, values = config["configurable"], checkpoint["channel_values"]
        thread_id, namespace = of["thread_id"], self._encode_checkpoint_ns(of.get("checkpoint_ns", ""))
        versions = {**checkpoint.get("channel_versions", {}), **new_versions}
        split = await CPU.run(self._packing.split, (thread_id, namespace), values, versions, self._is_large)
        row = {
            "thread_id": thread_id,
            "checkpoint_ns": namespace,
            "checkpoint_id": checkpoint["id"],
            "parent_checkpoint_id": of.get("checkpoint_id"),
            "checkpoint": {**checkpoint, "channel_values": split.inside, "channel_versions": versions},
            "metadata": self._packed_metadata(config, metadata),
        }
        await self._stored(lambda cursor: self._put(cursor, row, split.rows))
        self._packing.stored((thread_id, namespace), split)
        stored = {
            "thread_id": thread_id,
            "checkpoint_ns": of.get("checkpoint_ns", ""),
            "checkpoint_id": checkpoint["id"],
        }
        return {"configurable": stored}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store the writes of a task, in one round trip unless there are large ones."""
        if not writes or all(channel in WRITES_IDX_MAP for channel, _ in writes):
            put = super().aput_writes  # errors and interrupts replace earlier ones
            await again_if_lost(lambda: put(config, writes, task_id, task_path), committing=True)
            return
        of = config["configurable"]
        names = (of["thread_id"], self._encode_checkpoint_ns(of.get("checkpoint_ns", "")), of["checkpoint_id"])
        # `Any`: upstream annotates its dictionaries as tuples.
        rows: Any = await CPU.run(self._dump_writes, *names, task_id, self._encode_task_path(task_path), writes)
        await self._stored(
            lambda cursor: insert_new(cursor, INSERT_WRITES, [not_null(row) for row in rows], commit=True)
        )

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread with all its checkpoints."""
        delete = super().adelete_thread
        await again_if_lost(lambda: delete(thread_id), committing=True)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of runs, with their writes and blobs. The `run_id` of the metadata identifies them."""

        async def delete(cursor: Any) -> None:
            for run_id in run_ids:
                await cursor.execute(_OF_RUN, {"run_id": str(run_id)})
                rows = [dict(zip(("thread_id", "ns", "id"), row, strict=True)) for row in await cursor.fetchall()]
                for statement in _DELETE_ONE if rows else ():
                    await cursor.executemany(statement, rows)
                for thread_id in sorted({row["thread_id"] for row in rows}):
                    await _delete_orphans(cursor, thread_id)
            await _commit(cursor)

        await self._stored(delete)

    async def _put(self, cursor: Any, row: Row, large: Sequence[Row]) -> None:
        await insert_new(cursor, INSERT_BLOBS, large, commit=False)
        cursor.setinputsizes(checkpoint=oracledb.DB_TYPE_JSON, metadata=oracledb.DB_TYPE_JSON)
        with committing(cursor.connection):
            await cursor.execute(self.UPSERT_CHECKPOINTS_SQL, row)

    async def _stored(self, work: Callable[[Any], Awaitable[None]]) -> None:
        """Run `work`, which commits, on a cursor; again on another one if its connection was lost.

        All that is written here is written under keys of its own, so that storing it again changes nothing.
        """

        async def once() -> None:
            async with self._cursor() as cursor:
                await work(cursor)

        await again_if_lost(once, committing=True)

    async def _load_checkpoint_tuple(self, value: Any) -> CheckpointTuple:
        """Unpack the values in a checkpoint's JSON before upstream adds those in rows."""
        inside = value["checkpoint"].get("channel_values") or {}
        unpacked = await CPU.run(lambda: {name: self._packing.loaded(each) for name, each in inside.items()})
        return await super()._load_checkpoint_tuple(
            {**value, "checkpoint": {**value["checkpoint"], "channel_values": unpacked}}
        )

    def _is_large(self, value: Any) -> bool:
        """Whether to store a JSON value in a row of its own, as upstream decides."""
        return bool(self._should_use_blob(value, self.json_size_threshold_mb))

    async def _keep_latest(self, thread_id: str) -> None:

        async def prune(cursor: Any) -> None:
            for statement in _DELETE_OLDER:
                await cursor.execute(statement, {"thread_id": thread_id})
            await _delete_orphans(cursor, thread_id, commit=True)
            await _commit(cursor)

        await self._stored(prune)

    def _packed_metadata(self, config: RunnableConfig, metadata: CheckpointMetadata) -> Any:
        """Return metadata with that of `config`, each value packed before LangGraph's function makes it text."""
        packed: Any = {name: self._packing.packed(value) for name, value in metadata.items()}
        for name, value in get_checkpoint_metadata(config, packed).items():
            packed.setdefault(name, self._packing.packed(value))
        return get_checkpoint_metadata(config, packed)

    def _unpacked(self, found: CheckpointTuple) -> CheckpointTuple:
        metadata: Any = {name: self._packing.loaded(value) for name, value in found.metadata.items()}
        return found._replace(metadata=metadata)


async def _commit(cursor: Any) -> None:
    if cursor.connection.transaction_in_progress:  # unless the last statement has committed
        await cursor.connection.commit()


async def _delete_orphans(cursor: Any, thread_id: str, *, commit: bool = False) -> None:
    """Delete the blobs of a thread that no checkpoint refers to; if there are any, commit with the statement."""
    # The order matters: list the blobs first, then read the checkpoints. A blob that a run writes in between is not on
    # the list, and a blob on the list was committed together with its checkpoint.
    await cursor.execute(_BLOBS, {"thread_id": thread_id})
    listed = await cursor.fetchall()
    await cursor.execute(_REMAINING, {"thread_id": thread_id})
    named = {
        (namespace, channel, str(version))
        for namespace, checkpoint in await cursor.fetchall()
        for channel, version in (checkpoint.get("channel_versions") or {}).items()
    }
    orphans = [
        {"thread_id": thread_id, "ns": namespace, "channel": channel, "version": version}
        for namespace, channel, version in listed
        if (namespace, channel, version) not in named
    ]
    if orphans:
        with committing(cursor.connection, commit):
            await cursor.executemany(_DELETE_BLOB, orphans)


def checkpoint_ddl() -> list[str]:
    """Return upstream's statements that create the checkpointer's tables, and those that record them as applied."""
    made = [" ".join(statement.split()) for statement in AsyncOracleSaver.MIGRATIONS]
    return [*made, *marks(_JOURNAL, len(made))]


def checkpoint_drops() -> list[str]:
    """Return the statements that drop the tables."""
    return [
        f"DROP TABLE {table} PURGE"
        for table in ("checkpoint_writes", "checkpoint_blobs", "checkpoints", "checkpoint_migrations")
    ]


@asynccontextmanager
async def open_oracle_checkpointer(
    pool: oracledb.AsyncConnectionPool, types: Sequence[tuple[str, str]]
) -> AsyncIterator[OracleCheckpointer]:
    """Yield the checkpointer on `pool`. It loads only the `types` (module and name).

    Raises:
        DependencyUnavailable: the tables are missing.
    """
    saver = OracleCheckpointer(pool, serde=JsonPlusSerializer(allowed_msgpack_modules=list(types)))
    await saver.setup()
    yield saver
