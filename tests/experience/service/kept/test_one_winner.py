"""Of those who act on one thread or key at once, one wins: on SQLite, and on PostgreSQL at READ COMMITTED.

SQLite lets one write at a time. The isolation of Oracle Database and PostgreSQL does not: what a transaction has read,
another may change before it writes.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from experience.service.retention import Pruned, prune
from experience.service.threads import Lease, PageWanted, Threads, ageing, leases, rows
from policy.identity import ApiKeys, Permission, keys
from settings import Settings
from settings.connections.sql import open_engine
from state.channels import ResearchContext
from state.errors import KeyMissing, ThreadBusy
from tests.doubles.processes import Forked
from tests.doubles.roles import scripted
from tests.doubles.waiting import SAFETY_SECONDS
from tests.experience.reports import make_report
from tests.experience.service.helpers import service_of
from tests.experience.service.kept.test_threads import SPAN, threads_of
from tests.experience.service.kept.test_upkeep import change

PAIRS, MANY = 25, 1_000
ONE_WINNER = ["Lease", "ThreadBusy"]
DEAD = 2**22 + 1
"""No process has this number: it is above Linux's highest."""


def started(threads: Threads, name: str, run: str) -> Coroutine[Any, Any, Lease]:
    return threads.start("local", name, run, "Why?", ResearchContext(), None, SPAN)


async def outcomes(*acts: Coroutine[Any, Any, Any]) -> list[str]:
    """Let all act at once; return the kinds of what came out, sorted."""
    return sorted(type(each).__name__ for each in await asyncio.gather(*acts, return_exceptions=True))


async def pairs_of_starts(home: Path, pairs: int) -> Counter[tuple[str, ...]]:
    """Let two start one thread at once: by turns a new one, and one whose run has finished."""
    found: Counter[tuple[str, ...]] = Counter()
    async with threads_of(home) as one, threads_of(home) as two:
        for pair in range(pairs):
            name = f"t{pair}"
            if pair % 2:
                await one.settle(await started(one, name, f"before-{pair}"), f"before-{pair}", "answered")
            both = await outcomes(*(started(each, name, f"{n}-{pair}") for n, each in enumerate((one, two))))
            winner, runs = (await one.get("local", name)).record.run_id, await one.runs("local", name)
            assert [each.run_id for each in runs if each.status == "running"] == [winner]
            found[tuple(both)] += 1
    return found


async def test_of_two_who_start_a_thread_at_once_one_wins_each_time(tables: str, tmp_path: Path) -> None:
    assert await pairs_of_starts(tmp_path, PAIRS) == {tuple(ONE_WINNER): PAIRS}


@pytest.mark.long
async def test_of_two_who_start_a_thread_at_once_one_wins_a_thousand_times(tables: str, tmp_path: Path) -> None:
    assert await pairs_of_starts(tmp_path, MANY) == {tuple(ONE_WINNER): MANY}


async def test_of_two_who_take_up_the_run_of_a_dead_process_one_wins(tables: str, tmp_path: Path) -> None:
    pairs = 20
    async with threads_of(tmp_path) as one, threads_of(tmp_path) as two:
        for pair in range(pairs):
            await started(one, f"t{pair}", f"run-{pair}")
        host, boot, *_ = leases.new_owner().split("/")
        change(tmp_path, "UPDATE threads SET lease_owner = ?", f"{host}/{boot}/{DEAD}/x")
        assert len(await one.abandoned(1)) == pairs
        for pair in range(pairs):
            both = [each.take("local", f"t{pair}") for each in (one, two)]
            assert await outcomes(*both) == ["ThreadBusy", "tuple"]
        assert await two.abandoned(1) == []  # they live, and each was taken up once
        change(tmp_path, "UPDATE threads SET lease_owner = ?", f"{host}/{boot}/{DEAD}/x")
        assert len(await two.abandoned(2)) == pairs


@pytest.mark.parametrize("act", ["start", "take"])
async def test_of_a_start_and_a_deletion_one_wins(tables: str, act: str, tmp_path: Path) -> None:
    async with threads_of(tmp_path) as one, threads_of(tmp_path) as two:
        for pair in range(10):
            name = f"t{pair}"
            await one.settle(await started(one, name, f"before-{pair}"), f"before-{pair}", "answered")
            other = started(two, name, f"run-{pair}") if act == "start" else two.take("local", name)
            assert "ThreadBusy" in await outcomes(one.take("local", name), other)


TOGETHER = 6


def start_beside_another() -> None:
    """Start thread after thread at the same moment as the other process, and print what came of each."""
    asyncio.run(_beside(Path(sys.argv[1]), int(sys.argv[2])))


async def _beside(home: Path, number: int) -> None:
    async with threads_of(home) as threads:
        for pair in range(TOGETHER):
            (home / f"{pair}.{number}").touch()
            async with asyncio.timeout(SAFETY_SECONDS):
                while not (home / f"{pair}.{1 - number}").exists():  # noqa: ASYNC110 - in another process
                    await asyncio.sleep(0)  # in short steps: the later one must not find the other's work done
            (outcome,) = await outcomes(started(threads, f"t{pair}", f"{number}-{pair}"))
            sys.stdout.write(f"{outcome}\n")


