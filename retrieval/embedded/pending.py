"""The vectors of documents that are not stored yet: an ingestion that was interrupted goes on from them.

A vector belongs to a model and to a passage with its titles: the column `evidence_id` holds what
`PreparedDocument.vector_id` gives them. Nothing here is ever searched or read by a caller.
Each function takes a connection that is in a write transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from retrieval.preparation import PreparedDocument


def kept(connection: sqlite3.Connection, document: PreparedDocument, embedding_model: str) -> set[str]:
    """Return the ids of the vectors that `document` has; remove those of its other texts, titles, labels and models."""
    named = json.dumps([document.vector_id(item) for item in document.passages])
    connection.execute(
        """DELETE FROM pending WHERE document_id = ? AND NOT (embedding_model = ?
           AND evidence_id IN (SELECT value FROM json_each(?)))""",
        (document.document_id, embedding_model, named),
    )
    found = "SELECT evidence_id FROM pending WHERE document_id = ?"
    return {row[0] for row in connection.execute(found, (document.document_id,))}


def keep(
    connection: sqlite3.Connection, document_id: str, vectors: Mapping[str, Sequence[float]], embedding_model: str
) -> None:
    """Add the vectors of some passages of a document, by their ids."""
    connection.executemany(
        "INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?)",
        [
            (name, embedding_model, document_id, np.asarray(vector, dtype=np.float32).tobytes())
            for name, vector in vectors.items()
        ],
    )


def drop(connection: sqlite3.Connection, document_ids: Iterable[str]) -> None:
    """Remove the vectors of documents."""
    connection.executemany("DELETE FROM pending WHERE document_id = ?", ((each,) for each in document_ids))


def drop_all(connection: sqlite3.Connection) -> None:
    """Remove all vectors."""
    connection.execute("DELETE FROM pending")
