"""Validation of names that become parts of paths and keys."""

from __future__ import annotations

import re

from state.errors import NameInvalid

MEMORY_CORPUS = "memory.reports"
"""Name of the reserved corpus of each tenant, which indexes the questions of answered reports."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def checked_name(kind: str, name: str) -> str:
    """Return `name` if it is safe as a folder name and a key. `kind`, for example `corpus`, is used in the message.

    Raises:
        NameInvalid: the name has other characters, such as path separators, contains `..`, or is longer than 64.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise NameInvalid(f"{name[:80]!r} is not a {kind} name")
    return name
