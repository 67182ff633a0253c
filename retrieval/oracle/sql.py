# ruff: noqa: S608 - statements are composed of constants of this module only; values are binds
"""The statements of a corpus in Oracle Database, and the conversion of their binds and rows.

`{P}` stands for the table prefix, `{WHERE}` for a compiled filter and `{ACCURACY}` for the target accuracy; all values
are binds. No statement has a hint: with langchain-oracledb's `VECTOR_INDEX_TRANSFORM`, the filter is applied after the
index has chosen its rows, and a search returns too few of them or none (oracle/langchain-oracle PR #233).
"""

from __future__ import annotations

import array
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from retrieval.backend import INVENTORY, LiveVersion, Revision, StoredVersion, labels_in_text
from retrieval.preparation import PreparedDocument, PreparedPassage
from settings.connections.oracle_pool import checked_prefix
from settings.oracle import OracleSettings
from state.access import Labels
from state.errors import BadInput, EmbeddingMismatch
from state.values import Passage

_LIVE = "d.tenant = :tenant AND d.corpus = :corpus AND d.superseded = 0"
_JOINED = "FROM {P}_PASSAGES p JOIN {P}_DOCUMENTS d ON d.version_no = p.version_no"
_LISTED = "({ITEMS})"
"""Filled by `placed`."""

_METADATA = (
    "(SELECT JSON_SERIALIZE(p.metadata RETURNING CLOB) FROM {P}_PASSAGES p "
    "WHERE p.version_no = d.version_no AND p.ordinal = 0)"
)
"""The metadata of a document version, with its access label: all of its passages have the same."""

_CORPUS = "FROM {P}_CORPORA c WHERE c.tenant = :tenant AND c.name = :corpus"

PASSAGE_FIELDS = (
    "evidence_id",
    "document_id",
    "title",
    "source",
    "page",
    "page_end",
    "start",
    "end",
    "text",
    "text_hash",
    "superseded",
    "heading_path",
    "kind",
    "metadata",
)
_COLUMNS = (
    "p.id, p.evidence_id, d.document_id, d.title, d.source, p.page, p.page_end, p.start_at, p.end_at, p.text, "
    "d.text_hash, d.superseded, JSON_SERIALIZE(p.heading_path RETURNING CLOB), p.kind, "
    "JSON_SERIALIZE(p.metadata RETURNING CLOB)"
)

NAMES = "SELECT c.name FROM {P}_CORPORA c WHERE c.tenant = :tenant ORDER BY c.name"
CREATE = "INSERT INTO {P}_CORPORA (tenant, name, hash_key) VALUES (:tenant, :corpus, :hash_key)"
HASH_KEY = f"SELECT c.hash_key {_CORPUS}"
SET_HASH_KEY = (
    "UPDATE {P}_CORPORA c SET c.hash_key = :hash_key WHERE c.tenant = :tenant AND c.name = :corpus "
    "AND c.hash_key IS NULL"
)
"""Gives a key to a corpus of an earlier release."""
REVISION = (
    "SELECT c.generation, c.epoch, c.embedding_model, "
    f"CASE WHEN EXISTS (SELECT 1 {_JOINED} WHERE {_LIVE}{{WHERE}}) THEN 1 ELSE 0 END {_CORPUS}"
)
COUNTS = (
    "SELECT c.generation, c.epoch, c.embedding_model, "
    f"(SELECT COUNT(DISTINCT d.version_no) {_JOINED} WHERE {_LIVE}{{WHERE}}), "
    f"(SELECT COUNT(*) {_JOINED} WHERE {_LIVE}{{WHERE}}) {_CORPUS}"
)
STOCK = (
    "SELECT c.generation, c.epoch, c.embedding_model, d.document_id, d.source, d.title, d.parser, d.parser_version, "
    "d.text_hash, d.pages, d.chars, (SELECT COUNT(*) FROM {P}_PASSAGES p WHERE p.version_no = d.version_no), "
    f"d.ingested_at, d.superseded, d.splitting, {_METADATA} FROM {{P}}_CORPORA c LEFT JOIN {{P}}_DOCUMENTS d "
    "ON d.tenant = c.tenant AND d.corpus = c.name WHERE c.tenant = :tenant AND c.name = :corpus "
    "ORDER BY d.source, d.version_no"
)
CURRENT = (
    f"SELECT d.version_no, d.splitting, d.text_hash, d.parser, d.parser_version, {_METADATA}, d.document_id "
    f"FROM {{P}}_DOCUMENTS d WHERE {_LIVE} AND d.document_id IN {_LISTED}"
)
_SAME = "d.tenant = :tenant AND d.corpus = :corpus AND d.document_id = :document_id AND d.text_hash = :text_hash"
SAME = f"SELECT d.version_no, {_METADATA}, d.splitting FROM {{P}}_DOCUMENTS d WHERE {_SAME}"
"""The versions of one text under several labels."""
CANONICAL = f"SELECT {_METADATA}, d.text FROM {{P}}_DOCUMENTS d WHERE {_SAME}"
LIVE_TEXTS = (
    f"SELECT d.document_id, {_METADATA}, d.text FROM {{P}}_DOCUMENTS d WHERE {_LIVE} AND d.document_id IN {_LISTED}"
)

