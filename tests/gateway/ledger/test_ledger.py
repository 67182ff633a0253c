"""The ledger: no run goes over its limit, whatever dies, and a call that was answered is not asked again."""

import asyncio
import multiprocessing
import sqlite3
import time

import pytest

from gateway.ledger.ledger import Ledger
from settings import load_settings
from state.errors import BudgetExceeded, DependencyUnavailable, StorageBusy
from state.values import Usage

LIMIT = 1_000


def settings_of(home, **models):
    return load_settings(home=home, models=models)


@pytest.fixture
async def ledger(tmp_path):
    opened = Ledger(settings_of(tmp_path))
    yield opened
    await opened.aclose()


def used(cost):
    return Usage(calls=1, input_tokens=7, output_tokens=3, cost_micro_usd=cost)


async def test_a_settled_call_is_accounted_and_remembered(ledger):
    held = await ledger.reserve("local", "run", "call", 600, LIMIT)
    assert (held.answer, held.amount) == (None, 600)
    await ledger.settle(held, used(40), "the answer")
    again = await ledger.reserve("local", "run", "call", 600, LIMIT)
    assert (again.answer, again.amount) == ("the answer", 0)
    assert await ledger.usage("local", "run") == used(40)


async def test_an_empty_answer_is_an_answer(ledger):
    await ledger.settle(await ledger.reserve("local", "run", "call", 1, LIMIT), used(1), "")
    assert (await ledger.reserve("local", "run", "call", 1, LIMIT)).answer == ""


async def test_a_call_without_an_answer_is_accounted_and_not_remembered(ledger):
    await ledger.settle(await ledger.reserve("local", "run", "call", 600, LIMIT), used(600), None)
    assert (await ledger.reserve("local", "run", "call", 100, LIMIT)).answer is None
    assert (await ledger.usage("local", "run")).cost_micro_usd == 600


async def test_what_is_reserved_counts_against_the_limit(ledger):
    held = await ledger.reserve("local", "run", "a", 600, LIMIT)
    with pytest.raises(BudgetExceeded) as caught:
        await ledger.reserve("local", "run", "b", 401, LIMIT)
    assert (caught.value.limit, caught.value.needed) == (LIMIT, 1_001)
    await ledger.settle(held, used(10), None)
    assert (await ledger.reserve("local", "run", "b", 401, LIMIT)).amount == 401


async def test_a_refused_reservation_leaves_nothing_behind(ledger):
    for _ in range(3):
        with pytest.raises(BudgetExceeded):
            await ledger.reserve("local", "run", "a", LIMIT + 1, LIMIT)
    assert await ledger.usage("local", "run") == Usage()
    assert (await ledger.reserve("local", "run", "a", LIMIT, LIMIT)).amount == LIMIT


@pytest.mark.parametrize(("amount", "fits"), [(0, True), (1, False)])
async def test_a_limit_of_nothing_lets_free_calls_pass(ledger, amount, fits):
    if fits:
        assert (await ledger.reserve("local", "run", "a", amount, 0)).amount == 0
    else:
        with pytest.raises(BudgetExceeded):
            await ledger.reserve("local", "run", "a", amount, 0)


async def test_without_a_limit_everything_fits(ledger):
    assert (await ledger.reserve("local", "run", "a", 10**15, None)).amount == 10**15


async def test_a_dead_process_s_call_is_charged_at_its_reservation_and_reserved_anew(tmp_path, ledger):
    await ledger.reserve("local", "run", "call", 600, LIMIT)
    resumed = Ledger(settings_of(tmp_path))
    held = await resumed.reserve("local", "run", "call", 300, LIMIT)
    await resumed.settle(held, used(50), "answer")
    assert await resumed.usage("local", "run") == Usage(calls=1, cost_micro_usd=600) + used(50)
    await resumed.aclose()


async def test_a_dead_process_s_call_stays_charged_where_the_new_one_finds_no_room(ledger):
    await ledger.reserve("local", "run", "call", 600, LIMIT)
    with pytest.raises(BudgetExceeded) as caught:
        await ledger.reserve("local", "run", "call", 600, LIMIT)
    assert caught.value.needed == 1_200
    assert await ledger.usage("local", "run") == Usage(calls=1, cost_micro_usd=600)


async def test_an_expired_lease_is_charged_in_full_never_released(tmp_path, monkeypatch):
    ledger = Ledger(settings_of(tmp_path, timeout_seconds=1, max_attempts=1))
    late = await ledger.reserve("local", "run", "slow", 600, LIMIT)
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3_600)
    with pytest.raises(BudgetExceeded):
        await ledger.reserve("local", "run", "other", 500, LIMIT)
    assert (await ledger.usage("local", "run")).cost_micro_usd == 600
    await ledger.settle(late, used(20), "late")
    assert await ledger.usage("local", "run") == Usage(calls=1, input_tokens=7, output_tokens=3, cost_micro_usd=600)
    assert (await ledger.reserve("local", "run", "slow", 600, LIMIT)).answer == "late"
    await ledger.aclose()


