"""What fetching an address brings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from retrieval.loaders.errors import LoadFault

_UNSAFE = re.compile(r"[^\w.-]+")
_MOST_CHARS = 100


class Fetched(NamedTuple):
    """A file, the address that it came from, and its encoding where the server says one."""

    path: Path
    address: str
    encoding: str | None = None


def file_name(path: str, suffix: str = "") -> str:
    """Return a name for the file of an address with this path; another `suffix` replaces the path's own.

    >>> file_name("/papers/2026/On%20harbours.pdf")
    'On-harbours.pdf'
    >>> file_name("/papers/", ".html")
    'document.html'
    """
    # Also a name such as `..%2F..%2Fetc` becomes one of a file in the temporary folder.
    name = _UNSAFE.sub("-", unquote(path.rpartition("/")[2])).lstrip(".-")[-_MOST_CHARS:] or "document"
    return name if not suffix or name.lower().endswith(suffix) else f"{Path(name).stem}{suffix}"


def too_large(most: int) -> LoadFault:
    """Return the refusal of a file that has more bytes than the settings allow."""
    return LoadFault(f"it has more than {most:,} bytes; raise SIXPLANE_DATA__MAX_FILE_BYTES")