_VERSION = "d.tenant = :tenant AND d.corpus = :corpus AND d.version_no = :version_no"
VERSION_FIELDS = ("source", "title", "text", "parser", "parser_version", "pages", "ingested_at", "splitting")
VERSION = (
    "SELECT d.source, d.title, d.text, d.parser, d.parser_version, d.pages, d.ingested_at, d.splitting "
    f"FROM {{P}}_DOCUMENTS d WHERE {_VERSION}"
)
VERSION_PASSAGES = (
    "SELECT p.evidence_id, p.start_at, p.end_at, p.page, p.page_end, "
    "JSON_SERIALIZE(p.heading_path RETURNING CLOB), p.kind, JSON_SERIALIZE(p.metadata RETURNING CLOB), p.text, "
    "p.embedding "
    f"{_JOINED} WHERE {_VERSION} ORDER BY p.ordinal"
)
KEYWORD = (
    f"SELECT p.id, SCORE(1) AS relevance {_JOINED} WHERE CONTAINS(p.search_text, :query, 1) > 0 "
    f"AND {_LIVE}{{WHERE}} ORDER BY relevance DESC, p.id FETCH FIRST :depth ROWS ONLY"
)
EXACT = (
    f"SELECT p.id, VECTOR_DISTANCE(p.embedding, :vector, COSINE) AS distance {_JOINED} WHERE {_LIVE}{{WHERE}} "
    "ORDER BY distance, p.id FETCH FIRST :depth ROWS ONLY"
)
APPROXIMATE = (
    "SELECT n.id, n.distance FROM (SELECT p.id, p.version_no, VECTOR_DISTANCE(p.embedding, :vector, COSINE) "
    "AS distance FROM {P}_PASSAGES p ORDER BY distance "
    "FETCH APPROX FIRST :near ROWS ONLY WITH TARGET ACCURACY {ACCURACY}) n "
    f"JOIN {{P}}_DOCUMENTS d ON d.version_no = n.version_no WHERE {_LIVE} "
    "ORDER BY n.distance, n.id FETCH FIRST :depth ROWS ONLY"
)
"""Finds the nearest rows of the whole table, then keeps those of the corpus; the caller falls back to `EXACT`."""

HYBRID = (
    "SELECT p.id, h.text_score, VECTOR_DISTANCE(p.embedding, :vector, COSINE) AS distance FROM "
    "JSON_TABLE(DBMS_HYBRID_VECTOR.SEARCH(JSON(:asked)), '$[*]' COLUMNS (found VARCHAR2(18) PATH '$.rowid', "
    "text_score NUMBER PATH '$.text_score')) h JOIN {P}_PASSAGES p ON p.rowid = CHARTOROWID(h.found) "
    f"JOIN {{P}}_DOCUMENTS d ON d.version_no = p.version_no WHERE {_LIVE}{{WHERE}}"
)
"""Finds the best rows of the whole hybrid index in one call, then keeps those that the corpus, the label and the filter
allow, with their exact distance; the caller falls back to the two searches."""

