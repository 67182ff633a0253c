"""The migrations of langgraph-oracledb: `sixplane db init` applies them, and start-up only checks their version.

Upstream's `setup` would run DDL in every process, for which the application's user should not need the privilege.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from settings.connections.oracle_errors import translated
from state.errors import DependencyUnavailable


async def verify_version(cursor: AbstractAsyncContextManager[Any], journal: str, steps: int, *, whose: str) -> None:
    """Check that all migration steps of a package are applied. Nothing is changed.

    Args:
        cursor: the cursor for the query.
        journal: the table that records the applied steps; a constant of ours.
        steps: the number of steps in the installed version of the package.
        whose: the owner of the tables, for the message.

    Raises:
        DependencyUnavailable: the tables are missing or have another version.
    """
    with translated():
        async with cursor as opened:
            await opened.execute(f"SELECT MAX(v) FROM {journal}")  # noqa: S608 - a constant
            row = await opened.fetchone()
    found = None if row is None else row[0]
    if found is None or int(found) != steps - 1:
        raise DependencyUnavailable(
            f"{whose} tables are at version {found}, but this release needs version {steps - 1}",
            hint="run `sixplane db init`, or `sixplane db upgrade` after an update",
        )


def marks(journal: str, steps: int) -> list[str]:
    """Return the statements that record each step as applied. Running them again changes nothing."""
    return [
        f"INSERT INTO {journal} (v) SELECT {n} FROM dual WHERE NOT EXISTS (SELECT 1 FROM {journal} WHERE v = {n})"  # noqa: S608
        for n in range(steps)
    ]
