"""The trace files of a home folder: one JSON object per line, by day and size, for all processes of the home.

The names of the files come from the calendar and a count, never from a trace id, which a client may choose. The number
of files depends on what is kept, not on how many requests were served.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from settings.folders import private_folder

if TYPE_CHECKING:
    from settings import Settings

_DAY_SECONDS = 86_400
_LOCK = ".lock"
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_THREAD = "gen_ai.conversation.id"
"""The attribute that names a thread."""


@dataclass(frozen=True)
class TraceBounds:
    """How much is kept.

    Args:
        file_bytes: the size at which the next file begins.
        total_bytes: the size of all files together above which the oldest are deleted.
        days: the age of a file's last line after which it is deleted; `None`: files do not age.
    """

    file_bytes: int
    total_bytes: int
    days: int | None = None


@dataclass(frozen=True)
class Removed:
    """How many files were deleted, or would be, and their bytes."""

    files: int = 0
    bytes: int = 0


class TraceFiles:
    """Appends lines to the day's file, reads traces, and deletes what is too old, too much, or of a deleted thread.

    A lock of the folder is shared by all who append, and held alone by whoever writes a file anew: no line gets lost.
    """

    def __init__(self, folder: Path, bounds: TraceBounds) -> None:
        self._folder, self._bounds = folder, bounds
        self._threads = threading.Lock()
        self._lines = _Opened(folder)
        self._lock = _Opened(folder / _LOCK)

    def append(self, record: dict[str, Any]) -> None:
        """Append one record. Raises `OSError`."""
        line = _ENCODER.encode(record).encode(errors="replace") + b"\n"
        with self._threads, self._locked(fcntl.LOCK_SH):
            descriptor = self._current()
            # Unbuffered, so that a line survives SIGKILL.
            while line:
                line = line[os.write(descriptor, line) :]

    def read(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the records of a trace in the order in which they were written. Raises `OSError`."""
        lines = (line for path in self._paths() for line in _lines(path) if trace_id in line)
        records = (_parsed(line) for line in lines)
        return [record for record in records if record.get("trace_id") == trace_id]

    def forget(self, threads: Collection[tuple[str, str]]) -> None:
        """Delete the traces in which any of `threads` was run, each named by tenant and name. Raises `OSError`."""
        wanted = {*threads}
        found = {
            record["trace_id"]
            for path in (self._paths() if wanted else ())
            for line in _lines(path)
            if _THREAD in line and _thread_of(record := _parsed(line)) in wanted
        }
        for path in self._paths() if found else ():
            with self._threads, self._locked(fcntl.LOCK_EX):
                _without(path, found)

    def sweep(self, *, dry_run: bool = False) -> Removed:
        """Delete the files that are too old, and the oldest of those that are too much. Raises `OSError`."""
        with self._threads, self._locked(fcntl.LOCK_EX):
            return self._sweep(dry_run=dry_run)

    def close(self) -> None:
        """Close the open files."""
        with self._threads:
            self._lines.close()
            self._lock.close()

    def _current(self) -> int:
        """Return the open file that takes the next line."""
        day = time.strftime("%Y-%m-%d", time.gmtime())
        size = self._lines.size()
        if size is not None and size < self._bounds.file_bytes and self._lines.path.name.startswith(day):
            return self._lines.descriptor
        self._lines.close()
        self._lines = _Opened(self._next(day))
        descriptor = self._lines.open(os.O_RDWR | os.O_APPEND | os.O_CREAT)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a process was killed while it wrote
            os.write(descriptor, b"\n")
        return descriptor

    def _next(self, day: str) -> Path:
        """Return the day's last file, or the one after it if that is full."""
        parts = sorted(self._folder.glob(f"{day}.*.jsonl"))
        if parts and parts[-1].stat().st_size < self._bounds.file_bytes:
            return parts[-1]
        number = int(parts[-1].name.split(".")[1]) + 1 if parts else 1
        self._sweep()  # as often as a file begins: the sizes of the others do not change in between
        return self._folder / f"{day}.{number:06}.jsonl"

    def _sweep(self, *, dry_run: bool = False) -> Removed:
        kept, removed, oldest = 0, list[int](), time.time() - (self._bounds.days or 0) * _DAY_SECONDS
        for path in reversed(self._paths()):
            with suppress(FileNotFoundError):  # another process has deleted it meanwhile
                told = path.stat()
                kept += told.st_size
                aged = self._bounds.days is not None and told.st_mtime < oldest
                if aged or kept > self._bounds.total_bytes:
                    removed.append(told.st_size)
                    if not dry_run:
                        path.unlink()
        return Removed(len(removed), sum(removed))

    def _paths(self) -> list[Path]:
        """Return the files, oldest first. Those of earlier releases, one for each trace, are among them."""
        found = []
        for path in self._folder.glob("*.jsonl"):
            with suppress(FileNotFoundError):  # another process has deleted it meanwhile
                found.append((path.stat().st_mtime, path.name, path))
        return [path for _, _, path in sorted(found)]

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        if self._lock.size() is None:
            private_folder(self._folder)
            self._lock.open(os.O_RDWR | os.O_CREAT)
        descriptor = self._lock.descriptor
        fcntl.flock(descriptor, how)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


