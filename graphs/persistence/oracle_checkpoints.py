"""`AsyncOracleSaver` with corrections: values keep their types, start-up changes no tables, and pruning and deletion by
run, which upstream does not implement, work.

Upstream (langgraph-oracledb) stores every JSON-compatible value in a JSON column: a float 2.0 is read as the integer 2,
a tuple as a list, an enum as its text, and NaN fails. Here only values that survive that column exactly are stored in
it; all others go through the serialiser.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
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
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph_oracledb.checkpoint.oracle.aio import AsyncOracleSaver

from graphs.persistence.oracle_json import is_exact_json
from graphs.persistence.oracle_migrations import marks, verify_version
from graphs.persistence.oracle_values import INSERT_BLOBS, INSERT_WRITES, insert_new, not_null
from graphs.persistence.pruning import PrunedSaver
from settings.connections.oracle_errors import translated
from settings.connections.sparing import committing
from settings.pools import CPU
from state.errors import BadInput

PACKED = "sixplane:packed"
"""Key that marks a serialised metadata value: its type, and its bytes in base64."""

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

    async def setup(self) -> None:
        """Check that the tables exist; `sixplane db init` creates them.

        Raises:
            DependencyUnavailable: the tables are missing or have another version.
        """
        await verify_version(self._cursor(), _JOURNAL, len(self.MIGRATIONS), whose="the checkpoint")

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that `config` names, or the latest one."""
        with translated():
            found = await super().aget_tuple(config)
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
        with translated():
            listed = [found async for found in super().alist(config, filter=filter, before=before, limit=limit)]
        for found in listed:
            yield self._unpacked(found)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint with its metadata, in one transaction of two round trips."""
        of, values = config["configurable"], checkpoint["channel_values"]
        thread_id, namespace = of["thread_id"], self._encode_checkpoint_ns(of.get("checkpoint_ns", ""))
        apart = {
            name: each for name, each in values.items() if self._should_use_blob(each, self.json_size_threshold_mb)
        }
        versions = {name: version for name, version in new_versions.items() if name in apart}
        # `Any`: upstream annotates its dictionaries as tuples.
        blobs: Any = await CPU.run(self._dump_blobs, thread_id, namespace, apart, versions)
        row = {
            "thread_id": thread_id,
            "checkpoint_ns": namespace,
            "checkpoint_id": checkpoint["id"],
            "parent_checkpoint_id": of.get("checkpoint_id"),
            "checkpoint": {
                **checkpoint,
                "channel_values": {name: each for name, each in values.items() if name not in apart},
                "channel_versions": {**checkpoint.get("channel_versions", {}), **new_versions},
            },
            "metadata": self._packed_metadata(config, metadata),
        }
        with translated():
            async with self._cursor() as cursor:
                await insert_new(cursor, INSERT_BLOBS, blobs, commit=False)
                cursor.setinputsizes(checkpoint=oracledb.DB_TYPE_JSON, metadata=oracledb.DB_TYPE_JSON)
                with committing(cursor.connection):
                    await cursor.execute(self.UPSERT_CHECKPOINTS_SQL, row)
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
        with translated():
            if not writes or all(channel in WRITES_IDX_MAP for channel, _ in writes):
                await super().aput_writes(
                    config, writes, task_id, task_path
                )  # errors and interrupts replace earlier ones
                return
            of = config["configurable"]
            names = (of["thread_id"], self._encode_checkpoint_ns(of.get("checkpoint_ns", "")), of["checkpoint_id"])
            more = task_id, self._encode_task_path(task_path), writes
            rows: Any = await CPU.run(self._dump_writes, *names, *more)
            async with self._cursor() as cursor:
                await insert_new(cursor, INSERT_WRITES, [not_null(row) for row in rows], commit=True)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread with all its checkpoints."""
        with translated():
            await super().adelete_thread(thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of runs, with their writes and blobs. The `run_id` of the metadata identifies them."""
        async with self._transaction() as cursor:
            for run_id in run_ids:
                await cursor.execute(_OF_RUN, {"run_id": str(run_id)})
                rows = [dict(zip(("thread_id", "ns", "id"), row, strict=True)) for row in await cursor.fetchall()]
                for statement in _DELETE_ONE if rows else ():
                    await cursor.executemany(statement, rows)
                for thread_id in sorted({row["thread_id"] for row in rows}):
                    await _delete_orphans(cursor, thread_id)

    def _should_use_blob(self, value: Any, size_threshold_mb: float = 5.0) -> bool:
        """Whether to serialise a channel's value, because a JSON column would change it."""
        return not is_exact_json(value) or bool(super()._should_use_blob(value, size_threshold_mb))

    async def _keep_latest(self, thread_id: str) -> None:
        async with self._transaction() as cursor:
            for statement in _DELETE_OLDER:
                await cursor.execute(statement, {"thread_id": thread_id})
            await _delete_orphans(cursor, thread_id, commit=True)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        with translated():
            async with self._cursor() as cursor:
                yield cursor
                if cursor.connection.transaction_in_progress:  # unless the last statement has committed
                    await cursor.connection.commit()

    def _packed_metadata(self, config: RunnableConfig, metadata: CheckpointMetadata) -> Any:
        """Return metadata with that of `config`, each value packed before LangGraph's function makes it text."""
        packed: Any = {name: self._packed(value) for name, value in metadata.items()}
        for name, value in get_checkpoint_metadata(config, packed).items():
            packed.setdefault(name, self._packed(value))
        return get_checkpoint_metadata(config, packed)

    def _packed(self, value: Any) -> Any:
        if is_exact_json(value) and not _is_packed(value):
            return value
        kind, data = self.serde.dumps_typed(value)
        return {PACKED: [kind, base64.b64encode(data).decode("ascii")]}

    def _unpacked(self, found: CheckpointTuple) -> CheckpointTuple:
        metadata: Any = {name: self._loaded(value) for name, value in found.metadata.items()}
        return found._replace(metadata=metadata)

    def _loaded(self, value: Any) -> Any:
        if not _is_packed(value):
            return value
        kind, data = value[PACKED]
        return self.serde.loads_typed((kind, base64.b64decode(data)))


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


def _is_packed(value: Any) -> bool:
    return isinstance(value, Mapping) and PACKED in value


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