async def test_an_expired_lease_stands_in_the_usage_without_another_call(tmp_path, monkeypatch):
    ledger = Ledger(settings_of(tmp_path, timeout_seconds=1, max_attempts=1))
    await ledger.reserve("local", "run", "dead", 600, LIMIT)
    assert await ledger.usage("local", "run") == Usage()
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3_600)
    assert await ledger.usage("local", "run") == Usage(calls=1, cost_micro_usd=600)
    await ledger.aclose()


async def test_a_call_that_two_settled_keeps_its_first_answer(ledger):
    first = await ledger.reserve("local", "run", "call", 10, LIMIT)
    second = await ledger.reserve("local", "run", "call", 10, LIMIT)
    await ledger.settle(first, used(5), "first")
    await ledger.settle(second, used(5), "second")
    assert (await ledger.reserve("local", "run", "call", 10, LIMIT)).answer == "first"
    assert (await ledger.usage("local", "run")).cost_micro_usd == 15


async def test_tenants_share_neither_limits_nor_answers(ledger):
    await ledger.settle(await ledger.reserve("acme", "run", "call", LIMIT, LIMIT), used(LIMIT), "secret")
    held = await ledger.reserve("rival", "run", "call", LIMIT, LIMIT)
    assert held.answer is None
    assert await ledger.usage("rival", "run") == Usage()
    await ledger.settle(held, used(1), "own")
    assert (await ledger.reserve("acme", "run", "call", 1, LIMIT)).answer == "secret"
    await ledger.end_run("acme", "run")
    assert (await ledger.reserve("rival", "run", "call", 1, LIMIT)).answer == "own"


async def test_an_ended_run_forgets_its_answers_and_keeps_its_usage(ledger):
    await ledger.settle(await ledger.reserve("local", "run", "call", 10, LIMIT), used(10), "x")
    await ledger.end_run("local", "run")
    await ledger.end_run("local", "never begun")
    assert (await ledger.reserve("local", "run", "call", 10, LIMIT)).answer is None
    assert await ledger.usage("local", "run") == used(10)


async def test_concurrent_calls_of_one_process_share_one_limit(ledger):
    held = await asyncio.gather(
        *(ledger.reserve("local", "run", f"call {n}", 100, LIMIT) for n in range(20)), return_exceptions=True
    )
    assert sum(isinstance(each, BudgetExceeded) for each in held) == 10
    assert sum(getattr(each, "amount", 0) for each in held) == LIMIT


@pytest.mark.slow
def test_processes_together_never_go_over_the_limit(tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        outcomes = pool.starmap(spend, [(str(tmp_path), worker) for worker in range(4)])
    granted, refused, errors = (sum(column) for column in zip(*outcomes, strict=True))
    assert errors == 0
    assert (granted, refused) == (LIMIT // 10, 4 * 30 - LIMIT // 10)
    assert asyncio.run(Ledger(settings_of(tmp_path)).usage("local", "run")).cost_micro_usd == LIMIT


def spend(home, worker):
    """Reserve and settle 30 calls of 10 micro-dollars; return how many were granted, refused, failed otherwise."""

    async def work():
        ledger, granted, refused, errors = Ledger(settings_of(home)), 0, 0, 0
        for n in range(30):
            try:
                held = await ledger.reserve("local", "run", f"{worker}/{n}", 10, LIMIT)
                await ledger.settle(held, Usage(calls=1, cost_micro_usd=10), "x")
                granted += 1
            except BudgetExceeded:
                refused += 1
            except DependencyUnavailable:
                errors += 1
        await ledger.aclose()
        return granted, refused, errors

    return asyncio.run(work())


async def test_a_corrupt_database_is_a_typed_error_with_a_remedy(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(DependencyUnavailable, match="not a database") as caught:
        await Ledger(settings_of(tmp_path)).reserve("local", "run", "a", 1, None)
    assert "ledger.db" in caught.value.hint


async def test_a_database_that_went_corrupt_meanwhile_is_a_typed_error(tmp_path, ledger):
    await ledger.usage("local", "run")
    await ledger.aclose()
    (tmp_path / "ledger.db").write_bytes(b"\0" * 8192)
    with pytest.raises(DependencyUnavailable):
        await ledger.reserve("local", "run", "a", 1, None)


async def test_a_home_that_cannot_be_written_is_a_typed_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DependencyUnavailable, match=r"`ledger\.db` cannot be used: Not a directory$"):
        await Ledger(settings_of(tmp_path / "file" / "home")).usage("local", "run")


async def test_a_database_that_another_process_holds_is_a_typed_error(tmp_path, ledger, monkeypatch):
    monkeypatch.setattr("settings.connections.sql.BUSY_SECONDS", 0.1)
    await ledger.usage("local", "run")
    with sqlite3.connect(tmp_path / "ledger.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageBusy, match=r"`ledger\.db` is busy") as caught:
            await ledger.reserve("local", "run", "a", 1, None)
        assert "move" not in caught.value.hint
        other.execute("ROLLBACK")
    assert (await ledger.reserve("local", "run", "a", 1, None)).amount == 1