class _Opened:
    """A file that stays open from one line to the next, as long as it is still the one at its path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = -1
        self._named = str(path)
        self._mine: tuple[int, int, int] | None = None

    def open(self, flags: int) -> int:
        """Open the file for its owner alone and return its descriptor. Raises `OSError`."""
        self.close()
        self.descriptor = os.open(self._named, flags, 0o600)
        told = os.fstat(self.descriptor)
        self._mine = (os.getpid(), told.st_ino, told.st_dev)
        return self.descriptor

    def size(self) -> int | None:
        """Return its size, or `None` if it has to be opened: another process may have written it anew or deleted it.

        A forked process opens its own: it would release the lock of the other with the inherited one.
        """
        if self._mine is None:
            return None
        try:
            told = os.stat(self._named)  # noqa: PTH116 - for each line, and a `Path` would take longer to ask
        except FileNotFoundError:
            return None
        return told.st_size if (os.getpid(), told.st_ino, told.st_dev) == self._mine else None

    def close(self) -> None:
        """Close it, if it is open."""
        if self._mine is not None:
            os.close(self.descriptor)
            self._mine = None


def trace_files(settings: Settings) -> TraceFiles:
    """Return the trace files of the home folder."""
    telemetry = settings.telemetry
    bounds = TraceBounds(telemetry.max_file_bytes, telemetry.max_bytes, settings.retention.traces_days)
    return TraceFiles(traces_folder(settings), bounds)


def traces_folder(settings: Settings) -> Path:
    """Return the folder of the trace files."""
    return settings.home / "traces"


def _lines(path: Path) -> Iterator[str]:
    with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
        yield from file


def _parsed(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:  # a process was killed while it wrote the line
        return {}
    return record if isinstance(record, dict) else {}


def _thread_of(record: dict[str, Any]) -> tuple[Any, Any] | None:
    """Return tenant and name of the thread that a record of a trace is of, if it is of one."""
    attributes = record.get("attributes") or {}
    return (attributes.get("sixplane.tenant"), attributes.get(_THREAD)) if "trace_id" in record else None


def _without(path: Path, traces: set[str]) -> None:
    """Write a file anew without the lines of some traces, or delete it if no other lines are left."""
    lines = [*_lines(path)]
    kept = [line for line in lines if _parsed(line).get("trace_id") not in traces]
    if len(kept) == len(lines):
        return
    if not kept:
        path.unlink(missing_ok=True)
        return
    modified, fresh = path.stat().st_mtime, path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write("".join(kept).encode(errors="replace"))
    os.utime(fresh, (modified, modified))  # its age is that of its last line
    fresh.replace(path)
