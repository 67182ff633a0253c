"""Stores serialised values in BLOB columns of Oracle Database in the round trip of the statement itself.

Upstream (langgraph-oracledb) creates a temporary LOB for each value and writes to it: two round trips a value, some 270
of the 530 that a run made. Bytes can be bound directly where they are the value of a column in an INSERT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import oracledb

from settings.connections.sparing import committing

LARGE_BYTES = 2_000
"""Above this a RAW is a LONG for the database, which takes a row with one by itself."""

_EXISTS = "ORA-00001"  # a unique constraint was violated

INSERT_BLOBS = """INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    VALUES (:thread_id, :checkpoint_ns, :channel, :version, :type, :blob)"""
INSERT_WRITES = """INSERT INTO checkpoint_writes
    (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
    VALUES (:thread_id, :checkpoint_ns, :checkpoint_id, :task_id, :task_path, :idx, :channel, :type, :blob)"""
"""Upstream's statements are MERGEs that change no row that exists; these leave such rows alone too (`insert_new`)."""

Row = dict[str, Any]


async def insert_new(cursor: Any, statement: str, rows: Sequence[Row], *, commit: bool) -> None:
    """Insert rows with the value `blob`, those that are stored already excepted: all small ones in one round trip.

    Args:
        cursor: a cursor of an asynchronous connection.
        statement: one of the statements above.
        rows: the binds of each row.
        commit: whether to commit, with the last of the statements if it refused no row.

    Raises:
        oracledb.Error: a row was refused for another reason, or the statement failed.
    """
    small = [row for row in rows if len(row["blob"] or b"") <= LARGE_BYTES]
    steps = [[row] for row in rows if len(row["blob"] or b"") > LARGE_BYTES] + ([small] if small else [])
    for number, step in enumerate(steps, 1):
        last = commit and number == len(steps)
        with committing(cursor.connection, last):
            await cursor.executemany(statement, step, batcherrors=True)
        refused = cursor.getbatcherrors() or []
        for error in refused:
            if error.full_code != _EXISTS:
                raise oracledb.DatabaseError(error)
        if last and refused:  # the database commits with a statement only if all its rows were taken
            await cursor.connection.commit()


def not_null(row: Row) -> Row:
    """Return a row of a task's write with a value that is not empty: empty bytes are NULL, which the column refuses."""
    # The serialiser writes nothing for `None`, and reads nothing of its value.
    return {**row, "blob": b"\0"} if row["type"] == "null" and not row["blob"] else row
