"""Folders that only their owner may open: the home folder and all inside it, and temporary ones."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_OWNER = "sixplane.lock"
"""The file of a folder that its process holds locked. The system unlocks it when the process ends, however it does."""


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


@contextmanager
def own_folder(prefix: str, parent: str | None) -> Iterator[str]:
    """Yield a new folder that only this user may open, and remove it after the block.

    Folders of this user with the same prefix, whose processes are dead, are removed before.
    """
    where = Path(parent or tempfile.gettempdir())
    for each in where.glob(f"{prefix}*"):
        with suppress(OSError):  # another process removes it as well, or it is no folder of ours
            if each.lstat().st_uid == os.getuid():
                _remove_if_dead(each)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
    try:
        # Locked before it has the name by which others find it, so that none takes a folder that is just being made.
        made = folder / f"{_OWNER}.new"
        descriptor = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)  # no child process inherits it
        try:
            _lock(descriptor)
            made.rename(folder / _OWNER)
            yield str(folder)
        finally:
            os.close(descriptor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_dead(folder: Path) -> None:
    descriptor = os.open(folder / _OWNER, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        _lock(descriptor)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Lock an open file. Raises `BlockingIOError` if another process has."""
    import fcntl  # only POSIX systems have it, and only they have Ray's clusters here

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
