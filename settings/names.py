"""Names that become parts of paths and keys."""

from __future__ import annotations

import re

from state.errors import NameInvalid

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def checked_name(kind: str, name: str) -> str:
    """Return `name` if it can safely be a folder and a key, for a `kind` such as `corpus`.

    Raises:
        NameInvalid: it holds anything else (path separators, `..`, control characters, 65 characters or more).
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise NameInvalid(f"{name[:80]!r} is not a {kind} name")
    return name
