"""Checks of this machine: Python, home folder, databases, encoder and corpora."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path

from experience.doctor.values import HealthCheck, HealthStatus, status_of
from experience.errors import known_error
from gateway.ledger.unsettled import left_behind
from retrieval import Corpora, load_embeddings
from settings import Settings
from settings.folders import models_cache, open_to_others, private_folder
from state.errors import DependencyUnavailable, SixplaneError

Check = Callable[[Settings, Corpora | None], Awaitable[str]]


async def check_health(settings: Settings, corpora: Corpora | None, opened: Sequence[HealthCheck] = ()) -> HealthStatus:
    """Run every check; a failed one does not stop the others.

    Args:
        settings: the settings of the process.
        corpora: `None` if they could not be opened.
        opened: the checks of a running service, which stand in place of those of the same name.
    """
    seen = {check.name for check in opened}
    others = [await checked(name, check(settings, corpora)) for name, check in CHECKS.items() if name not in seen]
    return status_of((*others, await settlements(settings), *opened))


async def checked(name: str, check: Awaitable[str]) -> HealthCheck:
    """Return the result of `check`: the detail that it returns, or the message and hint of the error that it raises."""
    try:
        return HealthCheck(name=name, ok=True, detail=await check)
    except SixplaneError as error:
        return HealthCheck(name=name, ok=False, detail=error.message, hint=error.hint)
    except sqlite3.DatabaseError as error:
        known = known_error(error) or SixplaneError(str(error))
        return HealthCheck(name=name, ok=False, detail=known.message, hint=known.hint)
    except OSError as error:
        hint = "check the folder's permissions and free space, or set SIXPLANE_HOME"
        return HealthCheck(name=name, ok=False, detail=error.strerror or type(error).__name__, hint=hint)


async def settlements(settings: Settings) -> HealthCheck:
    """Return what lies in `unsettled/` and is not applied by the ledger of these settings. Runs go on all the same."""
    left = await asyncio.to_thread(left_behind, settings)
    found = [f"{count} of `{ledger}`" for ledger, count in left.elsewhere.items()]
    found += [f"{left.aside} that cannot be read or applied"] if left.aside else []
    if not found:
        return HealthCheck(name="settlements", ok=True, detail="none is left behind")
    hint = (
        "those of another ledger are applied when Sixplane runs with its profile; others are charged as reserved and "
        "may be deleted from `unsettled/` of the home folder, as `sixplane prune` does in time"
    )
    return HealthCheck(name="settlements", ok=False, detail=", ".join(found), hint=hint, essential=False)


async def _python(settings: Settings, corpora: Corpora | None) -> str:  # noqa: ARG001
    return f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"


async def _home(settings: Settings, corpora: Corpora | None) -> str:  # noqa: ARG001
    private_folder(settings.home)
    # Write a file: permission bits say nothing about read-only mounts and quotas.
    with tempfile.TemporaryFile(dir=settings.home):
        writable = f"{settings.home} is writable"
    if open_to_others(settings.home):
        return f"{writable}, and other accounts of this machine may look into it: `chmod 700` closes it"
    return writable


async def _embeddings(settings: Settings, corpora: Corpora | None) -> str:  # noqa: ARG001
    encoder = load_embeddings(settings)
    vector = await encoder.aembed_query("health")
    kept = settings.data.compiled_models_path or models_cache()
    return f"{len(vector)} dimensions; compiled models in {kept}" if kept else f"{len(vector)} dimensions"


async def _corpora(settings: Settings, corpora: Corpora | None) -> str:  # noqa: ARG001
    if corpora is None:
        raise DependencyUnavailable("the corpora cannot be opened", hint="see the checks of Oracle Database")
    for name in await corpora.names("local", internal=True):
        await (await corpora.get("local", name)).manifest()
    names = await corpora.names("local")
    return f"{len(names)} of the tenant local: {', '.join(names) or 'none yet'}"


async def _databases(settings: Settings, corpora: Corpora | None) -> str:  # noqa: ARG001
    present = [name for name in DATABASES if (settings.home / name).is_file()]
    for name in present:
        await asyncio.to_thread(_read_database, settings.home / name)
    return f"{len(present)} can be read" if present else "none yet"


def _read_database(path: Path) -> None:
    try:
        # Read-only: a health check must not create or migrate a database.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        hint = "restore it from a backup, or move it away; a new one is created"
        raise DependencyUnavailable(f"{path.name} cannot be read: {error}", hint=hint) from error


DATABASES = ("threads.db", "checkpoints.db", "store.db", "ledger.db", "keys.db")

CHECKS: dict[str, Check] = {
    "python": _python,
    "home": _home,
    "databases": _databases,
    "embeddings": _embeddings,
    "corpora": _corpora,
}
"""The checks by name, in the order in which they are shown."""
