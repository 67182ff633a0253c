"""Copies a home folder while servers and commands use it.

Databases are copied by SQLite's online backup, each as of one moment; a plain copy of a database that is written to can
be torn. Threads come first and corpora last: a report in the copy then finds its checkpoints, costs and passages there.
Search indexes are left out, because they are made anew from the database of their corpus.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from retrieval.embedded.names import FOLDER
from settings.folders import private_folder
from state.errors import BadInput

_FIRST = ("threads.db", "checkpoints.db", "store.db")
_SIDE_FILES = ("-wal", "-shm", "-journal", ".lock")
_INDEXES = ("keyword-", "vectors-")
_MARK = ".sixplane-backup"
"""A file of this name says that a folder was made here: only such a folder is ever removed."""
_INDEX = 3
"""Position of an index in its path."""


def back_up(home: Path, target: Path) -> int:
    """Copy `home` to the new folder `target`, for its owner alone; return the number of files.

    The copy is made in a folder whose name ends in `.unfinished`, which gets its own name when it is whole.

    Raises:
        BadInput: there is no home folder, `target` exists, or it lies in the home folder, or there is a folder
            `.unfinished` that is none of an interrupted backup.
        OSError: a file cannot be read or written.
        sqlite3.DatabaseError: a database cannot be read.
    """
    _check(home, target)
    unfinished = target.with_name(f"{target.name}.unfinished")
    _clear(unfinished)
    private_folder(unfinished)
    (unfinished / _MARK).touch(mode=0o600)
    found = [
        path for path in sorted(home.rglob("*"), key=_order) if path.is_file() and _is_kept(path.relative_to(home))
    ]
    copied = sum(_copied(path, unfinished / path.relative_to(home)) for path in found)
    (unfinished / _MARK).unlink()
    unfinished.rename(target)
    return copied


def _clear(unfinished: Path) -> None:
    """Remove what a backup left that was interrupted, and nothing else."""
    if not os.path.lexists(unfinished):
        return
    if unfinished.is_symlink() or not (unfinished / _MARK).is_file():
        hint = "give another name, or remove it yourself"
        raise BadInput(f"{str(unfinished)!r} exists and is no interrupted backup", hint=hint)
    shutil.rmtree(unfinished)


def _check(home: Path, target: Path) -> None:
    if not home.is_dir():
        raise BadInput(f"there is no home folder {str(home)!r}", hint="name it with `--home` or SIXPLANE_HOME")
    if target.exists():
        raise BadInput(f"{str(target)!r} exists", hint="give a new folder for each backup")
    if target.resolve().is_relative_to(home.resolve()):
        raise BadInput("the backup would lie in the home folder itself", hint="choose a folder on another disk")


def _order(path: Path) -> tuple[bool, int, bool, str]:
    first = _FIRST.index(path.name) if path.name in _FIRST else len(_FIRST)
    return path.suffix != ".db", first, path.name == "corpus.db", str(path)


def _is_kept(path: Path) -> bool:
    # Beside `corpus.db`, in corpora/TENANT/CORPUS. Only there: a corpus or its tenant may be named like an index.
    index = len(path.parts) > _INDEX and path.parts[0] == FOLDER and path.parts[_INDEX].startswith(_INDEXES)
    return not path.name.endswith(_SIDE_FILES) and not index


def _copied(path: Path, copy: Path) -> bool:
    """Copy a file, and return whether it was still there: a server deletes old traces meanwhile."""
    try:
        source = path.open("rb")
    except FileNotFoundError:
        return False
    private_folder(copy.parent)
    with source, os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        if path.suffix != ".db":
            shutil.copyfileobj(source, target)
    if path.suffix == ".db":
        # Into the empty file: SQLite gives a new one the permissions of the umask.
        with closing(sqlite3.connect(path)) as database, closing(sqlite3.connect(copy)) as saved:
            database.backup(saved)
    return True
