"""The tables of the corpora in Oracle Database 23ai or later, as statements for `sixplane db init`.

- One set of tables holds all corpora: every document names its tenant and corpus.
- Every corpus stores the dimensions of the VECTOR column, so vectors of another length are refused before a write.
- Columns that may be empty are nullable, because Oracle takes empty text for NULL.
- The length of a text in code points is stored, because LENGTH counts the UTF-16 units of a CLOB.
- Keyword search covers title, headings and text together, as in the embedded index.
- Evidence ids are stored in full and are unique; `OracleVS` would keep 64 bits of a hash.
- Names are plain upper-case identifiers with the configured prefix, neither quoted nor schema-qualified:
  langchain-oracledb's index helpers do not find quoted or qualified tables again.
"""

from __future__ import annotations

from retrieval.documents import LONGEST_ID
from retrieval.roots import LONGEST_FOLDER
from settings.connections.oracle_pool import checked_prefix
from settings.oracle import OracleSettings

MAX_DIMENSIONS = 65_535
"""The limit of a VECTOR column (SQL Language Reference, 23ai)."""

_SYNC = "MAINTENANCE MANUAL SYNC (ON COMMIT)"
"""Committed passages are found at once. Automatic maintenance, the default since 23ai, lags behind and allows no other
SYNC option."""


def corpus_ddl(oracle: OracleSettings, dimensions: int) -> list[str]:
    """Return the statements that create the tables and indexes, but for the vector index (`index_care.py`).

    Args:
        oracle: the table prefix.
        dimensions: the length of the vectors; embeddings of another length need other tables.

    Raises:
        ValueError: `dimensions` is out of range.
        SettingsInvalid: the prefix is not an identifier.
    """
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"a vector has 1 to {MAX_DIMENSIONS} dimensions, not {dimensions}")
    prefix = checked_prefix(oracle)
    corpora = f"""CREATE TABLE {prefix}_CORPORA (
        tenant VARCHAR2(64 CHAR) NOT NULL, name VARCHAR2(64 CHAR) NOT NULL,
        generation NUMBER(18) DEFAULT 0 NOT NULL, epoch NUMBER(18) DEFAULT 0 NOT NULL,
        embedding_model VARCHAR2(200 CHAR), dimensions NUMBER(5) DEFAULT {dimensions} NOT NULL,
        CONSTRAINT {prefix}_CORPORA_PK PRIMARY KEY (tenant, name))"""
    documents = f"""CREATE TABLE {prefix}_DOCUMENTS (
        version_no NUMBER(18) GENERATED ALWAYS AS IDENTITY CONSTRAINT {prefix}_DOCUMENTS_PK PRIMARY KEY,
        tenant VARCHAR2(64 CHAR) NOT NULL, corpus VARCHAR2(64 CHAR) NOT NULL,
        document_id VARCHAR2(1000 CHAR) NOT NULL, text_hash VARCHAR2(64 CHAR) NOT NULL,
        source VARCHAR2(4000 BYTE), title VARCHAR2(4000 BYTE),
        parser VARCHAR2(100 CHAR), parser_version VARCHAR2(100 CHAR), pages NUMBER(9), text CLOB,
        chars NUMBER(12) NOT NULL, ingested_at VARCHAR2(40 CHAR) NOT NULL, superseded NUMBER(1) DEFAULT 0 NOT NULL,
        CONSTRAINT {prefix}_DOCUMENTS_FK FOREIGN KEY (tenant, corpus) REFERENCES {prefix}_CORPORA (tenant, name))"""
    passages = f"""CREATE TABLE {prefix}_PASSAGES (
        id NUMBER(18) GENERATED ALWAYS AS IDENTITY CONSTRAINT {prefix}_PASSAGES_PK PRIMARY KEY,
        evidence_id VARCHAR2(27 CHAR) NOT NULL CONSTRAINT {prefix}_PASSAGES_UK UNIQUE,
        version_no NUMBER(18) NOT NULL
        CONSTRAINT {prefix}_PASSAGES_FK REFERENCES {prefix}_DOCUMENTS (version_no) ON DELETE CASCADE,
        ordinal NUMBER(9) NOT NULL, start_at NUMBER(12) NOT NULL, end_at NUMBER(12) NOT NULL,
        page NUMBER(9), page_end NUMBER(9), heading_path JSON NOT NULL, text CLOB,
        search_text CLOB, metadata JSON NOT NULL,
        embedding VECTOR({dimensions}, FLOAT32) NOT NULL)"""
    statements = [corpora, documents, passages]
    statements += [
        f"CREATE INDEX {prefix}_DOCUMENTS_IX ON {prefix}_DOCUMENTS (tenant, corpus, superseded, document_id)",
        f"CREATE INDEX {prefix}_PASSAGES_IX ON {prefix}_PASSAGES (version_no, ordinal)",
        f"CREATE SEARCH INDEX {prefix}_PASSAGES_TX ON {prefix}_PASSAGES (search_text) PARAMETERS ('{_SYNC}')",
    ]
    return [" ".join(statement.split()) for statement in statements]


def hash_key_ddl(oracle: OracleSettings) -> list[str]:
    """Return the statement that adds the key of a corpus, under which its manifest hashes texts."""
    return [f"ALTER TABLE {checked_prefix(oracle)}_CORPORA ADD (hash_key VARCHAR2(64 CHAR))"]


