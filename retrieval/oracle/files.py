# ruff: noqa: S608 - statements are composed of constants of this module only; values are binds
"""The statements for what is remembered of files; `retrieval.oracle.sql` says what stands in braces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrieval.documents import LONGEST_ID
from retrieval.roots.stamps import Noted, as_noted

REMEMBERED = (
    "SELECT f.name, f.stamp, f.digest, f.conditions, JSON_SERIALIZE(f.documents RETURNING CLOB) FROM {P}_FILES f "
    "WHERE f.tenant = :tenant AND f.corpus = :corpus AND f.name IN ({ITEMS})"
)
REMEMBER = (
    "INSERT INTO {P}_FILES (tenant, corpus, name, stamp, digest, conditions, documents) "
    "VALUES (:tenant, :corpus, :name, :stamp, :digest, :conditions, :documents)"
)
_FILES = "DELETE FROM {P}_FILES f WHERE f.tenant = :tenant AND f.corpus = :corpus"
FORGET = f"{_FILES} AND f.name = :name"
_GIVEN = (
    f"SELECT 1 FROM JSON_TABLE(f.documents, '$[*]' COLUMNS (document_id VARCHAR2({LONGEST_ID} CHAR) PATH '$[0]')) g"
)
FORGET_GONE = (
    f"{_FILES} AND (NOT EXISTS ({_GIVEN}) OR EXISTS ({_GIVEN} WHERE NOT EXISTS "
    "(SELECT 1 FROM {P}_DOCUMENTS d WHERE d.tenant = :tenant AND d.corpus = :corpus AND d.superseded = 0 "
    "AND d.document_id = g.document_id)))"
)
"""Forgets the files of which a document is not live any more, and those that gave none: they may be gone."""
CLEAR_FILES = _FILES


def as_file(row: Sequence[Any]) -> Noted:
    """Return the file of a row of `REMEMBERED`."""
    return as_noted(row[0], row[1] or "", row[2], row[3], row[4])


def as_rows(notes: Sequence[Noted]) -> list[dict[str, Any]]:
    """Return the binds of `REMEMBER`, but for files whose names fit no column: those are read each time."""
    return [
        {
            "name": each.file,
            "stamp": each.stamp,
            "digest": each.digest,
            "conditions": each.conditions,
            "documents": [[*one[:-1], None if one.labels is None else list(one.labels)] for one in each.documents],
        }
        for each in notes
        if len(each.file) <= LONGEST_ID
    ]
