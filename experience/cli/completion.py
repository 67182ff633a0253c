"""Names that the tab key completes: corpora and threads of the tenant and home folder on the line.

Only files are looked at. A database server is not asked: nobody waits for one at the tab key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from state.errors import SixplaneError

if TYPE_CHECKING:
    from settings import Settings

_THREADS = 50
"""How many threads are offered, the latest first. A chosen value: they fit a screen."""

_LATEST = "SELECT thread_id FROM threads WHERE tenant = ? ORDER BY updated_at DESC"


def complete_corpus(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the corpora whose names begin with `incomplete`."""
    return [name for name in _found(ctx, _corpora) if name.startswith(incomplete)]


def complete_thread(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the latest threads whose names begin with `incomplete`."""
    return [name for name in _found(ctx, _threads) if name.startswith(incomplete)][:_THREADS]


def _found(ctx: typer.Context, look: Callable[[Settings, str], Iterator[str]]) -> list[str]:
    """Return what `look` finds, and nothing if the settings or the files cannot be read: a shell shows no errors."""
    import sqlite3

    from experience.cli.running import settings_of
    from settings import checked_name

    home = ctx.params.get("home")
    try:
        settings = settings_of(Path(home) if home else None)
        return list(look(settings, checked_name("tenant", ctx.params.get("tenant") or "local")))
    except (SixplaneError, OSError, sqlite3.Error):
        return []


def _corpora(settings: Settings, tenant: str) -> Iterator[str]:
    from retrieval.embedded.names import corpus_names
    from settings import MEMORY_CORPUS

    if settings.data.backend == "embedded":
        yield from (name for name in corpus_names(settings.home, tenant) if name != MEMORY_CORPUS)


def _threads(settings: Settings, tenant: str) -> Iterator[str]:
    import sqlite3

    path = settings.home / "threads.db"
    if settings.profile == "oracle" or not path.is_file():
        return
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        yield from (str(row[0]) for row in connection.execute(_LATEST, (tenant,)))
