"""Copy a home folder while it is used: `python deploy/backup.py HOME TARGET`. It needs only the standard library.

Databases are copied by SQLite's online backup, each as of one moment; a plain copy of a database that is written to can
be torn. Threads come first and corpora last: a report in the copy then finds its checkpoints, costs and passages there.
Search indexes are left out, because they are made anew from the database of their corpus.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

_FIRST = ("threads.db", "checkpoints.db", "store.db")
_SIDE_FILES = ("-wal", "-shm", "-journal", ".lock")
_INDEXES = ("keyword-", "vectors")


def main(home: Path, target: Path) -> int:
    """Copy `home` to `target`; return the exit status, and print what was copied."""
    if not home.is_dir():
        sys.stderr.write(f"error: there is no folder {str(home)!r}\n")
        return 2
    if target.exists():
        sys.stderr.write(f"error: {str(target)!r} exists; give a new folder for each backup\n")
        return 2
    os.umask(0o077)  # a backup holds what the home folder holds
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    files = [
        path for path in sorted(home.rglob("*"), key=_order) if path.is_file() and _is_kept(path.relative_to(home))
    ]
    for path in files:
        copy = unfinished / path.relative_to(home)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".db":
            _copy_database(path, copy)
        else:
            copy.write_bytes(path.read_bytes())
    unfinished.rename(target)  # a folder of that name is a whole backup
    sys.stdout.write(f"{len(files)} files: {target}\n")
    return 0


def _order(path: Path) -> tuple[bool, int, bool, str]:
    first = _FIRST.index(path.name) if path.name in _FIRST else len(_FIRST)
    return path.suffix != ".db", first, path.name == "corpus.db", str(path)


def _is_kept(path: Path) -> bool:
    return not path.name.endswith(_SIDE_FILES) and not any(part.startswith(_INDEXES) for part in path.parts)


def _copy_database(path: Path, copy: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python deploy/backup.py HOME TARGET\n")
        sys.exit(2)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
