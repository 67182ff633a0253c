"""The tables of corpora, played back by SQLite: our statements for Oracle Database, rewritten, run for their logic.

This proves joins, conditions, versions and transactions of ours. It proves nothing of Oracle's own: not its syntax, its
text search, its vector indexes, or its JSON. As there, empty text is NULL, and a locked row answers at once.
"""

from __future__ import annotations

import array
import json
import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.doubles.oracle import RecordingConnection, RecordingPool, Statement, oracle_error
from tests.doubles.oracle.recording import RecordingCursor

_REWRITES = [
    (r"^SELECT VECTOR_EMBEDDING\(\w+ USING .*", "SELECT embedded(value) FROM json_each(:items) ORDER BY key"),
    (r" FOR UPDATE WAIT \d+", ""),
    (r"SYSTIMESTAMP \+ NUMTODSINTERVAL\((:\w+), 'SECOND'\)", r"clock() + \1"),
    (r"\bSYSTIMESTAMP\b", "clock()"),
    (r"FETCH (?:APPROX )?FIRST (:\w+) ROWS ONLY(?: WITH TARGET ACCURACY \d+)?", r"LIMIT \1"),
    (r"JSON_SERIALIZE\((.*?) RETURNING CLOB\)", r"\1"),
    (r"VECTOR_DISTANCE\(p.embedding, :vector, COSINE\)", "distance(p.embedding, :vector)"),
    (r"CONTAINS\(p.search_text, :query, 1\)|SCORE\(1\)", "found(p.search_text, :query)"),
    (
        r"JSON_VALUE\(p.metadata, '(\S+)\.(\w+)Only\(\)' RETURNING [A-Z0-9]+(?:\(\d+\))?\)",
        r"typed(p.metadata, '\1', '\2')",
    ),
    (r"JSON_VALUE\(p.metadata, '(\S+)\.type\(\)'\)", r"type_of(p.metadata, '\1')"),
    (r"""JSON_EXISTS\(p.metadata, '(.*?)\?\(@ == ""\)'\)""", r"ifnull(json_extract(p.metadata, '\1') = '', 0)"),
    (
        r"JSON_EXISTS\(p.metadata, '([^']*?)\[\*\]\?\(@.stringOnly\(\) == \$label\)' PASSING (:\w+) AS \"label\"\)",
        r"EXISTS (SELECT 1 FROM json_each(p.metadata, '\1') WHERE type = 'text' AND value = \2)",
    ),
    (r"JSON_EXISTS\(p.metadata, '([^'?]*)'\)", r"json_type(p.metadata, '\1') IS NOT NULL"),
    (r"\bNVL\(", "ifnull("),
    (
        r"JSON_TABLE\((\S+), '\$\[\*\]' COLUMNS \((\w+) VARCHAR2\(\d+ CHAR\) PATH '(\S+)'\)\)",
        r"(SELECT json_extract(value, '\3') AS \2 FROM json_each(\1))",
    ),
    (r"^(UPDATE|DELETE FROM) (\w+) ([cdfnpr]) ", r"\1 \2 AS \3 "),
    (r"SET (.*) WHERE", lambda found: re.sub(r"\b[cdp]\.(\w+) = ", r"\1 = ", found[0])),
]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS SIXPLANE_CORPORA (tenant, name, generation INTEGER DEFAULT 0, epoch INTEGER DEFAULT 0,
  embedding_model, dimensions INTEGER DEFAULT {dimensions}, hash_key, writer, writer_until, PRIMARY KEY (tenant, name));
CREATE TABLE IF NOT EXISTS SIXPLANE_DOCUMENTS (version_no INTEGER PRIMARY KEY AUTOINCREMENT, tenant, corpus,
  document_id NOT NULL, text_hash, source, title, parser, parser_version, pages, text, chars, ingested_at,
  superseded INTEGER DEFAULT 0,
  splitting);
CREATE TABLE IF NOT EXISTS SIXPLANE_PASSAGES (id INTEGER PRIMARY KEY, evidence_id UNIQUE,
  version_no REFERENCES SIXPLANE_DOCUMENTS (version_no) ON DELETE CASCADE, ordinal, start_at, end_at, page, page_end,
  heading_path, kind DEFAULT 'prose', text, search_text, metadata, embedding);
CREATE TABLE IF NOT EXISTS SIXPLANE_ROOTS (tenant, corpus, folder, name, PRIMARY KEY (tenant, corpus, folder));
CREATE TABLE IF NOT EXISTS SIXPLANE_FILES (tenant, corpus, name, stamp, digest NOT NULL, conditions NOT NULL,
  documents NOT NULL, PRIMARY KEY (tenant, corpus, name));
