"""The migrations that Oracle's packages bring: verified at start-up, marked as applied by `sixplane db init`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from settings.connections.oracle_errors import translated
from state.errors import DependencyUnavailable


async def verify_version(cursor: AbstractAsyncContextManager[Any], journal: str, steps: int, *, whose: str) -> None:
    """Look whether all steps of a package are applied; nothing is altered.

    Args:
        cursor: on which to look.
        journal: table of the package's steps, a name of ours.
        steps: how many this version of the package has.
        whose: tables they are, for the message.

    Raises:
        DependencyUnavailable: the tables are missing, or of another version.
    """
    with translated():
        async with cursor as opened:
            await opened.execute(f"SELECT MAX(v) FROM {journal}")  # noqa: S608 - our name
            row = await opened.fetchone()
    found = None if row is None else row[0]
    if found is None or int(found) != steps - 1:
        raise DependencyUnavailable(
            f"{whose} tables are at version {found}, and this version needs {steps - 1}",
            hint="run `sixplane db init`, or `sixplane db upgrade` after an update",
        )


def marks(journal: str, steps: int) -> list[str]:
    """Return the statements that record each step as applied, once."""
    return [
        f"INSERT INTO {journal} (v) SELECT {n} FROM dual WHERE NOT EXISTS (SELECT 1 FROM {journal} WHERE v = {n})"  # noqa: S608
        for n in range(steps)
    ]