def kind_ddl(oracle: OracleSettings) -> list[str]:
    """Return the statement that adds the kind of a passage; those of earlier releases are prose."""
    return [f"ALTER TABLE {checked_prefix(oracle)}_PASSAGES ADD (kind VARCHAR2(16 CHAR) DEFAULT 'prose' NOT NULL)"]


def pending_ddl(oracle: OracleSettings, dimensions: int) -> list[str]:
    """Return the statements that add the table of vectors whose documents are not stored yet."""
    prefix = checked_prefix(oracle)
    table = f"""CREATE TABLE {prefix}_PENDING (
        tenant VARCHAR2(64 CHAR) NOT NULL, corpus VARCHAR2(64 CHAR) NOT NULL,
        document_id VARCHAR2(1000 CHAR) NOT NULL, evidence_id VARCHAR2(27 CHAR) NOT NULL,
        embedding_model VARCHAR2(200 CHAR) NOT NULL, embedding VECTOR({dimensions}, FLOAT32) NOT NULL,
        CONSTRAINT {prefix}_PENDING_PK PRIMARY KEY (evidence_id, embedding_model),
        CONSTRAINT {prefix}_PENDING_FK FOREIGN KEY (tenant, corpus) REFERENCES {prefix}_CORPORA (tenant, name))"""
    index = f"CREATE INDEX {prefix}_PENDING_IX ON {prefix}_PENDING (tenant, corpus, document_id)"
    return [" ".join(statement.split()) for statement in (table, index)]


def pending_drops(oracle: OracleSettings) -> list[str]:
    """Return the statement that drops this table."""
    return [f"DROP TABLE {checked_prefix(oracle)}_PENDING CASCADE CONSTRAINTS PURGE"]


def builds_ddl(oracle: OracleSettings) -> list[str]:
    """Return the statement for the table that notes how many passages there were when an index was built."""
    table = f"""CREATE TABLE {checked_prefix(oracle)}_BUILDS (
        index_name VARCHAR2(128 CHAR) NOT NULL, passages NUMBER(18) NOT NULL,
        built_at TIMESTAMP WITH TIME ZONE DEFAULT SYSTIMESTAMP NOT NULL,
        CONSTRAINT {checked_prefix(oracle)}_BUILDS_PK PRIMARY KEY (index_name))"""
    return [" ".join(table.split())]


def builds_drops(oracle: OracleSettings) -> list[str]:
    """Return the statement that drops this table."""
    return [f"DROP TABLE {checked_prefix(oracle)}_BUILDS PURGE"]


def roots_ddl(oracle: OracleSettings) -> list[str]:
    """Return the statements for the source roots, and for how a document was split, unknown for earlier releases."""
    prefix = checked_prefix(oracle)
    roots = f"""CREATE TABLE {prefix}_ROOTS (
        tenant VARCHAR2(64 CHAR) NOT NULL, corpus VARCHAR2(64 CHAR) NOT NULL,
        folder VARCHAR2({LONGEST_FOLDER} CHAR) NOT NULL, name VARCHAR2(255 CHAR) NOT NULL,
        CONSTRAINT {prefix}_ROOTS_PK PRIMARY KEY (tenant, corpus, folder),
        CONSTRAINT {prefix}_ROOTS_FK FOREIGN KEY (tenant, corpus) REFERENCES {prefix}_CORPORA (tenant, name))"""
    return [" ".join(roots.split()), f"ALTER TABLE {prefix}_DOCUMENTS ADD (splitting VARCHAR2(16 CHAR))"]


def roots_drops(oracle: OracleSettings) -> list[str]:
    """Return the statement that drops the source roots."""
    return [f"DROP TABLE {checked_prefix(oracle)}_ROOTS CASCADE CONSTRAINTS PURGE"]


def files_ddl(oracle: OracleSettings) -> list[str]:
    """Return the statement for the table of what files gave when they were read."""
    prefix = checked_prefix(oracle)
    table = f"""CREATE TABLE {prefix}_FILES (
        tenant VARCHAR2(64 CHAR) NOT NULL, corpus VARCHAR2(64 CHAR) NOT NULL,
        name VARCHAR2({LONGEST_ID} CHAR) NOT NULL, stamp VARCHAR2(100 CHAR), digest VARCHAR2(64 CHAR) NOT NULL,
        conditions VARCHAR2(32 CHAR) NOT NULL, documents JSON NOT NULL,
        CONSTRAINT {prefix}_FILES_PK PRIMARY KEY (tenant, corpus, name),
        CONSTRAINT {prefix}_FILES_FK FOREIGN KEY (tenant, corpus) REFERENCES {prefix}_CORPORA (tenant, name))"""
    return [" ".join(table.split())]


def files_drops(oracle: OracleSettings) -> list[str]:
    """Return the statement that drops this table."""
    return [f"DROP TABLE {checked_prefix(oracle)}_FILES CASCADE CONSTRAINTS PURGE"]


def writer_ddl(oracle: OracleSettings) -> list[str]:
    """Return the statement that adds the lease of a corpus's writer, and the time it ends."""
    lease = "writer VARCHAR2(32 CHAR), writer_until TIMESTAMP WITH TIME ZONE"
    return [f"ALTER TABLE {checked_prefix(oracle)}_CORPORA ADD ({lease})"]


def corpus_drops(oracle: OracleSettings) -> list[str]:
    """Return the statements that drop the tables, and with them their indexes."""
    prefix = checked_prefix(oracle)
    return [f"DROP TABLE {prefix}_{name} CASCADE CONSTRAINTS PURGE" for name in ("PASSAGES", "DOCUMENTS", "CORPORA")]
