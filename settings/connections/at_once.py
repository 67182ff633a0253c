"""A connection to an SQLite file on which nothing waits: neither for a lock, nor for another thread that uses it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from settings.connections.outcomes import FAILURES

Result = TypeVar("Result")

READS = "sixplane_reads"
"""The option of a connection whose transaction only reads, if it is true."""


class AtOnce:
    """A connection of its own for short transactions in event loops. A worker opens it, since opening may wait.

    Args:
        connection: a connection of a pool. It is never given back.
        options: its options.
    """

    def __init__(self, connection: sa.Connection, options: dict[str, bool]) -> None:
        driver_of(connection).execute("PRAGMA busy_timeout=0")
        self._connection = connection.execution_options(**options)
        self._used = threading.Lock()

    @property
    def closed(self) -> bool:
        """Whether the connection is closed, after an error too."""
        return self._connection.closed

    def run(self, work: Callable[[sa.Connection], Result], *, reads: bool) -> tuple[Result] | None:
        """Return the result of `work` in a transaction of its own.

        `None`, and nothing is stored, if the connection is in use or closed, another one writes, or something failed.
        """
        if not self._used.acquire(blocking=False):
            return None
        try:
            return None if self.closed else (self._done(work, reads),)
        except FAILURES:
            if driver_of(self._connection).in_transaction:  # nothing may hold the lock of others
                self._close()
            return None
        finally:
            self._used.release()

    def _done(self, work: Callable[[sa.Connection], Result], reads: bool) -> Result:
        connection = self._connection
        if connection.get_execution_options().get(READS) is not reads:  # to set an option takes as long as a read
            connection.execution_options(**{READS: reads})
        if not reads:
            with connection.begin():
                return work(connection)
        try:
            return work(connection)
        finally:
            connection.rollback()

    def close(self) -> None:
        """Close the connection, as soon as nothing runs on it."""
        with self._used:
            self._close()

    def _close(self) -> None:
        if not self.closed:
            self._connection.invalidate()  # the pool would lend it to those who wait
            self._connection.close()


def driver_of(connection: sa.Connection) -> Any:
    """Return the driver's connection."""
    return connection.connection.driver_connection
