"""The error of the loaders."""

from __future__ import annotations

import errno


class LoadFault(ValueError):
    """A file cannot be loaded; `reason` says what is wrong with it and how to repair it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_damage(error: Exception) -> bool:
    """Return whether an error that a library raised for a damaged file is about the file, and not about the disk.

    Libraries raise `OSError` without a number; the system refuses a place before the start of a file.
    """
    return not isinstance(error, OSError) or error.errno in (None, errno.EINVAL)
