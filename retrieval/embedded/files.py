"""What is remembered of files. Each function takes a connection; all but `remembered` one in a write transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from retrieval.roots.stamps import Noted, as_noted


def remembered(connection: sqlite3.Connection, names: Iterable[str]) -> list[Noted]:
    """Return what is known of files."""
    query = """SELECT file, stamp, digest, conditions, documents FROM files
               WHERE file IN (SELECT value FROM json_each(?))"""
    rows = connection.execute(query, (json.dumps([*names]),))
    return [as_noted(*row) for row in rows]


def remember(connection: sqlite3.Connection, notes: Iterable[Noted]) -> None:
    """Store what files gave."""
    connection.executemany(
        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
        ((*each[:4], json.dumps(each.documents)) for each in notes),
    )


def forget(connection: sqlite3.Connection) -> None:
    """Forget the files of which a document is not live any more, and those that gave none: they may be gone."""
    connection.execute(
        """DELETE FROM files WHERE json_array_length(documents) = 0
           OR EXISTS (SELECT 1 FROM json_each(files.documents) given WHERE NOT EXISTS (
           SELECT 1 FROM documents d WHERE d.document_id = json_extract(given.value, '$[0]') AND d.superseded = 0))"""
    )
