"""A file of lines that one process at a time appends to. What is written is on disk, or undone."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from state.errors import BadInput, BatchBusy, BatchMismatch, StorageFull

Line = TypeVar("Line", bound=BaseModel)


class AppendOnlyFile:
    """An open, locked file. `open_append_only` opens it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor

    def append(self, line: bytes) -> None:
        """Write a line and sync it to disk. An incomplete write is undone.

        Raises:
            StorageFull: the disk is full.
        """
        length = os.fstat(self._descriptor).st_size
        try:
            _write_all(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, length)  # a half line in the middle would make the file unreadable
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull(f"{str(self._path)!r} cannot be written: the disk is full") from error
            raise

    def cut(self, length: int) -> None:
        """Remove what stands after `length` bytes: the incomplete line of a process that was killed."""
        if os.fstat(self._descriptor).st_size > length:
            os.ftruncate(self._descriptor, length)
            os.fsync(self._descriptor)

    def sync_name(self) -> None:
        """Sync the folder: a new file survives a power cut only if its folder entry is on disk too."""
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def open_append_only(path: Path) -> Iterator[AppendOnlyFile]:
    """Open the file for the block, and lock it.

    The lock is one on the file itself, which the system gives back when the process ends, however it ends: nothing
    stays beside the file.

    Raises:
        BatchBusy: another process is writing to the file.
        BadInput: the file cannot be written, or its file system has no locks.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        _lock(path, descriptor)
        yield AppendOnlyFile(path, descriptor)
    finally:
        os.close(descriptor)  # this gives the lock back


def replayed(path: Path, reader: BinaryIO, kind: type[Line], take: Callable[[Line], None]) -> int:
    """Call `take` with each complete line from the second on, read as `kind`; return the offset after the last one.

    Raises:
        BatchMismatch: a line other than the last is not of that kind.
    """
    whole = reader.tell()
    for number, line in enumerate(iter(reader.readline, b""), start=2):
        try:
            outcome = kind.model_validate_json(line) if line.endswith(b"\n") else None
        except ValidationError as error:
            if not reader.read(1):
                return whole
            raise BatchMismatch(
                f"line {number} of {str(path)!r} is not an outcome", hint="restore the file, or choose another `--out`"
            ) from error
        if outcome is None:
            return whole
        take(outcome)
        whole = reader.tell()
    return whole


def _lock(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BatchBusy(f"another process is writing to {str(path)!r}") from error
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> BadInput:
    return BadInput(
        f"the output {str(path)!r} cannot be written: {error.strerror or type(error).__name__}",
        hint="choose for `--out` a place that you may write to",
    )


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
