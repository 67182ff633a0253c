"""The lease of a corpus's writer on a recording pool: the statements of `retrieval.oracle.lease`, with a clock."""

from __future__ import annotations

from typing import Any

from tests.doubles.oracle.recording import RecordingPool, Statement


class WriterRow:
    """The columns `writer` and `writer_until` of one corpus. `now` is the database's clock, in seconds."""

    def __init__(self, pool: RecordingPool, dimensions: int) -> None:
        self.writer, self.until, self.now = None, 0.0, 0.0
        pool.answer(r"^SELECT CASE WHEN \(c.writer IS NULL", lambda _: [(0 if self._free() else 1,)])
        pool.answer(r"FOR UPDATE WAIT", lambda _: [(dimensions, self.writer)])
        pool.answer(r"^UPDATE \w+ c SET c.writer = :writer", self._claim)
        pool.answer(r"^UPDATE \w+ c SET (c.generation .*)?c.writer_until = ", self._renew)
        pool.answer(r"^UPDATE \w+ c SET c.writer = NULL", self._release)

    def _free(self) -> bool:
        return self.writer is None or self.until < self.now

    def _claim(self, statement: Statement) -> list[Any]:
        if not self._free():
            return []
        self.writer, self.until = statement.binds["writer"], self.now + statement.binds["seconds"]
        return [()]

    def _renew(self, statement: Statement) -> list[Any]:
        if self.writer != statement.binds["writer"]:
            return []
        self.until = self.now + statement.binds["seconds"]
        return [()]

    def _release(self, statement: Statement) -> list[Any]:
        if self.writer != statement.binds["writer"]:
            return []
        self.writer = None
        return [()]
