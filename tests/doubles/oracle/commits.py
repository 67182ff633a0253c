"""Engines whose connections break at a COMMIT, before it has taken effect or after."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from settings import Settings
from settings.connections.sql import open_engine
from tests.doubles.oracle.trips import SqlTrips


def breaking_engine(settings: Settings, name: str, *, sparing: bool) -> tuple[sa.Engine, list[bool]]:
    """Return an engine, and the list of its next commits that break; those that are true take effect before.

    Args:
        settings: choose the database.
        name: the file of SQLite.
        sparing: as on Oracle Database, where the last statement of a transaction commits; it stands on SQLite here.
    """
    if sparing:
        trips = SqlTrips()
        return trips.engine(settings, name), trips.breaking
    engine, commits = open_engine(settings, name), list[bool]()
    dialect: Any = engine.dialect
    commit = dialect.do_commit

    def broken(connection: Any) -> None:
        if commits:
            if commits.pop(0):
                commit(connection)
            connection.driver_connection.close()
        commit(connection)

    dialect.do_commit = broken
    return engine, commits
