"""Calls that issue every statement of saver and store, for golden files, hostile values and faults."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.store.base import MatchCondition

from graphs.persistence.oracle_checkpoints import OracleCheckpointer
from graphs.persistence.oracle_store import OracleStore
from tests.doubles.oracle.checkpoints import Checkpoints
from tests.doubles.oracle.oson import through_oson
from tests.doubles.oracle.recording import RecordingLob, RecordingPool, Statement

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
MARK = "x'); DROP TABLE t -- 100%_ :1 {store}"
NUMBER = 98765.25
"""A time to live that occurs in no statement by itself, so a test can search for it in the texts."""


class OsonCheckpoints(Checkpoints):
    """The saver's tables, with JSON values passed through the driver's own OSON codec."""

    def _put(self, statement: Statement) -> list[Any]:
        columns = {name: through_oson(statement.binds[name]) for name in ("checkpoint", "metadata")}
        row = {**statement.binds, **columns}
        self.checkpoints[row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"]] = row
        return []


class StoreRows:
    """The store's rows by prefix and key, passed through the same codec; searches ignore their conditions."""

    def __init__(self, pool: RecordingPool) -> None:
        self.items: dict[tuple[str, str], Any] = {}
        pool.answer(r"SELECT MAX\(v\) FROM store_migrations", [(4,)])
        pool.answer(r"MERGE INTO store_novec", self._put)
        pool.answer(r"^SELECT key, value, created_at, updated_at FROM store_novec", self._get)
        pool.answer(r"^SELECT st.prefix", self._search)

    def _put(self, statement: Statement) -> list[Any]:
        binds = statement.binds
        value = binds["value"]
        self.items[binds["prefix"], binds["key"]] = through_oson(json.loads(value) if isinstance(value, str) else value)
        return []

    def _get(self, statement: Statement) -> list[Any]:
        wanted = set(statement.binds.values())
        return [(key, value, NOW, NOW) for (prefix, key), value in self.items.items() if {prefix, key} <= wanted]

    def _search(self, statement: Statement) -> list[Any]:
        rows = [(prefix, key, value, NOW, NOW, None) for (prefix, key), value in self.items.items()]
        return rows[statement.binds["offset"] :][: statement.binds["limit"]]


async def ask_saver(saver: OracleCheckpointer, mark: str = MARK) -> None:
    """Issue every statement of the saver, with `mark` for every value."""
    config: Any = {
        "configurable": {"thread_id": mark, "checkpoint_ns": mark, "checkpoint_id": f"0{mark}"},
        "metadata": {"run_id": mark, "of_config": mark},
    }
    values = {mark: (mark,), "inline": mark, "large": (mark * 100,)}
    versions: Any = dict.fromkeys(values, mark)
    checkpoint: Any = {
        **empty_checkpoint(),
        "id": f"1{mark}",
        "ts": "2026-11-23T00:00:00+00:00",
        "channel_values": values,
        "channel_versions": versions,
    }
    stored = await saver.aput(config, checkpoint, {"source": mark, "step": 1}, versions)  # type: ignore[typeddict-item]
    await saver.aput_writes(stored, [(mark, mark)], mark, mark)
    await saver.aput_writes(stored, [("__error__", mark)], mark, mark)
    await saver.aget_tuple(stored)
    await saver.aget_tuple({"configurable": {"thread_id": mark, "checkpoint_ns": mark}})
    wanted = {"source": mark, "step": 7, "of_config": {"a": mark}}
    _ = [each async for each in saver.alist(stored, filter=wanted, before=stored, limit=3)]
    await saver.aprune([mark])
    await saver.adelete_for_runs([mark])
    await saver.adelete_thread(mark)


async def ask_store(store: OracleStore, mark: str = MARK) -> None:
    """Issue every statement of the store, with `mark` for every value."""
    space = (mark.replace(".", ""), "reports")
    await store.aput(space, mark, {mark: mark})
    await store.aput(space, f"{mark}2", {"half": 0.5}, ttl=NUMBER)
    await store.aget(space, mark)
    await store.aget(space, mark, refresh_ttl=False)
    await store.asearch(space, limit=7, offset=0)
    await store.asearch((), filter={"kind": mark, "n": {"$gte": NUMBER}}, limit=7)
    await store.alist_namespaces(prefix=(space[0], "*"), suffix=("reports",), max_depth=1, limit=7)
    await store.adelete(space, mark)


def plain(binds: Any) -> Any:
    """Return binds as JSON values; bytes are replaced by their number."""
    if isinstance(binds, dict):
        return {name: plain(value) for name, value in binds.items()}
    if isinstance(binds, list | tuple):
        return [plain(value) for value in binds]
    data = binds.data if isinstance(binds, RecordingLob) else binds
    return f"({len(data)} bytes)" if isinstance(data, bytes) else data


def conditions(*paths: tuple[str, tuple[str, ...]]) -> tuple[MatchCondition, ...]:
    """Return conditions from pairs of `prefix` or `suffix` and a path."""
    return tuple(MatchCondition(kind, path) for kind, path in paths)  # type: ignore[arg-type]