ROWS = f"SELECT {_COLUMNS} {_JOINED} WHERE {_LIVE} AND p.id IN {_LISTED}"
BY_EVIDENCE = (
    f"SELECT {_COLUMNS} {_JOINED} WHERE d.tenant = :tenant AND d.corpus = :corpus AND p.evidence_id IN {_LISTED}"
)
BY_DOCUMENT = f"SELECT {_COLUMNS} {_JOINED} WHERE {_LIVE} AND d.document_id IN {_LISTED}"
COPIES = (
    f"SELECT o.evidence_id AS copied, {_COLUMNS} {_JOINED} "
    "JOIN {P}_DOCUMENTS e ON e.tenant = d.tenant AND e.corpus = d.corpus "
    "AND e.text_hash = d.text_hash AND e.version_no <> d.version_no "
    "JOIN {P}_PASSAGES o ON o.version_no = e.version_no AND o.start_at = p.start_at AND o.end_at = p.end_at "
    f"WHERE {_LIVE} AND o.evidence_id IN {_LISTED}{{WHERE}} ORDER BY p.id"
)
NEIGHBOURS = (
    f"SELECT {_COLUMNS} {_JOINED} JOIN {{P}}_PASSAGES o ON o.version_no = p.version_no "
    "WHERE d.tenant = :tenant AND d.corpus = :corpus AND o.evidence_id = :evidence_id AND p.id <> o.id "
    "AND p.ordinal BETWEEN o.ordinal - :before AND o.ordinal + :after ORDER BY p.ordinal"
)

_ONE_CORPUS = "WHERE c.tenant = :tenant AND c.name = :corpus"
_LASTING = "c.writer_until = SYSTIMESTAMP + NUMTODSINTERVAL(:seconds, 'SECOND')"
_FREE = "(c.writer IS NULL OR c.writer_until < SYSTIMESTAMP)"
WRITING = f"SELECT CASE WHEN {_FREE} THEN 0 ELSE 1 END {_CORPUS}"
CLAIM = f"UPDATE {{P}}_CORPORA c SET c.writer = :writer, {_LASTING} {_ONE_CORPUS} AND {_FREE}"
RENEW = f"UPDATE {{P}}_CORPORA c SET {_LASTING} {_ONE_CORPUS} AND c.writer = :writer"
RELEASE = f"UPDATE {{P}}_CORPORA c SET c.writer = NULL, c.writer_until = NULL {_ONE_CORPUS} AND c.writer = :writer"
LOCK = f"SELECT c.dimensions, c.writer {_CORPUS} FOR UPDATE WAIT 30"
"""Waits for other sessions: a claim of another writer holds the row for a moment."""

