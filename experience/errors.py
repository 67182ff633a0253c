"""What an error of the machine means, in our tree. Every surface maps that tree once."""

from __future__ import annotations

import errno

from state.errors import DependencyUnavailable, RunStopped, SixplaneError, StorageFull


def known_error(error: BaseException) -> SixplaneError | None:
    """Return `error` as one of our tree; `None` for what nobody foresaw."""
    if isinstance(error, SixplaneError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((ours for inner in error.exceptions if (ours := known_error(inner))), None)
    if isinstance(error, KeyboardInterrupt):
        return RunStopped("stopped on request", hint="run the command again; work that was finished is not done twice")
    if isinstance(error, OSError):
        return _from_os(error)
    import sqlite3

    return _from_sqlite(error) if isinstance(error, sqlite3.DatabaseError) else None


def _from_os(error: OSError) -> SixplaneError:
    where = f" ({error.filename})" if error.filename else ""
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
    hint = "`sixplane doctor` tells which database; restore it from a backup, or remove it and start anew"
    return DependencyUnavailable(f"a database of the home folder cannot be used: {error}", hint=hint)
