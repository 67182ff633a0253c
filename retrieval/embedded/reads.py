"""The queries of the corpus database. Each function takes a connection that is in a read transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from retrieval.backend import INVENTORY, LiveVersion, Revision, StoredVersion, labels_in_text
from retrieval.embedded.filters import compile_where
from retrieval.preparation import PreparedDocument, PreparedPassage, splitting_of
from retrieval.roots import Root
from retrieval.subjects import OPENING
from state.access import Held, Labels, may_read
from state.values import Passage

_OF_PASSAGE = ("id", "evidence_id", "start", "end", "page", "page_end", "kind", "text", "heading_path", "metadata")
_OF_DOCUMENT = ("document_id", "title", "source", "text_hash", "superseded")
_COLUMNS = ", ".join([*(f'p."{name}"' for name in _OF_PASSAGE), *(f"d.{name}" for name in _OF_DOCUMENT)])
_JOINED = "FROM passages p JOIN documents d ON d.version = p.version"
_METADATA = "(SELECT p.metadata FROM passages p WHERE p.version = d.version AND p.ordinal = 0) AS metadata"
"""The metadata of a document version: all of its passages have the same."""
_DOCUMENT = (
    "document_id",
    "source",
    "title",
    "text",
    "text_hash",
    "parser",
    "parser_version",
    "pages",
    "ingested_at",
    "splitting",
)
_LISTED = ", ".join(f"d.{name}" for name in INVENTORY if name not in ("chars", "passages"))
_PLACE = ("evidence_id", "start", "end", "page", "page_end", "kind")
_CITED = (*_PLACE, "document_id", "title", "source", "text", "text_hash")


def revision(connection: sqlite3.Connection) -> Revision:
    """Return the revision of the last committed write."""
    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    counts = int(meta.get("generation", 0)), int(meta.get("epoch", 0))
    return Revision(*counts, meta.get("embedding_model", ""), meta.get("hash_key", ""))


def live_versions(connection: sqlite3.Connection, document_ids: Iterable[str]) -> dict[str, list[LiveVersion]]:
    """Return the live documents by id."""
    query = f"""SELECT d.document_id, d.version, d.text_hash, d.parser, d.parser_version, d.splitting, {_METADATA}
                FROM json_each(?) asked JOIN documents d ON d.document_id = asked.value AND d.superseded = 0
                ORDER BY d.version"""  # noqa: S608 - a constant
    found: dict[str, list[LiveVersion]] = {}
    for row in connection.execute(query, (json.dumps([*document_ids]),)).fetchall():
        version = LiveVersion(
            **{name: row[name] for name in ("text_hash", "parser", "parser_version", "metadata")},
            splitting=row["splitting"] or splitting(connection, row["version"]),
        )
        found.setdefault(row["document_id"], []).append(version)
    return found


def splitting(connection: sqlite3.Connection, number: int) -> str:
    """Return how a document version is split. For those of earlier releases, it is not stored."""
    stored = connection.execute("SELECT splitting FROM documents WHERE version = ?", (number,)).fetchone()[0]
    if stored:
        return str(stored)
    query = "SELECT * FROM passages WHERE version = ? ORDER BY ordinal"
    return splitting_of(map(_place, connection.execute(query, (number,))))


def roots(connection: sqlite3.Connection) -> list[Root]:
    """Return the source roots."""
    return [Root(*row) for row in connection.execute("SELECT name, folder FROM roots ORDER BY rowid")]


def earlier(connection: sqlite3.Connection) -> list[str]:
    """Return the ids of the live documents of earlier releases that were read from files."""
    query = """SELECT DISTINCT document_id FROM documents WHERE splitting IS NULL AND superseded = 0
               AND parser NOT IN ('langchain', 'vector_store') ORDER BY document_id"""
    return [str(row[0]) for row in connection.execute(query)]


def labelled(
    connection: sqlite3.Connection, condition: str, binds: Sequence[Any] = ()
) -> list[tuple[int, str, str, Labels]]:
    """Return number, id, text hash and access label of the document versions that meet `condition`."""
    query = f"SELECT d.version, d.document_id, d.text_hash, {_METADATA} FROM documents d WHERE {condition}"  # noqa: S608 - constants of our modules
    return [(*row[:3], labels_in_text(row[3])) for row in connection.execute(query, binds).fetchall()]


def rows_after(connection: sqlite3.Connection, last: int) -> Iterator[dict[str, Any]]:
    """Yield the live passages with a row id above `last`, in that order, with what the keyword index needs of them."""
    query = f"""SELECT p.id, p.version, p.ordinal, d.title, p.heading_path, p.text {_JOINED}
                WHERE d.superseded = 0 AND p.id > ? ORDER BY p.id"""
    first = "SELECT substr(text, 1, length(title) + ?) FROM documents WHERE version = ?"
    version, opening = None, ""
    for row in connection.execute(query, (last,)):
        if row["version"] != version:  # SQLite reads the whole text for its opening: once, and not for each passage
            version = row["version"]
            opening = connection.execute(first, (2 * OPENING, version)).fetchone()[0]
        yield {**dict(row), "opening": opening}


def vectors_after(connection: sqlite3.Connection, last: int) -> Iterator[sqlite3.Row]:
    """Yield the live passages with a row id above `last`, in that order: id, vector."""
    query = f"SELECT p.id, p.vector {_JOINED} WHERE d.superseded = 0 AND p.id > ? ORDER BY p.id"
    return connection.execute(query, (last,))


def counted_after(connection: sqlite3.Connection, last: int) -> tuple[int, int]:
    """Return how many live passages have a row id above `last`, and the highest row id."""
    query = f"SELECT count(*), max(p.id) {_JOINED} WHERE d.superseded = 0 AND p.id > ?"
    count, highest = connection.execute(query, (last,)).fetchone()
    return count, last if highest is None else highest


def ids_until(connection: sqlite3.Connection, last: int) -> tuple[Any, Any]:
    """Return the row ids up to `last` of all passages that are stored, and of the live ones (int64, ascending)."""
    asked = (
        "SELECT id FROM passages WHERE id <= ? ORDER BY id",
        f"SELECT p.id {_JOINED} WHERE d.superseded = 0 AND p.id <= ? ORDER BY p.id",
    )
    stored, live = (np.fromiter((row[0] for row in connection.execute(query, (last,))), np.int64) for query in asked)
    return stored, live


def has_readable(connection: sqlite3.Connection, held: Held) -> bool:
    """Return whether `held` may read a live passage."""
    condition, binds = compile_where({}, held)
    query = f"SELECT 1 {_JOINED} WHERE d.superseded = 0 AND {condition} LIMIT 1"
    return connection.execute(query, binds).fetchone() is not None


def matching(connection: sqlite3.Connection, condition: str, binds: Sequence[Any]) -> list[int]:
    """Return the row ids of the live passages that meet `condition`, ascending."""
    query = f"SELECT p.id {_JOINED} WHERE d.superseded = 0 AND {condition} ORDER BY p.id"
    return [row[0] for row in connection.execute(query, binds)]


def vectors(connection: sqlite3.Connection, rows: Iterable[int]) -> list[sqlite3.Row]:
    """Return id and vector of those of the passages that are stored."""
    query = "SELECT id, vector FROM passages WHERE id IN (SELECT value FROM json_each(?))"
    return connection.execute(query, (json.dumps([*rows]),)).fetchall()


def live(connection: sqlite3.Connection, rows: Iterable[int]) -> dict[int, Passage]:
    """Return those of the passages that are live, by row id."""
    return {row["id"]: _passage(row) for row in _live(connection, "p.id", rows)}


def live_by_document(connection: sqlite3.Connection, document_ids: Iterable[str]) -> list[Passage]:
    """Return the live passages of the given documents."""
    return [_passage(row) for row in _live(connection, "d.document_id", document_ids)]


def by_evidence(connection: sqlite3.Connection, evidence_ids: Iterable[str]) -> dict[str, Passage]:
    """Return passages by evidence id, superseded ones included."""
    return {row["evidence_id"]: _passage(row) for row in _select(connection, "p.evidence_id", evidence_ids)}


def copies(
    connection: sqlite3.Connection, evidence_ids: Iterable[str], where: Mapping[str, Any], held: Held
) -> dict[str, list[Passage]]:
    """Return the live passages at the same place of other documents of the same text, by evidence id."""
    condition, binds = compile_where(where, held)
    query = f"""SELECT o.copied, {_COLUMNS} FROM (
                  SELECT p.evidence_id AS copied, p.start AS at, p."end" AS until, d.version AS original,
                  d.text_hash AS same FROM json_each(?) asked JOIN passages p ON p.evidence_id = asked.value
                  JOIN documents d ON d.version = p.version) o
                JOIN documents d ON d.text_hash = o.same AND d.version <> o.original AND d.superseded = 0
                JOIN passages p ON p.version = d.version AND p.start = o.at AND p."end" = o.until
                WHERE {condition} ORDER BY p.id"""  # noqa: S608 - `condition` holds no values
    found: dict[str, list[Passage]] = {}
    for row in connection.execute(query, (json.dumps([*evidence_ids]), *binds)):
        found.setdefault(row["copied"], []).append(_passage(row))
    return found


def neighbours(connection: sqlite3.Connection, evidence_id: str, before: int, after: int) -> list[Passage]:
    """Return the passages before and after the given one, in reading order."""
    query = f"""SELECT {_COLUMNS} {_JOINED} JOIN passages o ON o.version = p.version WHERE o.evidence_id = ?
                AND p.id <> o.id AND p.ordinal BETWEEN o.ordinal - ? AND o.ordinal + ? ORDER BY p.ordinal"""
    return [_passage(row) for row in connection.execute(query, (evidence_id, before, after))]


def canonical_text(connection: sqlite3.Connection, document_id: str, text_hash: str, held: Held = None) -> str | None:
    """Return the text of one document version, if `held` may read it."""
    # Versions of one text under several labels: any that may be read will do.
    condition = "d.document_id = ? AND d.text_hash = ?"
    for number, _, _, labels in labelled(connection, condition, (document_id, text_hash)):
        if may_read(labels, held):
            row = connection.execute("SELECT text FROM documents WHERE version = ?", (number,)).fetchone()
            return str(row["text"])
    return None


def live_texts(connection: sqlite3.Connection, document_ids: Iterable[str], held: Held = None) -> list[str]:
    """Return the texts of those of the documents that are live and that `held` may read, in the order given."""
    query = "SELECT text FROM documents WHERE version = ?"
    return [
        str(connection.execute(query, (number,)).fetchone()["text"])
        for each in dict.fromkeys(document_ids)
        for number, _, _, labels in labelled(connection, "d.document_id = ? AND d.superseded = 0", (each,))
        if may_read(labels, held)
    ]


def version(
    connection: sqlite3.Connection, document_id: str, text_hash: str, labels: Labels, splitting: str | None
) -> StoredVersion | None:
    """Return one document version with its passages and vectors in reading order."""
    condition = "d.document_id = ? AND d.text_hash = ? AND d.splitting IS ?"
    found = labelled(connection, condition, (document_id, text_hash, splitting))
    number = next((each[0] for each in found if each[3] == labels), None)
    if number is None:
        return None
    row = connection.execute("SELECT * FROM documents WHERE version = ?", (number,)).fetchone()
    passages = "SELECT * FROM passages WHERE version = ? ORDER BY ordinal"
    return _stored(row, connection.execute(passages, (number,)).fetchall())


def inventory(connection: sqlite3.Connection) -> tuple[Revision, Sequence[Mapping[str, Any]]]:
    """Return the revision and every document version with its number of passages and its access label."""
    # Without the text: of all documents together, it may not fit into memory.
    query = f"""SELECT {_LISTED}, length(d.text) AS chars, (SELECT count(*) FROM passages p WHERE p.version = d.version)
                AS passages, {_METADATA} FROM documents d ORDER BY d.source, d.version"""  # noqa: S608 - a constant
    rows = connection.execute(query).fetchall()
    entries = [{**{name: row[name] for name in INVENTORY}, "labels": labels_in_text(row["metadata"])} for row in rows]
    return revision(connection), entries


def counts(connection: sqlite3.Connection, held: Held = None) -> tuple[Revision, int, int]:
    """Return the revision and the numbers of live documents and passages that `held` may read."""
    condition, binds = compile_where({}, held)
    query = f"""SELECT count(DISTINCT d.version), count(p.id) FROM documents d LEFT JOIN passages p USING (version)
                WHERE d.superseded = 0 AND {condition}"""  # noqa: S608 - `condition` holds no values
    documents, passages = connection.execute(query, binds).fetchone()
    return revision(connection), documents, passages


def hash_key(connection: sqlite3.Connection) -> bytes:
    """Return the random key of this corpus."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'hash_key'").fetchone()
    return bytes.fromhex(row["value"])


