"""A paid answer outlives a database that is busy, and an ended run memoises nothing any more."""

import asyncio
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager, suppress

import pytest
import sqlalchemy as sa

from experience.doctor.health import settlements
from gateway import Answer, Ledger
from gateway.ledger.unsettled import FAILURES, left_behind
from observability import collected_notices
from settings import load_settings
from settings.connections.sql import open_engine
from state.errors import BudgetExceeded
from state.money import dollars
from state.values import Usage
from tests.gateway.asked import PLAN, RESERVED, Asked

ORACLE = {"dsn": "db:1521/FREEPDB1", "user": "app", "password": "secret"}
USED = Usage(calls=1, input_tokens=7, output_tokens=3, cost_micro_usd=40)


@pytest.fixture
async def ledger(tmp_path, monkeypatch):
    monkeypatch.setattr("settings.connections.sql.BUSY_SECONDS", 0.02)
    opened = Ledger(load_settings(home=tmp_path))
    yield opened
    await opened.aclose()


@contextmanager
def held_by_another(home):
    with closing(sqlite3.connect(home / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_settlement_that_a_busy_database_does_not_take_waits_on_disk(tmp_path, ledger):
    held = await ledger.reserve("local", "run", "call", 600, None)
    with held_by_another(tmp_path):
        await ledger.settle(held, USED, "the answer")
        (kept,) = (tmp_path / "unsettled").glob("*.json")
        assert kept.stat().st_mode & 0o077 == 0
    resumed = Ledger(load_settings(home=tmp_path))  # another process takes it up, before it looks for the answer
    assert (await resumed.reserve("local", "run", "call", 600, None)).answer == "the answer"
    assert await ledger.usage("local", "run") == USED
    assert [(line.spent, line.reserved) for line in await ledger.budget("local")] == [(40, 0)] * 2
    assert list((tmp_path / "unsettled").iterdir()) == []
    await resumed.aclose()


async def test_the_usage_of_a_run_counts_what_waits(tmp_path, ledger):
    held = await ledger.reserve("local", "run", "call", 600, None)
    with held_by_another(tmp_path):
        await ledger.settle(held, USED, None)
    assert await ledger.usage("local", "run") == USED


async def test_what_two_processes_apply_is_charged_once(tmp_path, ledger):
    held = await ledger.reserve("local", "run", "call", 600, None)
    with held_by_another(tmp_path):
        await ledger.settle(held, USED, "the answer")
        (path,) = (tmp_path / "unsettled").glob("*.json")
        text = path.read_text()
    for _ in range(2):
        path.write_text(text)
        assert await ledger.usage("local", "run") == USED
    assert [(line.spent, line.reserved) for line in await ledger.budget("local")] == [(40, 0)] * 2


async def test_a_settlement_is_tried_again_while_there_is_time(tmp_path, ledger):
    held = await ledger.reserve("local", "run", "call", 600, None)
    with held_by_another(tmp_path):
        settling = asyncio.create_task(ledger.settle(held, USED, "the answer", patience_seconds=600))
        await asyncio.sleep(0.1)
        assert not settling.done()
    await settling
    assert not (tmp_path / "unsettled").exists()
    assert await ledger.usage("local", "run") == USED


async def test_a_settlement_that_can_be_kept_nowhere_waits_in_memory_and_is_told(tmp_path, ledger):
    held = await ledger.reserve("local", "run", "call", 600, None)
    (tmp_path / "unsettled").write_text("in the way")
    with held_by_another(tmp_path), collected_notices() as notices:
        await ledger.settle(held, USED, "the answer")
    assert [(each.node, each.kind) for each in notices] == [("ledger", "settlement_waits")]
    assert "busy" in notices[0].detail
    assert [(line.spent, line.reserved) for line in await ledger.budget("local")] == [(40, 0)] * 2
    assert (await ledger.reserve("local", "run", "call", 600, None)).answer == "the answer"


async def test_what_waits_in_memory_is_written_when_the_ledger_closes(tmp_path, ledger):
    held = await ledger.reserve("local", "run", "call", 600, None)
    (tmp_path / "unsettled").write_text("in the way")
    with held_by_another(tmp_path):
        await ledger.settle(held, USED, "the answer")
        (tmp_path / "unsettled").unlink()
        await ledger.aclose()
    assert len(list((tmp_path / "unsettled").glob("*.json"))) == 1
    assert await ledger.usage("local", "run") == USED


async def test_a_call_whose_settlement_ends_with_its_process_is_charged_as_it_was_reserved(
    tmp_path, ledger, monkeypatch, caplog
):
    held = await ledger.reserve("local", "run", "call", 600, None)
    (tmp_path / "unsettled").write_text("in the way")
    with held_by_another(tmp_path):
        await ledger.settle(held, USED, "the answer")
        await ledger.aclose()
    assert "a settlement is lost with this process" in caplog.text
    monkeypatch.setattr("gateway.ledger.clock.now_ms", lambda: 10**14)
    resumed = Ledger(load_settings(home=tmp_path))
    assert (await resumed.usage("local", "run")).cost_micro_usd == 600
    await resumed.aclose()


async def test_a_settlement_of_another_ledger_waits_for_it_and_doctor_tells(tmp_path, ledger, monkeypatch):
    held = await ledger.reserve("local", "run", "call", 600, None)
    with held_by_another(tmp_path):
        await ledger.settle(held, USED, "the answer")
    oracle = load_settings(home=tmp_path, data={"backend": "oracle"}, oracle=ORACLE)
    named = left_behind(oracle)
    assert (named.elsewhere, named.aside) == ({"ledger.db": 1}, 0)
    check = await settlements(oracle)
    assert (check.ok, check.essential) == (False, False)
    assert "1 of `ledger.db`" in check.detail
    assert "profile" in check.hint

    path = open_engine(load_settings(home=tmp_path / "elsewhere"), "ledger.db")
    other = Ledger(oracle, engine=path)  # stands for the other database
    await other.reserve("local", "another run", "call", 600, None)
    assert await other.usage("local", "run") == Usage()
    assert len(list((tmp_path / "unsettled").glob("*.json"))) == 1
    await other.aclose()
    path.dispose()

    assert (await settlements(load_settings(home=tmp_path))).ok
    assert await ledger.usage("local", "run") == USED
    assert list((tmp_path / "unsettled").iterdir()) == []


@pytest.mark.parametrize("cost", [2**70, 40])
async def test_a_settlement_that_cannot_be_applied_is_set_aside_and_stops_nothing(tmp_path, ledger, cost):
    held = await ledger.reserve("local", "run", "call", 600, None)
    with held_by_another(tmp_path):
        await ledger.settle(held, USED.model_copy(update={"cost_micro_usd": cost}), "the answer")
    for number in range(FAILURES):
        assert len(list((tmp_path / "unsettled").glob("*.json"))) == (1 if cost > 40 or number == 0 else 0)
        assert (await ledger.reserve("local", "run", f"other-{number}", 1, None)).amount == 1
    left = [path.suffix for path in (tmp_path / "unsettled").iterdir()]
    assert left == ([".failed"] if cost > 40 else [])
    check = await settlements(load_settings(home=tmp_path))
    assert check.ok == (cost == 40)
    assert check.ok or "1 that cannot be read or applied" in check.detail


async def test_a_settlement_in_memory_that_cannot_be_applied_is_set_aside_in_a_file(tmp_path, ledger):
    held = await ledger.reserve("local", "run", "call", 600, None)
    (tmp_path / "unsettled").write_text("in the way")
    with held_by_another(tmp_path):
        await ledger.settle(held, USED.model_copy(update={"cost_micro_usd": 2**70}), "the answer")
    (tmp_path / "unsettled").unlink()
    for number in range(FAILURES + 1):
        await ledger.reserve("local", "run", f"other-{number}", 1, None)
    assert [path.suffix for path in (tmp_path / "unsettled").iterdir()] == [".failed"]


@contextmanager
def full_database(ledger):
    def full(connection):
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    sa.event.listen(ledger._database._engine, "begin", full)
    yield
    sa.event.remove(ledger._database._engine, "begin", full)
    ledger._database._engine.dispose()  # the limit is that of a connection


async def test_a_full_ledger_loses_no_paid_answer_where_the_folder_has_room(tmp_path, ledger):
    held = await ledger.reserve("local", "run", "a", 600, None)
    with full_database(ledger), collected_notices() as notices:
        await ledger.settle(held, USED, "x" * 100_000, patience_seconds=600)
        assert len(list((tmp_path / "unsettled").glob("*.json"))) == 1
        assert {line.reserved for line in await ledger.budget("local")} == {600}
    assert notices == []
    assert (await ledger.reserve("local", "run", "a", 600, None)).answer == "x" * 100_000
    assert await ledger.usage("local", "run") == USED


async def test_a_full_disk_still_tells_what_a_run_used_so_that_its_report_is_published(tmp_path, monkeypatch):
    home = tmp_path / "small"
    with full_disk(home) as filled:
        ledger = Ledger(load_settings(home=home, models={"timeout_seconds": 1, "max_attempts": 1}))
        await ledger.settle(await ledger.reserve("local", "run", "a", 600, None), USED, "short")
        await ledger.reserve("local", "dead", "b", 600, None)
        monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3_600)
        filler = filled()
        with collected_notices() as notices:
            assert await ledger.usage("local", "run") == USED
        assert [(each.node, each.kind) for each in notices] == [("ledger", "charge_waits")]
        filler.unlink()
        assert (await ledger.usage("local", "dead")).cost_micro_usd == 600
        await ledger.aclose()


async def test_a_full_disk_loses_no_paid_answer(tmp_path, monkeypatch):
    home = tmp_path / "small"
    with full_disk(home) as filled:
        asked = Asked(home, Answer(PLAN, usage=(10, 5), delay=0.1))
        await asked.usage()
        task = asyncio.create_task(asked.plan())
        await asked.first_call()
        filler = filled()
        with collected_notices() as notices:
            assert await task == PLAN
        filler.unlink()
        assert [each.kind for each in notices] in ([], ["settlement_waits"])
        assert await asked.plan() == PLAN
        assert asked.calls == 1
        assert (await asked.usage()).cost_micro_usd == 15
        await asked.gateway.aclose()


@contextmanager
def full_disk(home):
    """Mount a small file system at `home`, and return what fills it to the last byte."""
    home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", home], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system needs the right to mount one; the tests above limit the database instead")

    def filled():
        filler = home / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 512)
        return filler

    try:
        yield filled
    finally:
        subprocess.run(["umount", "-l", home], check=True)


