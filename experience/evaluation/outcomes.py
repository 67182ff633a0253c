"""What the service did with one question, and the file that holds these outcomes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import Field, ValidationError

from experience.append_only import AppendOnlyFile, open_append_only, replayed
from experience.batch import BatchError
from state.errors import BatchMismatch
from state.report import Report
from state.values import Value

FORMAT = 1
"""Increase this number when an outcome records other things: older files are then refused."""

_START = b'{"evaluation":'


class Spot(Value):
    """A passage: its document, and its offsets into the canonical text."""

    document_id: str
    start: int
    end: int


class Outcome(Value):
    """One line of the file.

    Args:
        key: the digest of the question, its options, the settings that shape an answer, and the corpus version.
        question: the question.
        attempt: 1, or more if earlier attempts failed.
        report: the report; `None` if the run failed before it had one.
        error: why it failed.
        read: for each round, the screened passages retrieved up to then, best first, as the analyzer gets them.
        quoted: the passages from which findings quote: these reach the writer.
        found: the passages that one search for the whole question finds, best first, by search mode.
        exact: whether every quote of the report is the text of its document: `verified`, `pruned` or `failed`.
        seconds: how long the run took.
    """

    key: str
    question: str
    attempt: int = 1
    report: Report | None = None
    error: BatchError | None = None
    read: tuple[tuple[Spot, ...], ...] = ()
    quoted: tuple[Spot, ...] = ()
    found: dict[str, tuple[Spot, ...]] = Field(default_factory=dict)
    exact: str = ""
    seconds: float = 0.0
    started_at: str = ""


class Header(Value):
    """The first line. `run` is random for each file; the names of its threads begin with it."""

    format: int
    run: str


class _FirstLine(Value):
    evaluation: Header


class OutcomeFile:
    """An open file of outcomes. `open_outcomes` opens it."""

    def __init__(self, file: AppendOnlyFile, header: Header, known: dict[str, Outcome]) -> None:
        self.run, self.known = header.run, known
        self._file = file

    def append(self, outcome: Outcome) -> None:
        """Write an outcome and sync it to disk."""
        self._file.append(outcome.model_dump_json().encode() + b"\n")
        self.known[outcome.key] = outcome


@contextmanager
def open_outcomes(path: Path) -> Iterator[OutcomeFile]:
    """Open and lock the file for the block; `known` has the latest outcome by key.

    Outcomes of other questions, settings or corpus versions stay in the file; their keys are other ones.

    Raises:
        BatchMismatch: the file is not a file of outcomes, or of another format.
        BatchBusy: another process is writing to the file.
        BadInput: the file cannot be written.
    """
    with open_append_only(path) as file:
        with path.open("rb") as reader:
            header, whole, known = _header(path, reader), 0, dict[str, Outcome]()
            if header is not None:
                whole = replayed(path, reader, Outcome, lambda each: known.update({each.key: each}))
        file.cut(whole)
        if header is None:
            header = Header(format=FORMAT, run=uuid.uuid4().hex)
            file.append(_FirstLine(evaluation=header).model_dump_json().encode() + b"\n")
            file.sync_name()
        yield OutcomeFile(file, header, known)


def _header(path: Path, reader: BinaryIO) -> Header | None:
    first = reader.readline()
    if not first.endswith(b"\n") and (first.startswith(_START) or _START.startswith(first)):
        return None
    try:
        found = _FirstLine.model_validate_json(first).evaluation
    except ValidationError as error:
        raise _mismatch(f"{str(path)!r} is not a file of outcomes of an evaluation") from error
    if found.format != FORMAT:
        raise _mismatch(f"{str(path)!r} was written by another version of Sixplane")
    return found


def _mismatch(message: str) -> BatchMismatch:
    return BatchMismatch(message, hint="choose another `--out`")
