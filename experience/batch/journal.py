"""The output file: a first line that names the job, then one line for each outcome, each on the disk before it counts.

A process that is killed while it writes leaves a torn last line. Opening cuts it off: its row was never done.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout
from pydantic import ValidationError

from experience.batch.values import BatchOutcome
from state.errors import BadInput, BatchBusy, BatchMismatch, StorageFull
from state.values import Value

_START = b'{"job":'


class JobHeader(Value):
    """What makes the job this one. `run` is drawn anew for each output file; its threads are named after it.

    `id` is the digest of all keys: another row, another model or another version of the corpus is another job.
    """

    format: int
    id: str
    run: str
    rows: int
    input: str
    input_sha256: str
    configuration: str
    tenant: str
    corpus: str
    corpus_version: int
    models: dict[str, str]
    created_at: str


class _FirstLine(Value):
    job: JobHeader


class Journal:
    """An open output file. Opened by `open_journal`."""

    def __init__(self, path: Path, header: JobHeader, descriptor: int) -> None:
        self.header = header
        self._path, self._descriptor = path, descriptor

    def append(self, outcome: BatchOutcome) -> None:
        """Write an outcome through to the disk. What could not be written whole is taken back.

        Raises:
            StorageFull: the disk is full.
        """
        self._write(outcome.model_dump_json().encode() + b"\n")

    def _write(self, line: bytes) -> None:
        length = os.fstat(self._descriptor).st_size
        try:
            _write_all(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, length)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull(f"{str(self._path)!r} cannot be written: the disk is full") from error
            raise


@contextmanager
def open_journal(path: Path, header: JobHeader, take: Callable[[BatchOutcome], None]) -> Iterator[Journal]:
    """Yield the output file for a block, locked; `take` gets each outcome that it holds already.

    Raises:
        BatchMismatch: the file belongs to another job, or is no output file.
        BatchBusy: another process writes to it.
        BadInput: it cannot be written.
    """
    with _locked(path):
        descriptor = _descriptor(path)
        try:
            yield _recovered(path, header, descriptor, take)
        finally:
            os.close(descriptor)


def _recovered(path: Path, header: JobHeader, descriptor: int, take: Callable[[BatchOutcome], None]) -> Journal:
    with path.open("rb") as file:
        found, whole = _read_header(path, file, header), file.tell()
        if found is not None:
            whole = _replay(path, file, take)
    if os.fstat(descriptor).st_size > whole:
        os.ftruncate(descriptor, whole)
        os.fsync(descriptor)
    journal = Journal(path, found or header, descriptor)
    if found is None:
        journal._write(_FirstLine(job=header).model_dump_json().encode() + b"\n")  # noqa: SLF001 - it is this module's
        _sync_folder(path.parent)
    return journal


def _read_header(path: Path, file: BinaryIO, header: JobHeader) -> JobHeader | None:
    """Return the header of an existing file; of an empty one, or one torn in its first line, none, at its start."""
    first = file.readline()
    if not first.endswith(b"\n") and (first.startswith(_START) or _START.startswith(first)):
        file.seek(0)
        return None
    try:
        found = _FirstLine.model_validate_json(first).job
    except ValidationError as error:
        raise BatchMismatch(f"{str(path)!r} is no output file of a batch") from error
    differs = differences(found, header)
    if differs:
        raise BatchMismatch(
            f"{str(path)!r} belongs to another job: {', '.join(differs)}",
            hint="choose another `--out`, or give the job what it was begun with",
        )
    return found


def differences(found: JobHeader, wanted: JobHeader) -> list[str]:
    """Return in what two jobs differ, none where they are the same."""
    if found.id == wanted.id and found.format == wanted.format:
        return []
    fields = {
        "input_sha256": "its input has other rows",
        "corpus": f"its corpus is {found.corpus!r}",
        "corpus_version": f"its corpus had version {found.corpus_version}, now {wanted.corpus_version}",
        "models": f"its models are {', '.join(sorted(set(found.models.values())))}",
        "tenant": "its tenant is another",
        "configuration": "the release or the policy settings are others",
    }
    told = [what for name, what in fields.items() if getattr(found, name) != getattr(wanted, name)]
    return told or ["its rows are asked otherwise"]


def _replay(path: Path, file: BinaryIO, take: Callable[[BatchOutcome], None]) -> int:
    """Hand each outcome to `take`; return where the last whole line ends. Raises `BatchMismatch` for a broken line."""
    whole = file.tell()
    for number, line in enumerate(iter(file.readline, b""), start=2):
        try:
            outcome = BatchOutcome.model_validate_json(line) if line.endswith(b"\n") else None
        except ValidationError as error:
            if not file.read(1):
                return whole
            raise BatchMismatch(
                f"line {number} of {str(path)!r} is no outcome", hint="restore the file, or choose another `--out`"
            ) from error
        if outcome is None:
            return whole
        take(outcome)
        whole = file.tell()
    return whole


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file beside `path`; it is left there, since removing one lets two processes in."""
    lock = FileLock(f"{path}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise BatchBusy(f"another process is writing to {str(path)!r}") from error
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _descriptor(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> BadInput:
    return BadInput(
        f"the output {str(path)!r} cannot be written: {error.strerror or type(error).__name__}",
        hint="give `--out` a file in a folder that you may write to",
    )


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
