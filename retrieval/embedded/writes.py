"""The write operations of the corpus database. Each function takes a connection that is in a write transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np

from retrieval.backend import Batch, May, OldVersion, Replaces, Vectors, check_destroyable, narrowed
from retrieval.documents import random_evidence_id
from retrieval.embedded import files, pending
from retrieval.embedded.reads import labelled, revision, splitting
from retrieval.preparation import PreparedDocument, splitting_of
from retrieval.roots import Root
from state.access import AUDIENCE, Labels

_PASSAGE = """INSERT INTO passages (evidence_id, version, ordinal, start, "end", page, page_end, heading_path, kind,
              text, metadata, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
              coalesce(?, (SELECT n.vector FROM pending n WHERE n.evidence_id = ? AND n.embedding_model = ?)))"""
_TAKEN = """SELECT id FROM passages WHERE version IN (SELECT value FROM json_each(?))
            AND evidence_id IN (SELECT value FROM json_each(?))"""
"""The passages of some versions that have some evidence ids."""


def record(connection: sqlite3.Connection, roots: Iterable[Root]) -> None:
    """Store source roots. IGNORE: a folder keeps the name that it has."""
    connection.executemany("INSERT OR IGNORE INTO roots (name, folder) VALUES (?, ?)", roots)


def put(connection: sqlite3.Connection, batch: Batch, embedding_model: str, replaces: Replaces) -> tuple[int, int]:
    """Store documents with their vectors; return (documents that replaced a version, passages superseded)."""
    updated = superseded = 0
    stored = _stored(connection, [name for document, _ in batch for name in document.names])
    for document, vectors in batch:
        if not stored.isdisjoint(document.names):  # of most documents there is no version to look for
            counts = [_supersede(connection, name, partial(replaces, document)) for name in document.names]
            _narrow(connection, document, partial(replaces, document))
            _make_room(connection, document)
            updated += any(each is not None for each in counts)
            superseded += sum(filter(None, counts))
        _insert(connection, document, vectors, embedding_model)
        stored.add(document.document_id)
    pending.drop(connection, [document.document_id for document, _ in batch])
    _advance(connection, embedding_model, shrank=updated > 0)
    return updated, superseded


def delete(connection: sqlite3.Connection, document_ids: Iterable[str], may: May) -> None:
    """Take those of the documents that `may` allows out of search without replacing them."""
    for document_id in document_ids:
        _supersede(connection, document_id, partial(may, document_id))
        pending.drop(connection, [document_id])
    _advance(connection, revision(connection).embedding_model, shrank=True)


def prune(connection: sqlite3.Connection, may: May) -> int:
    """Delete those superseded versions that `may` allows; return how many passages were deleted."""
    old = labelled(connection, "d.superseded = 1")
    count = _remove(connection, [number for number, name, _, labels in old if may(name, labels)])
    pending.drop_all(connection)
    files.forget(connection)
    _advance(connection, revision(connection).embedding_model, shrank=True)
    return count


def clear(connection: sqlite3.Connection, may: May) -> None:
    """Delete all documents and roots. Raises `Forbidden` if `may` does not allow it for one of the documents."""
    check_destroyable(((name, labels) for _, name, _, labels in labelled(connection, "1 = 1")), may)
    for table in ("passages", "documents", "pending", "roots", "files"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our tables


def _advance(connection: sqlite3.Connection, embedding_model: str, *, shrank: bool) -> None:
    # In the same transaction as the write: a reader that sees the new rows sees the new generation too, and updates its
    # indexes. A new epoch tells it that passages were removed, which the indexes cannot follow by adding rows.
    now = revision(connection)
    values = {"generation": now.generation + 1, "epoch": now.epoch + shrank, "embedding_model": embedding_model}
    connection.executemany(
        "INSERT OR REPLACE INTO meta VALUES (?, ?)", [(key, str(item)) for key, item in values.items()]
    )


def _stored(connection: sqlite3.Connection, names: Sequence[str]) -> set[str]:
    """Return those of the document ids of which there is a version."""
    query = "SELECT DISTINCT document_id FROM documents WHERE document_id IN (SELECT value FROM json_each(?))"
    return {row[0] for row in connection.execute(query, (json.dumps(names),))}


def _supersede(connection: sqlite3.Connection, document_id: str, chosen: Callable[[Labels], bool]) -> int | None:
    """Return the number of passages superseded, `None` if no document was."""
    live = labelled(connection, "d.document_id = ? AND d.superseded = 0", (document_id,))
    numbers = [number for number, _, _, labels in live if chosen(labels)]
    if not numbers:
        return None
    listed = json.dumps(numbers)
    connection.execute(
        "UPDATE documents SET superseded = 1 WHERE version IN (SELECT value FROM json_each(?))", (listed,)
    )
    counted = "SELECT count(*) FROM passages WHERE version IN (SELECT value FROM json_each(?))"
    return int(connection.execute(counted, (listed,)).fetchone()[0])


def _narrow(connection: sqlite3.Connection, document: PreparedDocument, may: Callable[[Labels], bool]) -> None:
    """Give the old versions of a document labels that are no wider than that of its new one."""
    condition = "d.document_id IN (SELECT value FROM json_each(?)) AND d.superseded = 1"
    rows = labelled(connection, condition, (json.dumps(document.names),))
    old = [OldVersion(number, text_hash, labels) for number, _, text_hash, labels in rows]
    found, gone = narrowed(document.labels, old, may)
    connection.executemany(
        "UPDATE passages SET metadata = json_set(metadata, ?, json(?)) WHERE version = ?",
        [(f"$.{AUDIENCE}", json.dumps(labels), number) for number, labels in found.items()],
    )
    _remove(connection, gone)


def _remove(connection: sqlite3.Connection, versions: Sequence[int]) -> int:
    """Delete document versions; return how many passages they had."""
    listed = json.dumps([*versions])
    chosen = "WHERE version IN (SELECT value FROM json_each(?))"
    count = connection.execute(f"DELETE FROM passages {chosen}", (listed,)).rowcount  # noqa: S608 - a constant
    connection.execute(f"DELETE FROM documents {chosen}", (listed,))  # noqa: S608 - a constant
    return count


def _make_room(connection: sqlite3.Connection, document: PreparedDocument) -> None:
    """Free the evidence ids of a new version, which must be unique."""
    key = (document.document_id, document.text_hash)
    stored = labelled(connection, "d.document_id = ? AND d.text_hash = ?", key)
    named = json.dumps([item.evidence_id for item in document.passages])
    mine = {number: splitting(connection, number) for number, _, _, labels in stored if labels == document.labels}
    # A document may return to an earlier text: that version is deleted, the new one takes its place and its ids.
    divided = splitting_of(document.passages)
    _remove(connection, [number for number, other in mine.items() if other == divided])
    # If the text is split anew, passages that are the same move to the new version. Others stay: reports may cite them.
    split = json.dumps([number for number, other in mine.items() if other != divided])
    connection.execute(f"DELETE FROM passages WHERE id IN ({_TAKEN})", (split, named))  # noqa: S608 - a constant
    empty = """SELECT d.version FROM documents d WHERE d.version IN (SELECT value FROM json_each(?))
               AND NOT EXISTS (SELECT 1 FROM passages p WHERE p.version = d.version)"""
    _remove(connection, [row[0] for row in connection.execute(empty, (split,)).fetchall()])
    # Earlier releases left the label out of the ids. Such a document keeps its rows under other ids. What cites the old
    # ids finds the new version, which has the same name and text.
    others = json.dumps([number for number, _, _, labels in stored if labels != document.labels])
    for row in connection.execute(_TAKEN, (others, named)).fetchall():
        connection.execute("UPDATE passages SET evidence_id = ? WHERE id = ?", (random_evidence_id(), row["id"]))


def _insert(
    connection: sqlite3.Connection, document: PreparedDocument, vectors: Vectors | None, embedding_model: str
) -> None:
    key = (document.document_id, document.text_hash)
    version = connection.execute(
        """INSERT INTO documents (document_id, text_hash, source, title, parser, parser_version, pages, text,
           ingested_at, splitting) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *key,
            document.source,
            document.title,
            document.parser,
            document.parser_version,
            document.pages,
            document.text,
            document.ingested_at or datetime.now(UTC).isoformat(),
            document.splitting,
        ),
    ).lastrowid
    # An iterator: the rows of a document of 50 MB would be a second copy of it.
    connection.executemany(_PASSAGE, _rows(document, vectors, version, embedding_model))


def _rows(
    document: PreparedDocument, vectors: Vectors | None, version: int | None, embedding_model: str
) -> Iterator[tuple[Any, ...]]:
    """Yield the binds of `_PASSAGE`. A vector that is not given is taken from those that were kept."""
    metadata = document.metadata_text()
    given = repeat(None, len(document.passages)) if vectors is None else vectors
    for ordinal, (item, vector) in enumerate(zip(document.passages, given, strict=True)):
        yield (
            item.evidence_id,
            version,
            ordinal,
            item.start,
            item.end,
            item.page,
            item.page_end,
            json.dumps(item.heading_path),
            item.kind,
            document.text[item.start : item.end],
            metadata,
            None if vector is None else np.asarray(vector, dtype=np.float32).tobytes(),
            document.vector_id(item) if vector is None else None,
            embedding_model,
        )