async def test_a_file_that_holds_no_settlement_is_set_aside_and_stops_nothing(tmp_path, ledger):
    (tmp_path / "unsettled").mkdir()
    (tmp_path / "unsettled" / "half.json").write_text('{"reservation"')
    held = await ledger.reserve("local", "run", "call", 600, None)
    await ledger.settle(held, USED, None)
    assert [path.name for path in (tmp_path / "unsettled").iterdir()] == ["half.unread"]


async def test_a_paid_answer_is_handed_on_while_the_ledger_is_busy(tmp_path, monkeypatch):
    monkeypatch.setattr("settings.connections.sql.BUSY_SECONDS", 0.02)
    asked = Asked(tmp_path, Answer(PLAN, usage=(10, 5), delay=0.1), deadline_seconds=0.5)
    await asked.usage()
    task = asyncio.create_task(asked.plan())
    await asked.first_call()
    with held_by_another(tmp_path):
        assert await task == PLAN
    after = Asked(tmp_path)
    assert await after.plan() == PLAN
    assert after.calls == 0
    assert (await after.usage()).cost_micro_usd == 15


async def test_an_ended_run_s_late_answer_is_charged_and_not_memoised(ledger):
    late = await ledger.reserve("local", "run", "call", 600, None)
    await ledger.end_run("local", "run")
    await ledger.settle(late, USED, "late")
    again = await ledger.reserve("local", "run", "call", 600, None)
    assert again.answer is None
    await ledger.settle(again, USED, "later")
    assert (await ledger.reserve("local", "run", "call", 600, None)).answer is None
    assert (await ledger.usage("local", "run")).cost_micro_usd == 80


