"""Fewer round trips to Oracle Database: no needless commits, rollbacks and pings, and commits with a statement.

SQLAlchemy rolls back whenever a connection returns to its pool, also after a commit and after mere reads, and with
`pool_pre_ping` it pings whenever it takes one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa

_IDLE_SINCE = "sixplane_idle_since"


class SparingTransactions:
    """Ends transactions only where one is open. Name it before the driver's connection among the base classes.

    The driver knows from the database's last answer whether one is (`transaction_in_progress`).
    """

    transaction_in_progress: bool
    autocommit: bool

    def commit(self) -> None:
        """Commit the transaction, if one is open."""
        if self.transaction_in_progress:
            super().commit()  # type: ignore[misc]  # the driver's

    def rollback(self) -> None:
        """Roll the transaction back, if one is open."""
        if self.transaction_in_progress:
            super().rollback()  # type: ignore[misc]


@contextmanager
def committing(connection: Any, wanted: bool = True) -> Iterator[None]:
    """Commit with the statement in the block, without a round trip for it. Changes before it are committed too.

    If the statement fails, or refuses a row of several, nothing is committed.
    """
    import oracledb

    connection.autocommit = wanted
    try:
        yield
    finally:
        with suppress(oracledb.InterfaceError):  # SQLAlchemy has closed one that was lost (DPY-1001): its error counts
            connection.autocommit = False  # the connection returns to the pool


def ping_after_idling(engine: sa.Engine, seconds: float) -> None:
    """Let `engine` ping a connection before use only if it has idled for longer, and replace it if that fails."""

    def idles(_: Any, record: Any) -> None:
        record.info[_IDLE_SINCE] = time.monotonic()

    def check(connection: Any, record: Any, _: Any) -> None:
        since = record.info.get(_IDLE_SINCE)
        if since is None or time.monotonic() - since < seconds:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise sa.exc.DisconnectionError("an idle connection was dropped") from error  # the pool opens another one

    sa.event.listen(engine, "checkin", idles)
    sa.event.listen(engine, "checkout", check)
