"""The write operations of the corpus database. Each function takes a connection that is in a write transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np

from retrieval.backend import Vectors
from retrieval.embedded.reads import revision
from retrieval.preparation import PreparedDocument


def put(
    connection: sqlite3.Connection, batch: Sequence[tuple[PreparedDocument, Vectors]], embedding_model: str
) -> tuple[int, int]:
    """Store documents with their vectors; return (documents that replaced a version, passages superseded)."""
    updated = superseded = 0
    for document, vectors in batch:
        count = _supersede(connection, document.document_id)
        updated, superseded = updated + (count is not None), superseded + (count or 0)
        _insert(connection, document, vectors)
    _advance(connection, embedding_model, shrank=updated > 0)
    return updated, superseded


def delete(connection: sqlite3.Connection, document_ids: Iterable[str]) -> None:
    """Take documents out of search without replacing them."""
    for document_id in document_ids:
        _supersede(connection, document_id)
    _advance(connection, revision(connection).embedding_model, shrank=True)


def prune(connection: sqlite3.Connection) -> int:
    """Delete superseded versions; return how many passages were deleted."""
    old = "SELECT version FROM documents WHERE superseded = 1"
    count = connection.execute(f"DELETE FROM passages WHERE version IN ({old})").rowcount  # noqa: S608 - a constant
    connection.execute("DELETE FROM documents WHERE superseded = 1")
    _advance(connection, revision(connection).embedding_model, shrank=True)
    return count


def _advance(connection: sqlite3.Connection, embedding_model: str, *, shrank: bool) -> None:
    # In the same transaction as the write: a reader that sees the new rows sees the new generation too, and updates its
    # indexes. A new epoch tells it that passages were removed, which the indexes cannot follow by adding rows.
    now = revision(connection)
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


def _insert(connection: sqlite3.Connection, document: PreparedDocument, vectors: Vectors) -> None:
    # A document may return to an earlier text. That version may still be stored with the evidence ids of the new
    # rows, and these must be unique, so it is deleted first.
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
