"""The error of the loaders."""

from __future__ import annotations


class LoadFault(ValueError):
    """A file cannot be loaded; `reason` says what is wrong with it and how to repair it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
