"""What a corpus remembers of a file: how it looked when it was read, and what it gave.

It is a note of facts only: a file of this content, read under these conditions, gives these documents. Whether they are
still stored like this is asked of the corpus each time, so a note never has to be undone, and one that is lost costs
nothing but reading the file again.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from pathlib import Path
from typing import NamedTuple

from state.access import Labels

_GRANULARITY_NS = 2_000_000_000
"""A file that was changed so shortly before it was read may change once more and keep its times: those of FAT count two
seconds. Such times are not trusted, as git trusts none that are as new as its index."""


class Content(NamedTuple):
    """A document that a file gave. `identity` and `metadata` are digests; `labels` is the access label it came with."""

    document_id: str
    text_hash: str
    identity: str
    metadata: str
    labels: Labels | None


class Noted(NamedTuple):
    """A file, named by its source root.

    `stamp` is its size, times and inode, empty if they are not to be trusted; `digest` the SHA-256 of its bytes;
    `conditions` stands for all else that decides what is read of it.
    """

    file: str
    stamp: str
    digest: str
    conditions: str
    documents: tuple[Content, ...] = ()


def as_noted(file: str, stamp: str, digest: str, conditions: str, documents: str) -> Noted:
    """Return the note whose documents are stored as the JSON `documents`."""
    given = (
        Content(each[0], each[1], each[2], each[3], None if each[4] is None else tuple(each[4]))
        for each in json.loads(documents)
    )
    return Noted(file, stamp, digest, conditions, tuple(given))


def stamp_of(path: Path) -> str:
    """Return size, times and inode of a file, empty if there is none or it is no regular one."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ""
    return _stamp(found) if stat.S_ISREG(found.st_mode) else ""


def fingerprint(path: Path, most: int) -> tuple[str, str, str]:
    """Return the stamp of a file, the same or nothing if its times are not to be trusted, and the digest of its bytes.

    All are empty for what is no regular file of at most `most` bytes, cannot be read, or changes meanwhile.
    """
    stamp = stamp_of(path)
    if not stamp or int(stamp.partition(":")[0]) > most:
        return "", "", ""
    now = time.time_ns()
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            found = os.fstat(file.fileno())
    except OSError:
        return "", "", ""
    if _stamp(found) != stamp:
        return "", "", ""
    settled = max(found.st_mtime_ns, found.st_ctime_ns) + _GRANULARITY_NS <= now
    return stamp, stamp if settled else "", digest


def _stamp(found: os.stat_result) -> str:
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}"