CREATE INDEX IF NOT EXISTS by_version ON SIXPLANE_PASSAGES (version_no);
CREATE TABLE IF NOT EXISTS SIXPLANE_PENDING (tenant, corpus, document_id, evidence_id, embedding_model, embedding,
  PRIMARY KEY (evidence_id, embedding_model));
"""


class PlaybackPool(RecordingPool):
    """A pool on tables in the file `path`, for vectors of `dimensions`."""

    def __init__(self, path: Path, dimensions: int) -> None:
        super().__init__()
        self._path = path
        self.embed: Callable[[str], list[float]] | None = None
        self.clock: Callable[[], float] = time.time
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(_SCHEMA.format(dimensions=dimensions))

    def _embedded(self, text: str) -> bytes:
        """The model in the database."""
        assert self.embed is not None
        return np.asarray(self.embed(text), dtype=np.float32).tobytes()

    @asynccontextmanager
    async def acquire(self, *_: Any, **__: Any) -> Any:
        database = sqlite3.connect(self._path, isolation_level=None, timeout=0)
        database.execute("PRAGMA foreign_keys=ON")
        database.create_function("distance", 2, _distance)
        database.create_function("found", 2, _found)
        database.create_function("typed", 3, typed)
        database.create_function("type_of", 2, type_of)
        database.create_function("clock", 0, self.clock)
        if self.embed is not None:
            database.create_function("embedded", 1, self._embedded)
        connection = _Connection(self, database)
        try:
            yield connection
        finally:
            await connection.close()
            database.close()


class _Connection(RecordingConnection):
    def __init__(self, pool: PlaybackPool, database: sqlite3.Connection) -> None:
        super().__init__(pool.script)
        self.database = database

    def cursor(self, *_: Any, **__: Any) -> Any:
        return _Cursor(self, self.script)

    async def commit(self) -> None:
        if self.database.in_transaction:
            self.database.execute("COMMIT")
        await super().commit()

    async def rollback(self) -> None:
        if self.database.in_transaction:
            self.database.execute("ROLLBACK")
        await super().rollback()


class _Cursor(RecordingCursor):
    def _fetch(self, statement: Statement) -> None:
        super()._fetch(statement)
        database: sqlite3.Connection = self.connection.database  # type: ignore[attr-defined]
        text = statement.text
        if "FOR UPDATE" in text:
            _lock(database)
        text = rewritten(text)
        try:
            if statement.many:
                database.executemany(text, [_bound(row) for row in statement.binds])
            else:
                found = database.execute(text, _bound(statement.binds))
                self._rows = [tuple(map(_fetched, row)) for row in found]
                self.rowcount = found.rowcount
        except sqlite3.IntegrityError as error:
            raise oracle_error("ORA-00001") from error
        if self.connection.autocommit and database.in_transaction:
            database.execute("COMMIT")


def rewritten(text: str) -> str:
    """Return a statement or a condition for SQLite."""
    for pattern, replacement in _REWRITES:
        text = re.sub(pattern, replacement, text)  # type: ignore[call-overload]
    return text


def _lock(database: sqlite3.Connection) -> None:
    if database.in_transaction:
        return
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise oracle_error("ORA-00054") from error


def _bound(binds: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in binds.items()}


def _value(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value)
    if value == "":
        return None
    return value.tobytes() if hasattr(value, "tobytes") else value


def _fetched(value: Any) -> Any:
    """Return a vector as the driver gives it."""
    return array.array("f", value) if isinstance(value, bytes) else value


def _distance(left: bytes, right: bytes) -> float | None:
    first, second = (np.frombuffer(each, dtype=np.float32) for each in (left, right))
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return 1 - float(first @ second) / norms if norms else None


def _found(text: str | None, query: str) -> int:
    words = set(re.findall(r"\w+", (text or "").lower()))
    return sum(word in words for word in re.findall(r"\{(\w+)\}", query))


def type_of(metadata: str, path: str) -> str | None:
    """Return what the item method `type()` names, of a list too; NULL without the key."""
    stored = json.loads(metadata)
    if path[3:-1] not in stored:
        return None
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(stored[path[3:-1]]), "null")


def typed(metadata: str, path: str, kind: str) -> Any:
    value = json.loads(metadata).get(path[3:-1])
    kinds: dict[str, Any] = {"string": str, "number": (int, float), "boolean": bool}
    if not isinstance(value, kinds[kind]) or (kind == "number" and isinstance(value, bool)) or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return float(value)  # SQLite takes no larger one
    return str(value).lower() if kind == "boolean" else value
