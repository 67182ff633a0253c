"""A thread does not grow: of a finished run one checkpoint is left, and a late question costs what an early one did."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from experience.service import ResearchService, open_service
from experience.service.deletion import Checkpoints
from graphs.persistence import sqlite_checkpoints
from graphs.persistence.sqlite_checkpoints import ThreadedSqliteSaver
from nodes.publish import MAX_HISTORY
from state.errors import ReviewPending
from state.values import ReviewAnswer
from tests.doubles.oracle.costs import PoolCost
from tests.doubles.oracle.profile import QUESTION, oracle_settings, profile_pool
from tests.doubles.roles import scripted
from tests.experience.service.helpers import SLOW, ask, events_of, leaving_checkpoints, service_of
from tests.experience.service.kept.test_upkeep import change

THREAD: Any = {"configurable": {"thread_id": "local/t"}}


class FileCost:
    """The rows that the saver reads of its SQLite file, and the bytes that it appends to the file's log."""

    def __init__(self, saver: ThreadedSqliteSaver, home: Path) -> None:
        self._connection, self._log, self._rows = saver.conn, home / "checkpoints.db-wal", 0
        in_loop = saver._at_once
        assert in_loop is not None
        for connection in (saver.conn, in_loop.conn):
            connection.row_factory = self._counted
        self._connection.execute("PRAGMA wal_autocheckpoint=0")
        self.taken()

    def _counted(self, _: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        self._rows += 1
        return row

    def taken(self) -> tuple[int, int]:
        """Return rows and bytes since the last call."""
        found = self._rows, self._log.stat().st_size
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._rows = 0
        return found


@asynccontextmanager
async def embedded(home: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[tuple[ResearchService, Any]]:
    async with service_of(home, scripted()) as service:
        saver = service.graph.checkpointer
        assert isinstance(saver, ThreadedSqliteSaver)
        patch.setattr(sqlite_checkpoints, "_UNCOPIED", 10**9)  # `FileCost` copies the log
        yield service, FileCost(saver, home)


@asynccontextmanager
async def oracle(home: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[tuple[ResearchService, Any]]:
    pool = profile_pool(patch)
    async with open_service(oracle_settings(home), gateway_models={SLOW: scripted()}) as service:
        yield service, PoolCost(pool, "checkpoint")


@pytest.mark.parametrize("questions", [MAX_HISTORY + 3, pytest.param(50, marks=pytest.mark.long)])
@pytest.mark.parametrize("plane", [embedded, oracle])
async def test_a_late_question_on_a_thread_costs_what_an_early_one_does(
    plane: Any, questions: int, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = "small" if plane is embedded else "default"
    costs = []
    async with plane(home, monkeypatch) as (service, cost):
        for _ in range(questions):
            report = await service.run(ask(QUESTION, thread="t", corpus=corpus, model=SLOW))
            assert report.status == "answered"
            costs.append(cost.taken())
        view = await service.show("local", "t")
        assert len([each async for each in service.graph.aget_state_history(THREAD)]) == 1
    assert (len(view.runs), len(view.history)) == (questions, MAX_HISTORY)
    rows, written = zip(*costs, strict=True)
    # Until the conversation has all the runs that it keeps, its values move into rows of their own as they grow.
    assert set(rows[MAX_HISTORY + 1 :]) == {max(rows)}, "each reads as many rows"
    assert max(written[MAX_HISTORY:]) <= 1.05 * written[MAX_HISTORY - 1]
    assert min(written) > 10_000, "something was measured"


async def test_what_waits_for_a_person_keeps_its_checkpoints_and_leaves_one_when_it_ends(home: Path) -> None:
    async with service_of(home, scripted()) as service:
        with pytest.raises(ReviewPending):
            await service.run(ask(thread="t", model=SLOW, human_review=True))
        waiting = [each async for each in service.graph.aget_state_history(THREAD)]
        assert len(waiting) > 5
        events = await events_of(service.resume("local", "t", ReviewAnswer(decision="approve")))
        (left,) = [each async for each in service.graph.aget_state_history(THREAD)]
        assert left.values["report"] == events[-1].report.model_dump(mode="json")
        assert left.next == ()
        assert (await service.run(ask(thread="t", model=SLOW))).status == "answered"


async def test_reports_of_an_earlier_release_outlive_the_next_question(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service_of(home, scripted()) as service:
        with leaving_checkpoints(monkeypatch):
            old = [await service.run(ask(thread="t", model=SLOW)) for _ in range(2)]
        change(home, "UPDATE runs SET report = NULL")
        await service.run(ask(thread="t", model=SLOW))
        assert len([each async for each in service.graph.aget_state_history(THREAD)]) == 1
        for report in old:
            kept = await service.show_run("local", report.run_id)
            assert kept is not None
            assert kept.report == report


async def test_a_pruning_that_fails_costs_no_report_and_the_next_one_does_its_work(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(self: Any, thread_id: str) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async with service_of(home, scripted()) as service:
        with monkeypatch.context() as patch:
            patch.setattr(ThreadedSqliteSaver, "_keep_latest", full)
            assert (await service.run(ask(thread="t", model=SLOW))).status == "answered"
        assert "older checkpoints of the thread 't' stay: OperationalError" in caplog.text
        assert (await service.record("local", "t")).status == "answered"
        assert len([each async for each in service.graph.aget_state_history(THREAD)]) > 5
        await service.run(ask(thread="t", model=SLOW))
        assert len([each async for each in service.graph.aget_state_history(THREAD)]) == 1


async def test_a_run_that_is_cancelled_while_it_prunes_gives_its_thread_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled(self: Any, tenant: str, thread_id: str) -> None:
        raise TimeoutError

    async with service_of(home, scripted()) as service:
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoints, "keep_latest", cancelled)
            with pytest.raises(TimeoutError):
                await service.run(ask(thread="t", model=SLOW))
        view = await service.show("local", "t")
        assert (view.record.status, view.live) == ("answered", False)
