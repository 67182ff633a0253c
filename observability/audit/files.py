"""The files of an audit trail: the lines, a lock, and the head.

The head is the number and hash of the last line. It stands in a file of its own and shows that lines are missing at the
end, which the chain alone cannot show.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from observability.audit.chain import GENESIS, MAX_LINE, Link, link_of, opened

LOCK_SECONDS = 10.0
"""How long a writer waits for the others. A chosen value; writing a line takes milliseconds."""

POLL_SECONDS = 0.005
"""How often a writer asks for the lock, chosen for the same reason."""

_HEAD = re.compile(r"([1-9][0-9]*) ([0-9a-f]{64})\n")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the trail at `path`. Raises `filelock.Timeout` or `OSError`."""
    from filelock import FileLock

    # The lock file is never removed: a process that waits for it would lock the removed file, and a third a new one.
    with FileLock(f"{path}.lock", timeout=LOCK_SECONDS, mode=0o600, thread_local=False).acquire(
        poll_interval=POLL_SECONDS
    ):
        yield


def head_path(path: Path) -> Path:
    """Return the file that holds the head of the trail at `path`."""
    return path.with_name(f"{path.name}.head")


def read_head(path: Path) -> Link | None:
    """Return the head of the trail at `path`, `None` if there is none. Raises `ValueError` if it cannot be read."""
    try:
        match = _HEAD.fullmatch(head_path(path).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    if match is None:
        raise ValueError(f"`{head_path(path).name}` is damaged")
    return Link(int(match[1]), match[2])


def write_head(path: Path, head: Link) -> None:
    """Replace the head in one step, so that a killed process leaves the old one or the new one."""
    replace(head_path(path), f"{head.number} {head.digest}\n".encode())


def replace(path: Path, data: bytes) -> None:
    """Replace a file in one step."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)
    fresh.replace(path)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data` and sync it to disk."""
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file; one that is too long for a trail is yielded in pieces."""
    return iter(lambda: file.readline(MAX_LINE), b"")


def last_link(path: Path, descriptor: int) -> Link:
    """Return the link that the next line has to continue. A line that a killed process left incomplete is removed.

    Raises:
        ValueError: the end of the file, or its head, is not as it was written.
    """
    size = os.fstat(descriptor).st_size
    piece = os.pread(descriptor, MAX_LINE, max(size - MAX_LINE, 0))
    whole, head = piece[: piece.rfind(b"\n") + 1], read_head(path)
    if not whole:
        last, previous = Link(0, GENESIS), ""
    else:
        fields = opened(whole[whole[:-1].rfind(b"\n") + 1 :])
        last, previous = link_of(fields), fields["previous"]
    # One line more than the head says: a process was killed between the two.
    behind = head is not None and head == Link(last.number - 1, previous)
    if head != last and not behind and not (head is None and last.number < 2):
        raise ValueError("lines are missing at its end, or its head is missing")
    if len(whole) < len(piece):
        os.ftruncate(descriptor, size - len(piece) + len(whole))
    return last
