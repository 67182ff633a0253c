"""The input file: JSON Lines, read one line at a time."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from experience.batch.values import BatchError
from experience.service import ResearchRequest
from settings import checked_name
from settings.faults import faults_of
from state.channels import ResearchContext
from state.errors import BadInput

MAX_LINE_BYTES = 1024 * 1024
"""A longer line is an invalid row. A chosen value: it bounds the memory that one row can take."""

_BOM = b"\xef\xbb\xbf"
_FIELDS = 'a row is `{"question": "…"}`, with `id`, `thread_id` and `context` if you like: docs/batch.md lists them'
_ONE_LINE = "write each row as one JSON object on one line of its own; `jq -c . FILE` does so with valid JSON"
_WHERE = re.compile(r" at line \d+ column (\d+)$")  # in the messages of `from_json`
_TOLD_FAULTS = 3  # faults named in a message; the first ones show what is wrong with the row


RowId = Annotated[str, Field(min_length=1, max_length=200)]


class BatchRow(BaseModel):
    """One line of the input. The fields in `context` override those of the job's context."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    id: RowId | None = None
    thread_id: str | None = None
    context: dict[str, Any] = Field(default_factory=dict)


class _Identified(BaseModel):
    """What an invalid line may still say of itself."""

    id: RowId | None = None


@dataclass(frozen=True)
class Row:
    """A parsed line: the request, or the fault that makes it invalid. `ordinal` counts equal rows without an id."""

    line: int
    id: str
    digest: str
    ordinal: int
    request: ResearchRequest | None = None
    fault: BatchError | None = None

    @property
    def named_thread(self) -> str | None:
        """The thread that the row names, or `None`."""
        return self.request.thread_id if self.request else None


class RowFile:
    """The input file. Each call of `rows` reads it from the beginning, in constant memory.

    Args:
        path: the path of the file.
        defaults: the context of every row; a row's own context overrides it.
    """

    def __init__(self, path: Path, defaults: ResearchContext) -> None:
        self._path, self._defaults = path, defaults

    def rows(self) -> Iterator[Row]:
        """Yield the rows. Blank lines are skipped but counted in the line numbers.

        Raises:
            BadInput: the file cannot be read, or two rows have the same id.
        """
        with _opened(self._path) as file, closing(_Seen()) as seen:
            for number, raw in _lines(file):
                if raw.strip():
                    yield self._row(number, raw, seen)

    def _row(self, number: int, raw: bytes, seen: _Seen) -> Row:
        digest = hashlib.sha256(raw.strip()).digest()
        try:
            row = _parsed(raw)
            request = ResearchRequest(question=row.question, thread_id=_thread(row), context=self._context(row))
        except BadInput as error:
            fault = BatchError(code=error.code, message=error.message, hint=error.hint)
            return self._named(number, _id_of(raw), digest, seen, fault=fault)
        return self._named(number, row.id, digest, seen, request=request)

    def _named(
        self,
        number: int,
        row_id: str | None,
        digest: bytes,
        seen: _Seen,
        *,
        request: ResearchRequest | None = None,
        fault: BatchError | None = None,
    ) -> Row:
        if row_id is None:
            return Row(number, "", digest.hex(), seen.count(digest, number), request, fault)
        before = seen.first(row_id, number)
        if before is not None:
            raise BadInput(
                f"lines {before} and {number} of {self._path.name!r} have the same id {row_id[:80]!r}",
                hint="give each row its own id, or none",
            )
        return Row(number, row_id, digest.hex(), 0, request, fault)

    def _context(self, row: BatchRow) -> ResearchContext:
        if row.context.get("tenant", self._defaults.tenant) != self._defaults.tenant:
            raise BadInput("a row cannot choose its tenant", hint="run one job for each tenant, with `--tenant`")
        try:
            return ResearchContext.model_validate({**self._defaults.model_dump(exclude_unset=True), **row.context})
        except ValidationError as error:
            raise _invalid(error, ResearchContext, within="context") from error


class _Seen:
    """Remembers ids and equal rows as hashes, in a temporary database that SQLite removes itself.

    In a database and not in a set, because the memory of a job must not grow with its rows.
    """

    def __init__(self) -> None:
        # Used from changing worker threads, one at a time.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        # A temporary file needs no journal and no sync: a crash discards it.
        self._database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-512;"
            "CREATE TABLE seen (digest BLOB PRIMARY KEY, line INTEGER, times INTEGER) WITHOUT ROWID"
        )

    def first(self, row_id: str, line: int) -> int | None:
        """Return the earlier line with this id, or `None` and remember this one."""
        digest = hashlib.sha256(b"id:" + row_id.encode("utf-8", "surrogatepass")).digest()
        found = self._database.execute("SELECT line FROM seen WHERE digest = ?", (digest,)).fetchone()
        if found is None:
            self._database.execute("INSERT INTO seen VALUES (?, ?, 1)", (digest, line))
        return int(found[0]) if found else None

    def count(self, digest: bytes, line: int) -> int:
        """Return how many equal rows came before."""
        statement = (
            "INSERT INTO seen VALUES (?, ?, 1) ON CONFLICT (digest) DO UPDATE SET times = times + 1 RETURNING times"
        )
        return int(self._database.execute(statement, (digest, line)).fetchone()[0]) - 1

    def close(self) -> None:
        """Remove the temporary file."""
        self._database.close()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInput(
            f"the input {str(path)!r} cannot be read: {error.strerror}", hint="give a file of JSON Lines"
        ) from error


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each line; of a line that is too long, only its beginning."""
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        yield number, raw.removeprefix(_BOM) if number == 1 else raw
        while len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            raw = file.readline(MAX_LINE_BYTES + 1)


def _parsed(raw: bytes) -> BatchRow:
    """Return the row of a line. Raises `BadInput`, without the contents of the line, which may be personal data."""
    if len(raw) > MAX_LINE_BYTES:
        raise BadInput(f"the line has more than {MAX_LINE_BYTES:,} bytes", hint="ingest long texts as documents")
    try:
        return BatchRow.model_validate(_json(raw))
    except ValidationError as error:
        raise _invalid(error, BatchRow) from error


def _json(raw: bytes) -> Any:
    try:
        return from_json(raw.rstrip())
    except ValueError as error:
        # The parser was given one line: the number of the line in the file is not its business.
        what = (
            _WHERE.sub(r", at byte \1", str(error))
            .replace("EOF while", "it ends while")
            .replace("expected ident", "expected value")
        )
        raise BadInput(f"the line is not JSON: {what}", hint=_ONE_LINE) from error


def _invalid(error: ValidationError, kind: type[BaseModel], *, within: str = "") -> BadInput:
    """Return the error of a row or a context that is JSON and does not fit."""
    told = faults_of(error, within=within, whole="the row", known=kind.model_fields, limit=_TOLD_FAULTS)
    return BadInput(told, hint=_FIELDS)


def _id_of(raw: bytes) -> str | None:
    """Return the id of a line that is no valid row, so that its outcome can be told apart; `None` if it has none."""
    try:
        row = from_json(raw[:MAX_LINE_BYTES].strip(), allow_partial=True)  # a line that was cut off keeps what is whole
    except ValueError:
        return None
    try:
        return _Identified.model_validate(row).id
    except ValidationError:
        return None


def _thread(row: BatchRow) -> str | None:
    return None if row.thread_id is None else checked_name("thread", row.thread_id)
