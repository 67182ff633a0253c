"""What several processes do to one ledger at once ends as if they had done it one after the other.

SQLite lets one write at a time; PostgreSQL at READ COMMITTED, whose isolation is that of Oracle Database, does not.
"""

import asyncio
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from gateway import Ledger
from gateway.ledger import attempts, clock
from gateway.ledger.alerts import THRESHOLDS
from gateway.ledger.pruning import Cutoffs
from gateway.ledger.tables import calls, memo, scopes, totals
from settings import load_settings
from settings.connections.sql import Database
from state.errors import BudgetExceeded
from state.values import Usage

pytestmark = pytest.mark.usefixtures("tables")

MANY = 6


def used(cost):
    return Usage(calls=1, cost_micro_usd=cost)


@asynccontextmanager
async def ledgers(home, **budgets):
    """Open ledgers that share nothing but the database, as processes do, and check that no deadlock was broken."""
    budgets = {"principal_month_micro_usd": 10**6, **budgets}
    opened = [Ledger(load_settings(home=home, budgets=budgets)) for _ in range(MANY)]
    await asyncio.gather(*(each.characters("local") for each in opened))
    before = await opened[0]._read(deadlocks)
    yield opened
    assert await opened[0]._read(deadlocks) == before
    await asyncio.gather(*(each.aclose() for each in opened))


def deadlocks(connection):
    if connection.dialect.name != "postgresql":
        return 0
    asked = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return connection.execute(asked).scalar_one()


async def rows_of(ledger, table):
    return (await ledger._read(lambda connection: connection.execute(sa.select(table)))).all()


async def test_a_new_run_s_first_calls_share_one_limit(tmp_path):
    async with ledgers(tmp_path) as opened:
        reserved = await asyncio.gather(
            *(
                ledger.reserve("local", f"run-{n % 2}", f"{n}-{id(ledger)}", 100, 1_000, principal=who)
                for n, who in enumerate(["ann", "bob", "cid"] * 4)
                for ledger in opened
            ),
            return_exceptions=True,
        )
        refused = [each for each in reserved if isinstance(each, BudgetExceeded)]
        assert [each for each in reserved if isinstance(each, Exception) and each not in refused] == []
        assert len(reserved) - len(refused) == 20
        kept = {row.scope: (row.reserved, row.hard_limit) for row in await rows_of(opened[0], scopes)}
        assert kept['["run", "local", "run-0"]'] == kept['["run", "local", "run-1"]'] == (1_000, 1_000)
        assert len(kept) == 2 + 2 + 3


async def test_settlements_of_one_scope_lose_no_update_and_alert_once(tmp_path):
    async with ledgers(tmp_path, tenant_micro_usd=1_000) as opened:
        whose = ["ann", "bob", "cid"]
        held = [
            [await ledger.reserve("local", f"run-{n}", f"{n}-{place}", 50, None, principal=whose[n]) for n in range(3)]
            for place, ledger in enumerate(opened)
        ]
        settling = [
            ledger.settle(each, used(50), "an answer")
            for ledger, mine in zip(opened, held, strict=True)
            for each in mine
        ]
        await asyncio.gather(*settling)
        lines = await opened[0].budget("local", "ann")
        assert [(line.spent, line.reserved) for line in lines] == [(900, 0), (900, 0), (300, 0)]
        alerted = [alert.threshold for alert in await opened[0].alerts() if alert.kind == "tenant"]
        assert sorted(alerted) == [threshold for threshold in THRESHOLDS if threshold <= 90]


async def test_one_settlement_that_all_apply_counts_once(tmp_path):
    async with ledgers(tmp_path) as opened:
        held = await opened[0].reserve("local", "run", "call", 100, None)
        await asyncio.gather(*(ledger.settle(held, used(40), "the answer") for ledger in opened))
        assert await opened[0].usage("local", "run") == used(40)
        assert [row.answer for row in await rows_of(opened[0], memo)] == ["the answer"]
        assert [(line.spent, line.reserved) for line in await opened[0].budget("local")] == [(40, 0)] * 2


async def test_two_attempts_of_one_call_keep_one_answer(tmp_path):
    async with ledgers(tmp_path) as opened:
        held = [await ledger.reserve("local", "run", "call", 10, None) for ledger in opened]
        await asyncio.gather(
            *(ledger.settle(each, used(5), "an answer") for ledger, each in zip(opened, held, strict=True))
        )
        assert len(await rows_of(opened[0], memo)) == 1
        again = await asyncio.gather(*(ledger.reserve("local", "run", "call", 10, None) for ledger in opened))
        assert [each.answer for each in again] == ["an answer"] * MANY


