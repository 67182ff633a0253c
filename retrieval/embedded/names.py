"""Which corpora a home folder holds. It imports nothing heavy: tab completion asks for it."""

from __future__ import annotations

from pathlib import Path

FOLDER = "corpora"


def corpus_names(home: Path, tenant: str) -> list[str]:
    """Return the names of a tenant's corpora, sorted, with the reserved one. `tenant` was checked by the caller."""
    return sorted(path.parent.name for path in (home / FOLDER / tenant).glob("*/corpus.db"))