_HELD_VERSIONS = (
    "SELECT d.document_id, d.text_hash, d.version_no, d.superseded, "
    f"(SELECT COUNT(*) FROM {{P}}_PASSAGES p WHERE p.version_no = d.version_no), {_METADATA}, d.splitting "
    "FROM {P}_DOCUMENTS d WHERE d.tenant = :tenant AND d.corpus = :corpus AND "
)
VERSIONS = f"{_HELD_VERSIONS}d.document_id IN {_LISTED}"
OLD_VERSIONS = f"{_HELD_VERSIONS}d.superseded = 1"
ALL_VERSIONS = f"{_HELD_VERSIONS}d.superseded IN (0, 1)"
CLEAR_DOCUMENTS = "DELETE FROM {P}_DOCUMENTS d WHERE d.tenant = :tenant AND d.corpus = :corpus"
"""The passages are deleted with them (ON DELETE CASCADE)."""
CLEAR_PENDING = "DELETE FROM {P}_PENDING n WHERE n.tenant = :tenant AND n.corpus = :corpus"
CLEAR_ROOTS = "DELETE FROM {P}_ROOTS r WHERE r.tenant = :tenant AND r.corpus = :corpus"
CLEAR_CORPUS = "DELETE FROM {P}_CORPORA c WHERE c.tenant = :tenant AND c.name = :corpus"
SUPERSEDE = (
    "UPDATE {P}_DOCUMENTS d SET d.superseded = 1 WHERE d.tenant = :tenant AND d.corpus = :corpus "
    "AND d.version_no = :version_no"
)
DELETE_VERSION = f"DELETE FROM {{P}}_DOCUMENTS d WHERE {_VERSION}"
"""The passages are deleted with it (ON DELETE CASCADE)."""
_OF_VERSION = f"p.version_no = (SELECT d.version_no FROM {{P}}_DOCUMENTS d WHERE {_VERSION})"
DELETE_PASSAGE = f"DELETE FROM {{P}}_PASSAGES p WHERE p.evidence_id = :evidence_id AND {_OF_VERSION}"
DELETE_EMPTY = f"{DELETE_VERSION} AND NOT EXISTS (SELECT 1 FROM {{P}}_PASSAGES p WHERE p.version_no = d.version_no)"
"""Deletes a version of whose passages none is left."""
ROOTS = (
    "SELECT r.name, r.folder FROM {P}_ROOTS r WHERE r.tenant = :tenant AND r.corpus = :corpus ORDER BY r.name, r.folder"
)
INSERT_ROOT = "INSERT INTO {P}_ROOTS (tenant, corpus, folder, name) VALUES (:tenant, :corpus, :folder, :name)"
EARLIER = (
    f"SELECT DISTINCT d.document_id FROM {{P}}_DOCUMENTS d WHERE {_LIVE} AND d.splitting IS NULL "
    "AND d.parser NOT IN ('langchain', 'vector_store') ORDER BY d.document_id"
)
"""The documents of earlier releases that were read from files."""
RELABEL = f"UPDATE {{P}}_PASSAGES p SET p.metadata = :metadata WHERE {_OF_VERSION}"
RENAME = f"UPDATE {{P}}_PASSAGES p SET p.evidence_id = :fresh WHERE p.evidence_id = :evidence_id AND {_OF_VERSION}"
INSERT_DOCUMENT = (
    "INSERT INTO {P}_DOCUMENTS (tenant, corpus, document_id, text_hash, source, title, parser, parser_version, "
    "pages, text, chars, ingested_at, splitting) VALUES (:tenant, :corpus, :document_id, :text_hash, :source, :title, "
    ":parser, :parser_version, :pages, :text, :chars, :ingested_at, :splitting)"
)
INSERT_PASSAGE = (
    "INSERT INTO {P}_PASSAGES (evidence_id, version_no, ordinal, start_at, end_at, page, page_end, heading_path, "
    "kind, text, search_text, metadata, embedding) VALUES (:evidence_id, :version_no, :ordinal, :start_at, :end_at, "
    ":page, :page_end, :heading_path, :kind, :text, :search_text, :metadata, :embedding)"
)
_PENDING = "FROM {P}_PENDING n WHERE n.tenant = :tenant AND n.corpus = :corpus"
KEPT = f"SELECT n.evidence_id, n.embedding_model {_PENDING} AND n.document_id = :document_id"
KEPT_VECTORS = (
    f"SELECT n.evidence_id, n.embedding {_PENDING} AND n.embedding_model = :embedding_model "
    f"AND n.evidence_id IN {_LISTED}"
)
KEEP = (
    "INSERT INTO {P}_PENDING (tenant, corpus, document_id, evidence_id, embedding_model, embedding) VALUES (:tenant, "
    ":corpus, :document_id, :evidence_id, :embedding_model, :embedding)"
)
DROP_ONE = f"DELETE {_PENDING} AND n.evidence_id = :evidence_id AND n.embedding_model = :embedding_model"
DROP_DOCUMENT = f"DELETE {_PENDING} AND n.document_id = :document_id"
DROP_ALL = f"DELETE {_PENDING}"
"""The vectors of documents that are not stored yet. `DROP_ALL` is part of pruning."""

