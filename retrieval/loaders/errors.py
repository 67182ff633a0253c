"""Why a file cannot be loaded."""

from __future__ import annotations


class LoadFault(ValueError):
    """`reason` says what is wrong with the file, and how to mend it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