async def test_an_answer_that_used_more_than_was_reserved_is_charged_flagged_and_closes_the_budget(tmp_path):
    asked = Asked(tmp_path, Answer(PLAN, usage=(36_000, 1)), PLAN)
    with collected_notices() as notices:
        assert await asked.plan(limit=RESERVED) == PLAN
    assert [(each.node, each.kind) for each in notices] == [("researcher", "reservation_exceeded")]
    assert f"cost 0.036001 USD, for which {dollars(RESERVED)} USD were reserved" in notices[0].detail
    assert (await asked.usage()).cost_micro_usd == 36_001
    for amount in (0, 1):
        with pytest.raises(BudgetExceeded):
            await asked.gateway._ledger.reserve("local", "run", f"free-{amount}", amount, RESERVED)
    assert await asked.plan(limit=RESERVED) == PLAN  # paid for already
    assert asked.calls == 1


async def test_a_late_answer_that_used_more_than_was_charged_is_charged_the_rest(ledger, monkeypatch):
    held = await ledger.reserve("local", "run", "call", 30, None)
    monkeypatch.setattr("gateway.ledger.clock.now_ms", lambda: 10**14)
    assert (await ledger.usage("local", "run")).cost_micro_usd == 30
    await ledger.settle(held, USED, None)
    assert (await ledger.usage("local", "run")).cost_micro_usd == 40
    assert [(line.spent, line.reserved) for line in await ledger.budget("local")] == [(40, 0)] * 2


async def test_a_file_that_cannot_be_read_fails_no_call(tmp_path, ledger):
    held = await ledger.reserve("local", "run", "call", 600, None)
    with held_by_another(tmp_path):
        await ledger.settle(held, USED, "the answer")
    (tmp_path / "unsettled" / "another.json").mkdir()  # as unreadable as another account's file, for root too
    assert await ledger.usage("local", "run") == USED
    assert [path.name for path in (tmp_path / "unsettled").iterdir()] == ["another.json"]
