"""Folders that only their owner may open: the home folder and all inside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def private_folder(path: Path) -> None:
    """Create `path` and its missing parents for the owner alone (mode 0700). A folder that exists stays as it is.

    SQLite and the index libraries choose the modes of their own files, so the folder is what protects them.

    Raises:
        OSError: the folder cannot be created.
    """
    # Not `mkdir(parents=True, mode=…)`: the mode would count for the last folder only.
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(exist_ok=True)  # raises if a file stands there


def open_to_others(path: Path) -> bool:
    """Whether other accounts of this machine may list or enter the folder, as its mode says."""
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def models_cache() -> Path | None:
    """Return where compiled models are kept by default, for all home folders of a user; `None` without a home.

    That is `sixplane/models` in `$XDG_CACHE_HOME`, or else in `~/.cache` (XDG Base Directory Specification).
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "sixplane" / "models"
