"""The corpus database: one SQLite file that is the truth about documents, passages, vectors and the generation."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.filters import compile_where
from retrieval.preparation import PreparedDocument
from state.errors import CorpusBusy, CorpusCorrupt, DependencyUnavailable, StorageFull
from state.values import Passage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
  version INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL, text_hash TEXT NOT NULL, source TEXT NOT NULL,
  title TEXT NOT NULL, parser TEXT NOT NULL, parser_version TEXT NOT NULL, pages INTEGER, text TEXT NOT NULL,
  ingested_at TEXT NOT NULL, superseded INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS documents_by_id ON documents (document_id, superseded);
CREATE TABLE IF NOT EXISTS passages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, evidence_id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  start INTEGER NOT NULL, "end" INTEGER NOT NULL, page INTEGER, page_end INTEGER, heading_path TEXT NOT NULL,
  text TEXT NOT NULL, metadata TEXT NOT NULL, vector BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS passages_by_version ON passages (version, ordinal);
"""
_COLUMNS = "p.*, d.document_id, d.title, d.source, d.text_hash, d.superseded"
_JOINED = "FROM passages p JOIN documents d ON d.version = p.version"


@dataclass(frozen=True)
class Revision:
    """`generation` grows with every write; `epoch` only with writes that take passages away."""

    generation: int
    epoch: int
    embedding_model: str