async def test_of_two_processes_that_start_a_thread_at_once_one_wins(tables: str, tmp_path: Path) -> None:
    async with threads_of(tmp_path) as threads:
        for pair in range(0, TOGETHER, 2):  # these have a run that is finished, the others are new
            await threads.settle(await started(threads, f"t{pair}", f"before-{pair}"), f"before-{pair}", "answered")
    target = f"{__name__}:start_beside_another"
    both = [Forked(target, str(tmp_path), str(number)) for number in (0, 1)]
    ended = [each.end() for each in both]
    assert [each.returncode for each in ended] == [0, 0], ended
    pairs = zip(*(each.stdout.split() for each in ended), strict=True)
    assert [sorted(pair) for pair in pairs] == [ONE_WINNER] * TOGETHER


async def test_a_thread_that_was_run_since_its_row_was_read_is_not_taken(
    postgres: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the same run, status and free lease as before, and yet another draft waits for its answer."""
    async with threads_of(tmp_path) as threads, threads_of(tmp_path) as other:
        await threads.settle(await started(threads, "t", "run"), "run", "review")
        read = rows._select

        def late(*named: Any) -> Any:
            row = read(*named)
            monkeypatch.setattr(rows, "_select", read)
            with ThreadPoolExecutor() as elsewhere:
                elsewhere.submit(asyncio.run, review_again(other)).result()
            return row

        monkeypatch.setattr(rows, "_select", late)
        with pytest.raises(ThreadBusy, match="just begun"):
            await threads.take("local", "t")
        stored, _ = await threads.take("local", "t")
        assert stored.record.updated_at == (await threads.get("local", "t")).record.updated_at


async def review_again(threads: Threads) -> None:
    _, lease = await threads.take("local", "t")
    await threads.settle(lease, "run", "review")


async def test_a_report_that_was_removed_does_not_come_back_from_its_checkpoints(tables: str, tmp_path: Path) -> None:
    async with threads_of(tmp_path) as threads:
        lease = await started(threads, "t", "run")
        await threads.settle(lease, "run", "answered")
        (aged,) = await threads.reports_before("9999")
        await threads.remove_report(aged)
        await threads.keep_report("local", "run", make_report())
        kept = await threads.by_run("local", "run")
        assert kept is not None
        assert (kept.report, kept.run.has_report) == (None, False)


async def test_what_a_lost_lease_deleted_does_not_hide_the_checkpoints_of_the_next_run(
    tables: str, tmp_path: Path
) -> None:
    async with threads_of(tmp_path) as threads:
        await threads.settle(await started(threads, "t", "one"), "one", "answered")
        _, late = await threads.take("local", "t")
        change(tmp_path, "UPDATE threads SET lease_until = 0")
        _, lease = await threads.take("local", "t")
        await threads.note_without_checkpoints(late)
        await threads.settle(lease, "one", "answered")
        assert [each.thread_id for each in await threads.checkpointed_before("9999")] == ["t"]


async def test_a_key_that_is_being_revoked_gets_no_successor_beside_it(
    tables: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who revokes waits for the rotation that has read the key, and whoever rotates later finds it revoked."""
    one, two = ApiKeys(Settings(home=tmp_path)), ApiKeys(Settings(home=tmp_path))
    key, _ = await one.create("t", "ann", [Permission.ASK])
    revoked, insert = threading.Event(), keys._insert

    async def revoke() -> None:
        await two.revoke(key.key_id)
        revoked.set()

    def late(*given: Any) -> None:
        elsewhere.submit(asyncio.run, revoke())
        assert not revoked.wait(0.2)  # the rotation is not committed
        insert(*given)

    with ThreadPoolExecutor() as elsewhere:
        monkeypatch.setattr(keys, "_insert", late)
        await one.rotate(key.key_id, overlap=timedelta(0))
    assert revoked.is_set()
    with pytest.raises(KeyMissing):
        await one.rotate(key.key_id, overlap=timedelta(0))
    await one.aclose()
    await two.aclose()


async def test_keys_are_rotated_one_after_the_other(tables: str, tmp_path: Path) -> None:
    one, two = ApiKeys(Settings(home=tmp_path)), ApiKeys(Settings(home=tmp_path))
    key, _ = await one.create("t", "ann", [Permission.ASK], lifetime=timedelta(days=9))
    both = [each.rotate(key.key_id, overlap=timedelta(hours=hours)) for hours, each in ((1, one), (2, two))]
    assert await outcomes(*both) == ["tuple", "tuple"]
    (old,) = [each for each in await one.list() if each.key_id == key.key_id]
    assert old.lifetime is not None
    assert old.lifetime < timedelta(hours=1, minutes=5)  # what was promised last cannot prolong it
    await one.aclose()
    await two.aclose()


async def test_runs_of_dead_processes_are_found_by_an_index(tmp_path: Path) -> None:
    async with threads_of(tmp_path):
        engine = open_engine(Settings(home=tmp_path), "threads.db")
        asked: list[str] = []
        sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        with engine.begin() as connection:
            assert ageing.abandoned(connection) == []
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", ("running",)).all()
        engine.dispose()
    assert ["threads_status" in row[-1] for row in plan] == [True], plan


async def test_a_sweep_goes_on_past_pages_that_are_busy(
    tables: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ageing, "AT_ONCE", 2)
    days = {"threads_days": 90}
    async with service_of(home, scripted(), retention=days) as service, threads_of(home) as threads:
        for number in range(7):
            run = str(uuid.uuid4())
            lease = await started(threads, f"t{number}", run)
            if number >= 5:
                await threads.settle(lease, run, "answered")
        change(home, "UPDATE threads SET updated_at = '2026-01-01'")  # of one moment: their names decide
        assert await prune(service) == Pruned(threads=2)
        listed = (await threads.list("local", PageWanted())).threads
        assert sorted(each.thread_id for each in listed) == [f"t{number}" for number in range(5)]
