"""The output file: a first line that describes the job, then one line for each outcome.

A row is done when its line is on disk. A process that is killed while it writes leaves an incomplete last line; opening
the file removes it, and the row is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from experience.append_only import AppendOnlyFile, open_append_only, replayed
from experience.batch.values import BatchOutcome
from state.errors import BatchMismatch
from state.values import Value

_START = b'{"job":'


class JobHeader(Value):
    """The first line: what identifies the job.

    `id` is the digest of all keys, so a changed row, model or version of the corpus makes another job. `run` is random
    for each output file; the names of its threads begin with it.
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
    """An open output file. `open_journal` opens it."""

    def __init__(self, header: JobHeader, file: AppendOnlyFile) -> None:
        self.header = header
        self._file = file

    def append(self, outcome: BatchOutcome) -> None:
        """Write an outcome and sync it to disk. An incomplete write is undone.

        Raises:
            StorageFull: the disk is full.
        """
        self._file.append(outcome.model_dump_json().encode() + b"\n")


@contextmanager
def open_journal(path: Path, header: JobHeader, take: Callable[[BatchOutcome], None]) -> Iterator[Journal]:
    """Open and lock the output file for the block. `take` is called with each outcome that the file already contains.

    Raises:
        BatchMismatch: the file belongs to another job, or is not an output file.
        BatchBusy: another process is writing to the file.
        BadInput: the file cannot be written.
    """
    with open_append_only(path) as file:
        yield _recovered(path, header, file, take)


def _recovered(path: Path, header: JobHeader, file: AppendOnlyFile, take: Callable[[BatchOutcome], None]) -> Journal:
    with path.open("rb") as reader:
        found, whole = _read_header(path, reader, header), reader.tell()
        if found is not None:
            whole = replayed(path, reader, BatchOutcome, take)
    file.cut(whole)
    if found is None:
        file.append(_FirstLine(job=header).model_dump_json().encode() + b"\n")
        file.sync_name()
    return Journal(found or header, file)


def _read_header(path: Path, file: BinaryIO, header: JobHeader) -> JobHeader | None:
    """Return the header of the file, or `None` at offset 0 if the file is empty or its first line incomplete."""
    first = file.readline()
    if not first.endswith(b"\n") and (first.startswith(_START) or _START.startswith(first)):
        file.seek(0)
        return None
    try:
        found = _FirstLine.model_validate_json(first).job
    except ValidationError as error:
        raise BatchMismatch(f"{str(path)!r} is not the output file of a batch job") from error
    differs = differences(found, header)
    if differs:
        raise BatchMismatch(
            f"{str(path)!r} belongs to another job: {', '.join(differs)}",
            hint="choose another `--out`, or use the input and options that the job was started with",
        )
    return found


def differences(found: JobHeader, wanted: JobHeader) -> list[str]:
    """Return in what the jobs differ; an empty list if they are the same job."""
    if found.id == wanted.id and found.format == wanted.format:
        return []
    fields = {
        "input_sha256": "its input has different rows",
        "corpus": f"its corpus is {found.corpus!r}",
        "corpus_version": f"its corpus had version {found.corpus_version}, now {wanted.corpus_version}",
        "models": f"its models are {', '.join(sorted(set(found.models.values())))}",
        "tenant": f"its tenant is {found.tenant!r}",
        "configuration": "it was made with another release or other policy settings",
    }
    told = [what for name, what in fields.items() if getattr(found, name) != getattr(wanted, name)]
    return told or ["its rows were asked with other options"]