ADVANCE = (
    "UPDATE {P}_CORPORA c SET c.generation = c.generation + 1, c.epoch = c.epoch + :shrank, "
    f"c.embedding_model = NVL(:embedding_model, c.embedding_model), {_LASTING} {_ONE_CORPUS} AND c.writer = :writer"
)
"""Ends a transaction that changed what a search finds; renews the lease as `RENEW` does."""

EMBED = (
    "SELECT VECTOR_EMBEDDING({MODEL} USING t.item AS DATA) FROM "
    "JSON_TABLE(:items, '$[*]' COLUMNS (place FOR ORDINALITY, item VARCHAR2(4000 BYTE) PATH '$')) t ORDER BY t.place"
)
"""The name of the model is part of the syntax and cannot be a bind; `checked_model` accepts only identifiers."""

_WORD = re.compile(r"\w+")
LONG_TEXT = 1000
"""The characters of a text that is bound elsewhere than as the value of a column. The driver reserves four bytes for
each, and declares more than the 4,000 of a VARCHAR2 (`MAX_STRING_SIZE=STANDARD`) as LONG, which the database takes only
to store it (ORA-01461)."""

LIST_SIZES = (1, 8, 64, 512)
"""The numbers of binds in a list: few, so that few statements are parsed. The optimizer knows the length of a list; for
a JSON_TABLE it would guess thousands of rows, whatever it holds, and then not use the index (R. Geist, "Table Functions
and Join Cardinality Estimates")."""


class Sql:
    """Fills table prefix and accuracy into statements. Raises `SettingsInvalid` for a malformed prefix."""

    def __init__(self, oracle: OracleSettings) -> None:
        self._prefix = checked_prefix(oracle)
        # Oracle's grammar requires a literal here; `int` keeps anything else out of the text.
        self._accuracy = str(int(oracle.target_accuracy))

    @property
    def text_index(self) -> str:
        """The name of the index of the passages' texts."""
        return f"{self._prefix}_PASSAGES_TX"

    def __call__(self, statement: str, where: str = "") -> str:
        """Return a statement of this module; `where` is a compiled filter."""
        text = statement.replace("{P}", self._prefix).replace("{ACCURACY}", self._accuracy)
        return text.replace("{WHERE}", f" AND {where}" if where else "")


