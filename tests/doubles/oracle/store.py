"""The table of the store, answering its statements: upserts, namespaces by whole labels, filters on equality."""

from __future__ import annotations

import datetime as dt
import json
import re
from itertools import count
from typing import Any

from tests.doubles.oracle.oson import through_oson
from tests.doubles.oracle.recording import RecordingPool, Statement

# The one filter condition that the playback supports; the others are checked in the golden files only.
_EQUAL = re.compile(r"JSON_EQUAL\(JSON_QUERY\(value, '\$\.(\w+)'\), :(\w+)\)")


class StoreTable:
    """Holds the rows, and answers the store's statements on a recording pool. The clock advances a second per write."""

    def __init__(self, pool: RecordingPool) -> None:
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        self._clock = count()
        pool.answer(r"SELECT MAX\(v\) FROM store_migrations", [(4,)])
        pool.answer(r"^MERGE INTO store_novec", self._put)
        pool.answer(r"^SELECT key, value", self._get)
        pool.answer(r"^SELECT st\.prefix", self._search)
        pool.answer(r"^SELECT DISTINCT prefix", self._namespaces)
        pool.answer(r"^DELETE FROM store_novec", self._delete)

    def _put(self, statement: Statement) -> list[Any]:
        binds = statement.binds
        place = (binds["prefix"], binds["key"])
        now = dt.datetime(2026, 11, 23, tzinfo=dt.UTC) + dt.timedelta(seconds=next(self._clock))
        created = self._rows.get(place, {"created": now})["created"]
        self._rows[place] = {"value": through_oson(binds["value"]), "created": created, "updated": now}
        return []

    def _get(self, statement: Statement) -> list[Any]:
        return [
            (key, row["value"], row["created"], row["updated"])
            for (prefix, key), row in self._rows.items()
            if prefix == statement.binds["namespace"] and key in _keys(statement)
        ]

    def _delete(self, statement: Statement) -> list[Any]:
        for key in _keys(statement):
            self._rows.pop((statement.binds["namespace"], key), None)
        return []

    def _search(self, statement: Statement) -> list[Any]:
        binds = statement.binds
        found = [
            (prefix, key, row["value"], row["created"], row["updated"], None)
            for (prefix, key), row in sorted(self._rows.items(), key=lambda item: item[1]["updated"], reverse=True)
            if _within(prefix, binds, "ns") and _fits(row["value"], statement)
        ]
        return found[binds["offset"] :][: binds["limit"]]

    def _namespaces(self, statement: Statement) -> list[Any]:
        names = {name.removesuffix("_exact") for name in statement.binds if name.endswith("_exact")}
        prefixes = sorted({prefix for prefix, _ in self._rows})
        return [(each,) for each in prefixes if all(_within(each, statement.binds, name) for name in names)]


def _keys(statement: Statement) -> set[str]:
    return {value for name, value in statement.binds.items() if re.fullmatch(r"key\d+", name)}


def _within(prefix: str, binds: dict[str, Any], name: str) -> bool:
    """Return whether the condition of `oracle_store_sql.within` holds: LIKE with `!` as its escape character."""
    if f"{name}_exact" not in binds:
        return True
    pattern = re.sub(r"!(.)|(%)|(_)|(.)", _as_regex, binds[f"{name}_below"], flags=re.DOTALL)
    return prefix == binds[f"{name}_exact"] or re.fullmatch(pattern, prefix, re.DOTALL) is not None


def _as_regex(found: re.Match[str]) -> str:
    literal = found[1] or found[4]
    return re.escape(literal) if literal else ".*" if found[2] else "."


def _fits(value: Any, statement: Statement) -> bool:
    return all(
        value.get(found[1]) == json.loads(statement.binds[found[2]]) for found in _EQUAL.finditer(statement.text)
    )