async def test_calls_of_dead_processes_are_charged_once_beside_calls_that_go_on(tmp_path, monkeypatch):
    async with ledgers(tmp_path) as opened:
        dead = attempts.AT_ONCE + 10
        gone = (opened[0].reserve("local", f"run-{n % 5}", f"dead-{n}", 10, None) for n in range(dead))
        await asyncio.gather(*gone)
        monkeypatch.setattr(clock, "now_ms", lambda: 10**13)

        async def goes_on(ledger, number):
            for call in range(5):
                held = await ledger.reserve("local", f"run-{call}", f"{number}-{call}", 10, None)
                await ledger.usage("local", f"run-{call}")
                await ledger.settle(held, used(1), None)

        await asyncio.gather(*(goes_on(ledger, number) for number, ledger in enumerate(opened)))
        spent = 10 * dead + 5 * MANY
        assert [(line.spent, line.reserved) for line in await opened[0].budget("local")] == [(spent, 0)] * 2


async def test_limits_that_are_set_beside_calls_hold_as_they_were_stored(tmp_path):
    async with ledgers(tmp_path) as opened:
        for limit in range(1_000, 1_005):
            setting = (ledger.set_limit("local", "month", limit + n) for n, ledger in enumerate(opened))
            calling = (ledger.reserve("local", "run", f"{limit}-{n}", 1, None) for n, ledger in enumerate(opened))
            await asyncio.gather(*setting, *calling)
            fresh = Ledger(load_settings(home=tmp_path))
            stored = (await fresh.budget("local"))[1].hard_limit
            assert {ledger_limit(await ledger.budget("local")) for ledger in opened} == {stored}
            kept = [row.hard_limit for row in await rows_of(fresh, scopes) if row.scope.startswith('["month"')]
            assert kept == [stored]
            await fresh.aclose()


def ledger_limit(lines):
    return next(line.hard_limit for line in lines if line.kind == "month")


async def test_pruning_beside_settlements_counts_every_call_once(tmp_path):
    async with ledgers(tmp_path) as opened:
        held = [await opened[0].reserve("local", "run", f"call-{n}", 10, None) for n in range(30)]
        old = Cutoffs(calls=10**13, alerts=10**13)
        work = [opened[n % MANY].settle(each, used(7), None) for n, each in enumerate(held)]
        work += [ledger.prune(old) for ledger in opened for _ in range(3)]
        await asyncio.gather(*work)
        await opened[0].prune(old)
        assert await rows_of(opened[0], calls) == []
        assert [(row.calls, row.cost) for row in await rows_of(opened[0], totals)] == [(30, 210)]
        assert (await opened[0].usage("local", "run")).cost_micro_usd == 210


async def test_a_run_that_ends_beside_its_settlements_keeps_no_answer(tmp_path):
    async with ledgers(tmp_path) as opened:
        held = [await ledger.reserve("local", "run", f"{n}", 10, None) for n, ledger in enumerate(opened)]
        settling = [ledger.settle(each, used(1), "late") for ledger, each in zip(opened, held, strict=True)]
        await asyncio.gather(*settling[:3], opened[0].end_run("local", "run"), *settling[3:])
        assert await rows_of(opened[0], memo) == []
        assert (await opened[0].usage("local", "run")).cost_micro_usd == MANY


async def test_an_alert_is_claimed_by_one(tmp_path):
    async with ledgers(tmp_path, tenant_micro_usd=100) as opened:
        await opened[0].settle(await opened[0].reserve("local", "run", "call", 80, None), used(80), None)
        claimed = await asyncio.gather(*(ledger.pending_alerts() for ledger in opened))
        assert sorted(alert.threshold for mine in claimed for alert in mine) == [50, 75]


async def test_a_transaction_that_a_deadlock_ended_is_repeated(tmp_path, tables):
    """Two that lock in opposite orders, as no transaction of ours does: both end, and both count."""
    async with ledgers_of_two(tmp_path) as (first, second):
        keys = ["a", "b"]
        row = {"spent": 0, "reserved": 0, "limit_version": 0, "alerted": 0}
        first.write(lambda connection: connection.execute(scopes.insert(), [{"scope": key, **row} for key in keys]))
        met = asyncio.Barrier(2)
        loop = asyncio.get_running_loop()
        tries = []

        def work(order):
            def locking(connection):
                tries.append(order)
                for place, key in enumerate(order):
                    change = scopes.update().where(scopes.c.scope == key)
                    connection.execute(change.values(spent=scopes.c.spent + 1))
                    if place == 0 and len(tries) <= 2 and tables == "postgres":
                        asyncio.run_coroutine_threadsafe(met.wait(), loop).result(30)

            return locking

        both = (asyncio.to_thread(one.write, work(order)) for one, order in ((first, keys), (second, keys[::-1])))
        await asyncio.gather(*both)
        found = first.read(lambda connection: connection.execute(sa.select(scopes.c.spent)).scalars().all())
        assert found == [2, 2]
        assert len(tries) == (3 if tables == "postgres" else 2)


@asynccontextmanager
async def ledgers_of_two(home):
    opened = [Database(load_settings(home=home), "ledger.db", scopes.metadata) for _ in range(2)]
    yield opened
    for each in opened:
        each.close()