def _live(connection: sqlite3.Connection, column: str, values: Iterable[Any]) -> list[sqlite3.Row]:
    return [row for row in _select(connection, column, values) if not row["superseded"]]


def _select(connection: sqlite3.Connection, column: str, values: Iterable[Any]) -> list[sqlite3.Row]:
    # One bind for the whole list: SQLite allows 32,766 binds in a statement, and a list may be longer.
    query = f"SELECT {_COLUMNS} {_JOINED} WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - `column` is a constant of this module
    return connection.execute(query, (json.dumps([*values]),)).fetchall()


def _passage(row: sqlite3.Row) -> Passage:
    return Passage(
        **{name: row[name] for name in _CITED},
        heading_path=tuple(json.loads(row["heading_path"])),
        superseded=bool(row["superseded"]),
        metadata=json.loads(row["metadata"]),
    )


def _place(row: sqlite3.Row) -> PreparedPassage:
    return PreparedPassage(**{name: row[name] for name in _PLACE}, heading_path=tuple(json.loads(row["heading_path"])))


def _stored(row: sqlite3.Row, rows: Sequence[sqlite3.Row]) -> StoredVersion:
    passages = tuple(map(_place, rows))
    metadata = tuple(json.loads(each["metadata"]) for each in rows)
    document = PreparedDocument(
        **{name: row[name] for name in _DOCUMENT}, passages=passages, metadata=metadata[0] if metadata else {}
    )
    vectors = [np.frombuffer(each["vector"], dtype=np.float32).tolist() for each in rows]
    return StoredVersion(document, vectors, tuple(each["text"] for each in rows), metadata)
