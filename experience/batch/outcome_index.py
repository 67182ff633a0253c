"""The latest outcome of each row by key, in a temporary SQLite file, so that memory does not grow with the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from experience.batch.values import BatchOutcome, RowStatus

_COLUMNS = "status, attempt, thread_id, run_id, cost, resumable, line, id, code, message, ended, corpus, malformed"
_TABLE = f"""
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-512;
CREATE TABLE outcomes (key TEXT PRIMARY KEY, {_COLUMNS}) WITHOUT ROWID;
"""


class Known(NamedTuple):
    """The fields of a row's latest outcome that a further attempt needs."""

    status: str
    attempt: int
    thread_id: str
    run_id: str
    cost_micro_usd: int
    resumable: bool


class FailedRow(NamedTuple):
    """One failed row."""

    line: int
    id: str
    code: str
    message: str


class OutcomeIndex:
    """The latest outcome by key, and sums over all attempts."""

    def __init__(self) -> None:
        # Opened in the event loop, filled in a worker thread while an existing output file is replayed.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLE)
        self.cost_micro_usd = 0
        self.dearest = 0
        """The cost of the most expensive row so far, in micro-dollars."""
        self.recorded = 0

    def add(self, outcome: BatchOutcome) -> None:
        """Add an outcome. The cost of a run that a later attempt continued is counted once."""
        before = self.get(outcome.key)
        # `cost_micro_usd` is that of the whole run, so the same run's earlier cost is subtracted.
        paid = before.cost_micro_usd if before and before.run_id == outcome.run_id else 0
        self.cost_micro_usd += outcome.cost_micro_usd - paid
        self.dearest = max(self.dearest, outcome.cost_micro_usd)
        self.recorded += before is None
        self._database.execute(f"REPLACE INTO outcomes VALUES (?{', ?' * 13})", (outcome.key, *_fields(outcome)))  # noqa: S608 - a constant number of placeholders

    def get(self, key: str) -> Known | None:
        """Return the row's latest outcome, or `None`."""
        columns = "status, attempt, thread_id, run_id, cost, resumable"
        found = self._database.execute(f"SELECT {columns} FROM outcomes WHERE key = ?", (key,)).fetchone()  # noqa: S608 - constants
        return Known(*found) if found else None

    def counts(self) -> dict[str, int]:
        """Return the number of rows by status, without `stopped`, which is never recorded."""
        none = {status.value: 0 for status in RowStatus if status is not RowStatus.STOPPED}
        return {**none, **self._grouped("SELECT status, count(*) FROM outcomes GROUP BY status")}

    def reports(self) -> dict[str, int]:
        """Return the number of rows by the status of their report."""
        return self._grouped("SELECT ended, count(*) FROM outcomes WHERE ended != '' GROUP BY ended")

    def failed_by_code(self) -> dict[str, int]:
        """Return the number of failed rows by error code, the most frequent first."""
        order = "GROUP BY code ORDER BY count(*) DESC, code"
        return self._grouped(f"SELECT code, count(*) FROM outcomes WHERE status = 'failed' {order}")  # noqa: S608 - constants

    def malformed(self) -> int:
        """Return the number of rows that cannot be asked as they stand."""
        return int(self._database.execute("SELECT count(*) FROM outcomes WHERE malformed").fetchone()[0])

    def failures(self, most: int) -> list[FailedRow]:
        """Return the first `most` failed rows in the order of the input."""
        query = "SELECT line, id, code, message FROM outcomes WHERE status = 'failed' ORDER BY line LIMIT ?"
        return [FailedRow(*row) for row in self._database.execute(query, (most,))]

    def corpora(self) -> dict[tuple[str, int], int]:
        """Return the number of reports by corpus and version."""
        query = "SELECT corpus, count(*) FROM outcomes WHERE corpus != '' GROUP BY corpus"
        return {_corpus(name): count for name, count in self._database.execute(query)}

    def _grouped(self, query: str) -> dict[str, int]:
        rows: Iterable[tuple[str, int]] = self._database.execute(query)
        return dict(rows)

    def close(self) -> None:
        """Remove the temporary file."""
        self._database.close()


def _fields(outcome: BatchOutcome) -> tuple[object, ...]:
    error, report = outcome.error, outcome.report
    return (
        outcome.status.value,
        outcome.attempt,
        outcome.thread_id,
        outcome.run_id,
        outcome.cost_micro_usd,
        outcome.resumable,
        outcome.line,
        outcome.id,
        error.code if error else "",
        error.message if error else "",
        report.status.value if report else "",
        f"{report.corpus.name} {report.corpus.version}" if report and report.corpus else "",
        outcome.malformed,
    )


def _corpus(name: str) -> tuple[str, int]:
    corpus, _, number = name.rpartition(" ")
    return corpus, int(number)