def placed(statement: str, items: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """Return a statement with places for up to `LIST_SIZES[-1]` items, and their binds. The last one fills the rest."""
    size = next(each for each in LIST_SIZES if each >= len(items))
    binds = {f"i{n}": items[min(n, len(items) - 1)] for n in range(size)}
    return statement.replace("{ITEMS}", ", ".join(f":{name}" for name in binds)), binds


def similarity(distance: float | None) -> float:
    """Return the cosine similarity for a cosine distance; 0 without one, as for a vector of zeros."""
    return 0.0 if distance is None or math.isnan(distance) else 1.0 - float(distance)


def contains_query(query: str) -> str:
    """Return an Oracle Text expression that matches any word of `query`; empty if it has no words.

    Each word is put in braces, where Oracle Text knows no operators, wildcards or reserved words; a word cannot contain
    a brace. Words beyond `LONG_TEXT` characters are left out; the vector leg still uses the whole query.
    """
    words = dict.fromkeys(_WORD.findall(query.lower()))
    expression = ""
    for word in words:
        longer = f"{expression} ACCUM {{{word}}}" if expression else f"{{{word}}}"
        if len(longer) > LONG_TEXT:
            break
        expression = longer
    return expression


def as_vector(values: Sequence[float], dimensions: int | None = None) -> array.array[float]:
    """Return a vector as a bind.

    Raises:
        BadInput: a value is NaN or infinite.
        EmbeddingMismatch: the vector does not have `dimensions` values.
    """
    if dimensions is not None and len(values) != dimensions:
        raise EmbeddingMismatch(f"a vector has {len(values)} dimensions, the tables of the corpus require {dimensions}")
    found = array.array("f", values)
    if not all(map(math.isfinite, found)):
        raise BadInput("a vector contains NaN or infinity", hint="embed the text again, or use another embedding model")
    return found


def depth_of(depth: object) -> int:
    """Return `depth` if it is a whole number from 1 on; raise `BadInput` otherwise."""
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise BadInput(f"{depth!r} is not a number of rows", hint="use a whole number from 1 on")
    return depth


def as_revision(row: Sequence[Any]) -> Revision:
    """Return the revision in the first three columns of a row."""
    return Revision(int(row[0]), int(row[1]), row[2] or "")


class HeldVersion(NamedTuple):
    """A document version as a writer sees it."""

    document_id: str
    text_hash: str
    version: int
    superseded: bool
    passages: int
    metadata: str | None
    splitting: str | None

    @property
    def labels(self) -> Labels:
        """The access label."""
        return labels_in_text(self.metadata)


def as_held(row: Sequence[Any]) -> HeldVersion:
    """Return the version of a row of `VERSIONS` or `OLD_VERSIONS`."""
    return HeldVersion(str(row[0]), str(row[1]), int(row[2]), bool(row[3]), int(row[4]), row[5], row[6])


def as_live(row: Sequence[Any], splitting: str) -> LiveVersion:
    """Return the version of a row of `CURRENT`, which is split as `splitting` says."""
    # `or ""`: Oracle stores empty text as NULL.
    return LiveVersion(row[2] or "", row[3] or "", row[4] or "", row[5], splitting)


def as_entry(row: Sequence[Any]) -> dict[str, Any]:
    """Return an entry of the inventory from the columns of a document in a row of `STOCK`."""
    fields = dict(zip(INVENTORY, row, strict=False))
    texts = {name: fields[name] or "" for name in ("source", "title", "parser", "parser_version")}
    return {**fields, **texts, "superseded": bool(fields["superseded"]), "labels": labels_in_text(row[-1])}


def as_places(rows: Sequence[Sequence[Any]]) -> tuple[PreparedPassage, ...]:
    """Return the passages of the rows of `VERSION_PASSAGES`."""
    return tuple(
        PreparedPassage(each[0], each[1], each[2], each[3], each[4], tuple(json.loads(each[5])), each[6])
        for each in rows
    )


def as_version(document_id: str, text_hash: str, row: Sequence[Any], rows: Sequence[Sequence[Any]]) -> StoredVersion:
    """Return a document version from a row of `VERSION` and the rows of `VERSION_PASSAGES`."""
    fields = dict(zip(VERSION_FIELDS, row, strict=True))
    texts: dict[str, Any] = {name: fields[name] or "" for name in VERSION_FIELDS if name not in ("pages", "splitting")}
    passages = as_places(rows)
    metadata = tuple(json.loads(each[7]) for each in rows)
    document = PreparedDocument(
        document_id=document_id,
        text_hash=text_hash,
        pages=fields["pages"],
        splitting=fields["splitting"],
        passages=passages,
        metadata=metadata[0] if metadata else {},
        **texts,
    )
    return StoredVersion(document, [each[9] for each in rows], tuple(each[8] or "" for each in rows), metadata)


def as_passage(row: Sequence[Any]) -> Passage:
    """Return the passage of a row that holds the row's id and then `PASSAGE_FIELDS`."""
    fields: Mapping[str, Any] = dict(zip(PASSAGE_FIELDS, row[1:], strict=True))
    texts = {name: fields[name] or "" for name in ("title", "source", "text")}
    return Passage.model_validate(
        {
            **fields,
            **texts,
            "superseded": bool(fields["superseded"]),
            "heading_path": tuple(json.loads(fields["heading_path"])),
            "metadata": json.loads(fields["metadata"]),
        }
    )
