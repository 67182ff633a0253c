"""Checking an audit trail, line by line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from filelock import Timeout

from observability.audit.chain import ANCHOR, GENESIS, Link, link_of, opened, removed_object
from observability.audit.files import head_path, lines_of, locked, read_head
from state.errors import DependencyUnavailable
from state.values import Value


class Fault(Value):
    """The first line of a file that is not as it was written; lines count from 1."""

    line: int
    reason: str


class Checked(Value):
    """The result of a check. `first` and `last` are the numbers of the file's lines, `head` the hash of the last."""

    lines: int
    first: int = 0
    last: int = 0
    head: str = ""
    fault: Fault | None = None


def check_trail(path: Path, *, known: str = "") -> Checked:
    """Check every line of the trail at `path`.

    Args:
        path: the file; one that does not exist, and has no head, is an empty trail.
        known: the hash of a line that somebody noted earlier, for example the `head` of an earlier check. It must be in
            the chain: whoever can write the file can also make a new chain, but not one that contains this hash.

    Raises:
        DependencyUnavailable: the file cannot be read.
    """
    walk = _Walk(known)
    try:
        with _snapshot(path) as (file, size, head):
            for line in _until(file, size):
                walk.take(line)
    except ValueError as error:
        return walk.result(Fault(line=walk.lines + 1, reason=str(error)))
    except OSError as error:
        raise DependencyUnavailable(
            f"the audit trail cannot be read: {error.strerror}", hint="check the permissions of the file"
        ) from error
    return walk.result(walk.ending_fault(path, head))


def check_lines(lines: Iterable[bytes]) -> Fault | None:
    """Return the first fault among some lines of a trail, which need not be next to each other.

    Each must be as it was written, their numbers must rise, and a line that follows the one before it in the trail too
    must continue it. That lines are missing between others does not show.
    """
    last: Link | None = None
    for place, line in enumerate(lines, 1):
        try:
            fields = opened(line)
        except ValueError as error:
            return Fault(line=place, reason=str(error))
        link = link_of(fields)
        if last is not None and link.number <= last.number:
            return Fault(line=place, reason="its number is not above that of the line before it")
        if last is not None and link.number == last.number + 1 and fields["previous"] != last.digest:
            return Fault(line=place, reason="it does not continue the line before it")
        last = link
    return None


@contextmanager
def _snapshot(path: Path) -> Iterator[tuple[BinaryIO | None, int, Link | None]]:
    """Open the trail and yield it with the size and the head that it has at one moment: others may be writing."""
    with ExitStack() as stack:
        file: BinaryIO | None = None
        with ExitStack() as holding:
            with suppress(OSError, Timeout):  # a copy on a disk that is read-only: nobody writes it
                holding.enter_context(locked(path))
            if path.exists():
                file = stack.enter_context(path.open("rb"))
            size = 0 if file is None else os.fstat(file.fileno()).st_size
            head = read_head(path)
        yield file, size, head


def _until(file: BinaryIO | None, size: int) -> Iterator[bytes]:
    """Yield the lines up to offset `size`."""
    read = 0
    for line in lines_of(file) if file is not None else ():
        if read >= size:
            return
        read += len(line)
        yield line


class _Walk:
    """Follows a chain line by line."""

    def __init__(self, known: str) -> None:
        self.lines, self._first = 0, 0
        self._tail: tuple[Link, ...] = ()
        """The last two lines: a process that was killed between a line and the head leaves the head one behind."""
        self._unconfirmed: tuple[str, str] | None = None
        self._known, self._met = known, not known

    def take(self, line: bytes) -> None:
        """Check the next line. Raises `ValueError` with what is wrong."""
        fields = opened(line)
        if self.lines == 0:
            self._begin(fields)
        elif (fields["n"], fields["previous"]) != (self._tail[-1].number + 1, self._tail[-1].digest):
            raise ValueError("it does not continue the line before it: a line was removed, added or moved")
        elif fields["kind"] == ANCHOR:  # elsewhere it would stand for one line, whatever the line said
            raise ValueError("it stands for lines that were removed, and is not the first line")
        if fields["kind"] == "retention" and (fields["object"], *fields["ids"]) == self._unconfirmed:
            self._unconfirmed = None
        self.lines += 1
        self._tail = (*self._tail[-1:], link_of(fields))
        self._met = self._met or self._tail[-1].digest == self._known

    def ending_fault(self, path: Path, head: Link | None) -> Fault | None:
        """Return what is wrong with a trail whose lines are all in order."""
        if self._unconfirmed is not None:
            return Fault(line=1, reason="no later line says that the retention removed what this line stands for")
        if head is None and self.lines > 1:
            reason = f"`{head_path(path).name}`, which names the last line, is missing"
            return Fault(line=self.lines, reason=reason)
        if head is not None and head not in self._tail:
            reason = f"it is missing: lines were written up to number {head.number}"
            return Fault(line=self.lines + 1, reason=reason)
        if not self._met:
            reason = "no line has the given hash: the trail was written anew, or lines were removed"
            return Fault(line=max(self.lines, 1), reason=reason)
        return None

    def result(self, fault: Fault | None) -> Checked:
        """Return the result up to here."""
        last = self._tail[-1] if self._tail else Link(0, "")
        return Checked(lines=self.lines, first=self._first, last=last.number, head=last.digest, fault=fault)

    def _begin(self, fields: Mapping[str, Any]) -> None:
        self._first = fields["n"]
        if fields["kind"] == ANCHOR:
            self._unconfirmed = (removed_object(fields["n"]), fields["last"])
        elif (fields["n"], fields["previous"]) != (1, GENESIS):
            raise ValueError("it is not the first line of a trail: the lines before it are missing")
