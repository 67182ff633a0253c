"""The retention of the audit trail: old lines give way to an anchor, and the chain can still be checked."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from observability.audit.chain import ANCHOR, GENESIS, Link, link_of, opened, seal
from observability.audit.files import lines_of, write_all

GRACE = timedelta(days=1)
"""How much older than the retention the oldest line becomes before lines are removed. A chosen value: the file is
written anew then, so once a day is enough."""

_BLOCK = 1024 * 1024


def cut(path: Path, oldest: datetime, record: Callable[[Link], object]) -> None:
    """Remove the lines at the beginning that were written before `oldest`, if the oldest is due.

    Args:
        path: the trail, whose lock the caller holds.
        oldest: the time before which lines are removed.
        record: appends a line that tells of the removal up to a link. It is called first: a process that is killed then
            leaves a whole trail, whose lines go the next time.

    Raises:
        ValueError: a line that has to go is not as it was written.
        OSError: a file cannot be read or written.
    """
    if not _due(path, oldest - GRACE):
        return
    end, last = _removable(path, oldest)
    if last is None:
        return
    record(last)
    anchor, _ = seal(last.number, {"at": oldest.isoformat(), "kind": ANCHOR, "last": last.digest}, GENESIS)
    _rewrite(path, anchor, end)


def _due(path: Path, before: datetime) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as file:
        for line in lines_of(file):
            fields = opened(line)
            if fields["kind"] != ANCHOR:
                return datetime.fromisoformat(fields["at"]) < before
    return False


def _removable(path: Path, oldest: datetime) -> tuple[int, Link | None]:
    """Return the offset after the last line that goes, and its link."""
    end, last = 0, None
    with path.open("rb") as file:
        for line in lines_of(file):
            fields = opened(line)
            if fields["kind"] != ANCHOR and datetime.fromisoformat(fields["at"]) >= oldest:
                break
            end, last = end + len(line), link_of(fields)
    return end, last


def _rewrite(path: Path, anchor: bytes, end: int) -> None:
    """Replace the file by the anchor and what stands after offset `end`."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with path.open("rb") as file:
            file.seek(end)
            write_all(descriptor, anchor)
            for block in iter(lambda: file.read(_BLOCK), b""):
                write_all(descriptor, block)
    finally:
        os.close(descriptor)
    fresh.replace(path)
