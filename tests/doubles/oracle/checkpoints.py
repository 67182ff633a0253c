"""The tables of the checkpoint saver: written rows are returned as Oracle's JSON type would return them."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from enum import Enum
from typing import Any

from tests.doubles.oracle.recording import RecordingLob, RecordingPool, Statement

COLUMNS = ("thread_id", "checkpoint", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "metadata")


def through_json_column(value: Any) -> Any:
    """Return `value` as a native JSON column returns it: numbers as decimals, tuples as lists, enums as text.

    Raises:
        ValueError: the value is NaN or infinite, which JSON cannot represent.
    """
    # langgraph-oracledb 1.0.2 stores JSON-able channel values inline in a JSON column, which loses their types.
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Enum):
        return through_json_column(value.value)
    if isinstance(value, int | float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError("not a JSON number")
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return {str(key): through_json_column(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [through_json_column(each) for each in value]
    raise TypeError(f"{type(value).__name__} is not a JSON type")


class Checkpoints:
    """Holds the rows, and answers the saver's statements on a recording pool."""

    def __init__(self, pool: RecordingPool, *, version: int = 6) -> None:
        self.checkpoints: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.blobs: dict[tuple[str, str, str, str], tuple[str, Any]] = {}
        self.writes: dict[tuple[str, str, str, str, int], tuple[str, str, Any]] = {}
        pool.answer(r"SELECT MAX\(v\) FROM checkpoint_migrations", [(version,)])
        pool.answer(r"MERGE INTO checkpoints ", self._put)
        pool.answer(r"INSERT INTO checkpoint_blobs", self._put_blobs)
        pool.answer(r"(MERGE|INSERT) INTO checkpoint_writes", self._put_writes)
        pool.answer(r"^SELECT thread_id, checkpoint, checkpoint_ns", self._get)
        pool.answer(r"channel, version, type, blob FROM checkpoint_blobs", self._get_blobs)
        pool.answer(r"task_id, channel, type, blob FROM checkpoint_writes", self._get_writes)
        pool.answer(r"^SELECT checkpoint_ns, channel, version FROM checkpoint_blobs", self._versions)
        pool.answer(r"^SELECT checkpoint_ns, checkpoint FROM checkpoints", self._remaining)
        pool.answer(r"^SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints", self._of_run)
        pool.answer(r"^DELETE FROM checkpoint", self._delete)

    def _put(self, statement: Statement) -> list[Any]:
        row = dict(statement.binds)
        row["checkpoint"] = through_json_column(row["checkpoint"])
        row["metadata"] = through_json_column(row["metadata"])
        self.checkpoints[row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"]] = row
        return []

    def _put_blobs(self, statement: Statement) -> list[Any]:
        for row in statement.binds:
            key = (row["thread_id"], row["checkpoint_ns"], row["channel"], row["version"])
            self.blobs.setdefault(key, (row["type"], _bytes(row["blob"])))
        return []

    def _put_writes(self, statement: Statement) -> list[Any]:
        for row in statement.binds:
            key = tuple(row[name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"))
            if statement.text.startswith("MERGE") or key not in self.writes:
                self.writes[key] = (row["channel"], row["type"], _bytes(row["blob"]))  # type: ignore[index]
        return []

    def _get(self, statement: Statement) -> list[Any]:
        rows = [row for row in self.checkpoints.values() if _listed(row, statement)]
        rows.sort(key=lambda row: str(row["checkpoint_id"]), reverse=True)
        limit = re.search(r"FETCH FIRST (\d+) ROWS ONLY", statement.text)
        return [tuple(row[name] for name in COLUMNS) for row in rows[: int(limit[1]) if limit else None]]

    def _get_blobs(self, statement: Statement) -> list[Any]:
        return [(*key, *value) for key, value in self.blobs.items() if _fits(key[:2], statement)]

    def _get_writes(self, statement: Statement) -> list[Any]:
        # By task id and index, as langgraph-oracledb orders them; other savers order by task path first.
        rows = sorted(self.writes.items(), key=lambda item: (item[0][3], item[0][4]))
        return [(*key[:4], *value) for key, value in rows if _fits(key[:3], statement)]

    def _versions(self, statement: Statement) -> list[Any]:
        return [key[1:] for key in self.blobs if key[0] == statement.binds["thread_id"]]

    def _remaining(self, statement: Statement) -> list[Any]:
        thread = statement.binds["thread_id"]
        return [(key[1], row["checkpoint"]) for key, row in self.checkpoints.items() if key[0] == thread]

    def _of_run(self, statement: Statement) -> list[Any]:
        run = statement.binds.get("run_id")
        return [key for key, row in self.checkpoints.items() if row["metadata"].get("run_id") == run]

    def _delete(self, statement: Statement) -> list[Any]:
        for binds in statement.binds if statement.many else [statement.binds]:
            self._delete_one(statement.text, binds)
        return []

    def _delete_one(self, text: str, binds: Any) -> None:
        thread = binds[0] if isinstance(binds, list) else binds["thread_id"]
        latest = {key[1]: key[2] for key in sorted(self.checkpoints) if key[0] == thread}
        older = "MAX(latest.checkpoint_id)" in text
        rows: dict[Any, Any] = {
            "checkpoints": self.checkpoints,
            "checkpoint_blobs": self.blobs,
            "checkpoint_writes": self.writes,
        }[text.split()[2]]
        for key in [key for key in rows if key[0] == thread]:
            if isinstance(binds, list) or (key[2] < latest.get(key[1], "") if older else _doomed(key, binds)):
                del rows[key]


_FILTER = re.compile(
    r"(?:JSON_EQUAL\(JSON_QUERY|JSON_VALUE)\(metadata, '\$\.(?P<key>\w+)'(?: RETURNING NUMBER)?\)"
    r"(?: (?P<none>IS NULL)| = '(?P<flag>true|false)'| = :(?P<plain>\w+)|, :(?P<json>\w+)\))"
)
"""The conditions on metadata, in the form in which langgraph-oracledb writes them."""


def _listed(row: dict[str, Any], statement: Statement) -> bool:
    """Return whether a checkpoint matches the conditions of a SELECT."""
    binds = statement.binds or {}
    if any(binds.get(name, row[name]) != row[name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id")):
        return False
    if row["checkpoint_id"] >= binds.get("before_checkpoint_id", "~"):
        return False
    return all(_fits_filter(row["metadata"], found, binds) for found in _FILTER.finditer(statement.text))


def _fits_filter(metadata: dict[str, Any], found: re.Match[str], binds: dict[str, Any]) -> bool:
    value = metadata.get(found["key"])
    if found["none"]:
        return value is None
    if found["flag"]:
        return value is (found["flag"] == "true")
    return bool(value == (binds[found["plain"]] if found["plain"] else json.loads(binds[found["json"]])))


def _doomed(key: tuple[Any, ...], binds: dict[str, Any]) -> bool:
    if key[1] != binds["ns"]:
        return False
    return tuple(key[2:4]) == (binds["channel"], binds["version"]) if "channel" in binds else key[2] == binds["id"]


def _bytes(blob: Any) -> Any:
    """Return the contents of a LOB; a SELECT returns bytes, not locators."""
    return blob.data if isinstance(blob, RecordingLob) else blob


def _fits(key: tuple[Any, ...], statement: Statement) -> bool:
    names = ("thread_id", "checkpoint_ns", "checkpoint_id")
    return all(statement.binds.get(name, value) == value for name, value in zip(names, key, strict=False))