class Store:
    """Blocking access to one corpus database; every call opens its own connection, so threads may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self.write() as connection:
            connection.executescript(_SCHEMA)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open one read transaction."""
        with translated(self.path):
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=10)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Open one write transaction, committed when the block ends without an error."""
        with translated(self.path):
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=10)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                if connection.in_transaction:
                    connection.execute("COMMIT")
            finally:
                connection.close()

    def revision(self) -> Revision:
        """Return the revision of the last committed write."""
        with self.read() as connection:
            return _revision(connection)

    def is_current(self, document: PreparedDocument) -> bool:
        """Whether the live version of the document has this text and metadata, by this parser."""
        query = """SELECT (SELECT p.metadata FROM passages p WHERE p.version = d.version AND p.ordinal = 0)
                   FROM documents d WHERE document_id = ? AND superseded = 0
                   AND text_hash = ? AND parser = ? AND parser_version = ?"""
        key = (document.document_id, document.text_hash, document.parser, document.parser_version)
        with self.read() as connection:
            row = connection.execute(query, key).fetchone()
        return row is not None and document.is_described_by(row[0])

    def put(self, batch: Sequence[tuple[PreparedDocument, Any]], embedding_model: str) -> tuple[int, int]:
        """Store documents with their vectors; return (documents that replaced a version, passages superseded)."""
        updated = superseded = 0
        with self.write() as connection:
            for document, vectors in batch:
                count = _supersede(connection, document.document_id)
                updated, superseded = updated + (count is not None), superseded + (count or 0)
                _insert(connection, document, vectors)
            _advance(connection, embedding_model, shrank=updated > 0)
        return updated, superseded

    def rows_after(self, last: int) -> list[sqlite3.Row]:
        """Return the live passages with a row id above `last`: id, title, heading_path, text, vector."""
        query = f"""SELECT p.id, d.title, p.heading_path, p.text, p.vector {_JOINED}
                    WHERE d.superseded = 0 AND p.id > ? ORDER BY p.id"""
        with self.read() as connection:
            return connection.execute(query, (last,)).fetchall()

    def matching(self, where: Mapping[str, Any]) -> set[int]:
        """Return the row ids of the live passages whose metadata fits `where`."""
        condition, binds = compile_where(where)
        query = f"SELECT p.id {_JOINED} WHERE d.superseded = 0 AND {condition}"
        with self.read() as connection:
            return {row[0] for row in connection.execute(query, binds)}

    def live(self, ids: Iterable[int]) -> dict[int, Passage]:
        """Return the live passages among row ids."""
        return {row["id"]: _passage(row) for row in self._select("p.id", [*ids]) if not row["superseded"]}

    def by_evidence(self, evidence_ids: Iterable[str]) -> dict[str, Passage]:
        """Return the passages of evidence ids, superseded ones too."""
        return {row["evidence_id"]: _passage(row) for row in self._select("p.evidence_id", [*evidence_ids])}

    def live_by_document(self, document_ids: Iterable[str]) -> list[Passage]:
        """Return the live passages of documents."""
        return [_passage(row) for row in self._select("d.document_id", [*document_ids]) if not row["superseded"]]

    def neighbours(self, evidence_id: str, before: int, after: int) -> list[Passage]:
        """Return the passages around one, in reading order, without it."""
        query = f"""SELECT {_COLUMNS} {_JOINED} JOIN passages o ON o.version = p.version WHERE o.evidence_id = ?
                    AND p.id <> o.id AND p.ordinal BETWEEN o.ordinal - ? AND o.ordinal + ? ORDER BY p.ordinal"""
        with self.read() as connection:
            return [_passage(row) for row in connection.execute(query, (evidence_id, before, after))]

    def canonical_text(self, document_id: str, text_hash: str) -> str | None:
        """Return the text of one document version."""
        query = "SELECT text FROM documents WHERE document_id = ? AND text_hash = ?"
        with self.read() as connection:
            row = connection.execute(query, (document_id, text_hash)).fetchone()
        return None if row is None else str(row["text"])

    def version(self, document_id: str, text_hash: str) -> tuple[sqlite3.Row, list[sqlite3.Row]] | None:
        """Return the row of one document version, and those of its passages in reading order."""
        query = "SELECT * FROM documents WHERE document_id = ? AND text_hash = ?"
        with self.read() as connection:
            row = connection.execute(query, (document_id, text_hash)).fetchone()
            if row is None:
                return None
            passages = "SELECT * FROM passages WHERE version = ? ORDER BY ordinal"
            return row, connection.execute(passages, (row["version"],)).fetchall()

    def inventory(self) -> tuple[Revision, list[sqlite3.Row]]:
        """Return the revision and every document version with its number of passages."""
        query = """SELECT d.*, length(d.text) AS chars, (SELECT count(*) FROM passages p WHERE p.version = d.version)
                   AS passages FROM documents d ORDER BY d.source, d.version"""
        with self.read() as connection:
            return _revision(connection), connection.execute(query).fetchall()

    def counts(self) -> tuple[Revision, int, int]:
        """Return the revision, and how many live documents and passages there are."""
        query = "SELECT count(DISTINCT d.version), count(p.id) FROM documents d LEFT JOIN passages p USING (version)"
        with self.read() as connection:
            documents, passages = connection.execute(f"{query} WHERE d.superseded = 0").fetchone()
            return _revision(connection), documents, passages

    def prune(self) -> int:
        """Delete superseded versions; return how many passages went."""
        with self.write() as connection:
            old = "SELECT version FROM documents WHERE superseded = 1"
            count = connection.execute(f"DELETE FROM passages WHERE version IN ({old})").rowcount  # noqa: S608 - a constant
            connection.execute("DELETE FROM documents WHERE superseded = 1")
            _advance(connection, _revision(connection).embedding_model, shrank=True)
        return count

    def delete(self, document_ids: Iterable[str]) -> None:
        """Supersede documents without a successor."""
        with self.write() as connection:
            for document_id in document_ids:
                _supersede(connection, document_id)
            _advance(connection, _revision(connection).embedding_model, shrank=True)

    def _select(self, column: str, values: list[Any]) -> list[sqlite3.Row]:
        query = f"SELECT {_COLUMNS} {_JOINED} WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - our column
        with self.read() as connection:
            return connection.execute(query, (json.dumps(values),)).fetchall()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into errors of our tree."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _translation(error, path) from error


def _translation(error: Exception, path: Path) -> DependencyUnavailable:
    text = str(error)
    if "malformed" in text or "not a database" in text:
        return CorpusCorrupt(f"the corpus database `{path}` cannot be read")
    if "full" in text or getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull(f"no space is left to write `{path}`")
    if "locked" in text:
        return CorpusBusy(f"another process is writing to `{path}`")
    return DependencyUnavailable(
        f"`{path}` cannot be used: {type(error).__name__}", hint="check that the folder exists and may be written"
    )


def _revision(connection: sqlite3.Connection) -> Revision:
    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    return Revision(int(meta.get("generation", 0)), int(meta.get("epoch", 0)), meta.get("embedding_model", ""))


def _advance(connection: sqlite3.Connection, embedding_model: str, *, shrank: bool) -> None:
    now = _revision(connection)
    values = {"generation": now.generation + 1, "epoch": now.epoch + shrank, "embedding_model": embedding_model}
    connection.executemany(
        "INSERT OR REPLACE INTO meta VALUES (?, ?)", [(key, str(item)) for key, item in values.items()]
    )


def _supersede(connection: sqlite3.Connection, document_id: str) -> int | None:
    row = connection.execute(
        "SELECT version FROM documents WHERE document_id = ? AND superseded = 0", (document_id,)
    ).fetchone()
    if row is None:
        return None
    connection.execute("UPDATE documents SET superseded = 1 WHERE version = ?", (row["version"],))
    return int(connection.execute("SELECT count(*) FROM passages WHERE version = ?", (row["version"],)).fetchone()[0])


def _insert(connection: sqlite3.Connection, document: PreparedDocument, vectors: Any) -> None:
    same = "SELECT version FROM documents WHERE document_id = ? AND text_hash = ?"
    key = (document.document_id, document.text_hash)
    connection.execute(f"DELETE FROM passages WHERE version IN ({same})", key)  # noqa: S608 - a constant
    connection.execute("DELETE FROM documents WHERE document_id = ? AND text_hash = ?", key)
    version = connection.execute(
        """INSERT INTO documents (document_id, text_hash, source, title, parser, parser_version, pages, text,
           ingested_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *key,
            document.source,
            document.title,
            document.parser,
            document.parser_version,
            document.pages,
            document.text,
            document.ingested_at or datetime.now(UTC).isoformat(),
        ),
    ).lastrowid
    metadata = document.metadata_text()
    connection.executemany(
        """INSERT INTO passages (evidence_id, version, ordinal, start, "end", page, page_end, heading_path, text,
           metadata, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (
                item.evidence_id,
                version,
                ordinal,
                item.start,
                item.end,
                item.page,
                item.page_end,
                json.dumps(item.heading_path),
                document.text[item.start : item.end],
                metadata,
                np.asarray(vector, dtype=np.float32).tobytes(),
            )
            for ordinal, (item, vector) in enumerate(zip(document.passages, vectors, strict=True))
        ],
    )


def _passage(row: sqlite3.Row) -> Passage:
    names = ("evidence_id", "document_id", "title", "source", "page", "page_end", "start", "end", "text", "text_hash")
    return Passage(
        **{name: row[name] for name in names},
        heading_path=tuple(json.loads(row["heading_path"])),
        superseded=bool(row["superseded"]),
        metadata=json.loads(row["metadata"]),
    )
