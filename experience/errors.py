"""Turns errors of Python, the operating system and SQLite into errors of `state.errors`, for every surface."""

from __future__ import annotations

import errno

from state.errors import DependencyUnavailable, RunStopped, SixplaneError, StorageFull


def known_error(error: BaseException, *, paths: bool = False) -> SixplaneError | None:
    """Return `error` as a `SixplaneError`, or `None` if it is unexpected, that is, a bug.

    `paths` names the file of an error of the operating system: for whoever sits at this machine, and nobody else.
    """
    if isinstance(error, SixplaneError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((ours for inner in error.exceptions if (ours := known_error(inner, paths=paths))), None)
    if isinstance(error, KeyboardInterrupt):
        return RunStopped("stopped on request", hint="run the command again; finished work is not repeated")
    if isinstance(error, OSError):
        return _from_os(error, paths)
    import sqlite3  # imported here: `sixplane --help` imports this module and needs no database

    return _from_sqlite(error) if isinstance(error, sqlite3.DatabaseError) else None


def _from_os(error: OSError, paths: bool) -> SixplaneError:
    where = f" ({error.filename})" if paths and error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"there is no space left on the device{where}")
    if isinstance(error, PermissionError):
        hint = "change the permissions, or choose another folder with `--home` or SIXPLANE_HOME"
        return DependencyUnavailable(f"permission denied{where}", hint=hint)
    reason = error.strerror or type(error).__name__
    return DependencyUnavailable(
        f"{reason}{where}", hint="check the path and the disk; `sixplane doctor` checks the rest"
    )


def _from_sqlite(error: Exception) -> SixplaneError:
    if "full" in str(error):
        return StorageFull("a database cannot be written: the disk is full")
    hint = "`sixplane doctor` shows which database; restore it from a backup, or remove it and start again"
    return DependencyUnavailable(f"a database of the home folder cannot be used: {error}", hint=hint)
