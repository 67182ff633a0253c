"""A cancelled call leaves nothing reserved and is charged only if it was sent, whoever cancels it and when."""

import asyncio
import random
from collections import Counter

import anyio
import pytest
import sqlalchemy as sa

from gateway import Answer, Ledger
from gateway.catalog import load_catalog
from gateway.classification import classify
from gateway.governor import Governor
from gateway.ledger.account import Account
from gateway.ledger.tables import calls
from gateway.planned_call import PlannedCall
from settings import load_settings
from state.values import Usage
from tests.doubles.waiting import safely
from tests.gateway.asked import PLAN, RESERVED, Asked

RESERVE, COST = 10, 3


async def by_asyncio(work, stop):
    task = asyncio.create_task(work)
    await stop
    task.cancel()
    await asyncio.wait([task])


async def by_anyio(work, stop):
    async with anyio.create_task_group() as group:

        async def stopping():
            await stop
            group.cancel_scope.cancel()

        group.start_soon(stopping)
        await work
        group.cancel_scope.cancel()


def as_if_another_process_wrote(ledger, monkeypatch):
    """Let nothing be done in the event loop, where no cancellation can come in between."""
    monkeypatch.setattr(ledger, "_at_once", lambda _: None)


WAYS = {"asyncio": by_asyncio, "anyio": by_anyio}


@pytest.fixture(params=WAYS)
def cancelled(request):
    return WAYS[request.param]


async def test_of_200_calls_cancelled_at_random_nothing_stays_reserved_and_only_what_was_sent_is_charged(tmp_path):
    settings = load_settings(home=tmp_path)
    ledger, entry = Ledger(settings), load_catalog(prices={}).get("extractive")
    governor, sent, moments = Governor(settings, ledger, classify), set(), random.Random(16)

    def planned(key):
        async def ask():
            sent.add(key)
            await asyncio.sleep(moments.random() / 200)
            return "answer"

        account, used = Account(run_id="run"), Usage(calls=1, cost_micro_usd=COST)
        most = Usage(calls=1, cost_micro_usd=RESERVE)
        return PlannedCall("chat", entry, account, key, most, ask, lambda _: used, dump=str, load=str)

    async def one(number):
        way = list(WAYS.values())[number % 2]
        await way(governor.call(planned(str(number))), asyncio.sleep(moments.random() / 10))

    await safely(asyncio.gather(*(one(number) for number in range(200))))
    await ledger.finishing.wait()
    rows = await ledger._read(lambda c: c.execute(sa.select(calls.c.call_key, calls.c.state, calls.c.cost)).all())
    found = Counter(row.state for row in rows)
    assert {key for key, state, _ in rows if state in ("completed", "charged")} == sent
    assert {(state, cost) for _, state, cost in rows} <= {("completed", COST), ("charged", RESERVE), ("free", 0)}
    spent = found["completed"] * COST + found["charged"] * RESERVE
    assert [(line.spent, line.reserved) for line in await ledger.budget("local")] == [(spent, 0)] * 2
    await ledger.aclose()


@pytest.mark.parametrize(("step", "spent"), [("reserve_wanted", 0), ("settle", 15)])
async def test_a_cancellation_while_the_ledger_works_leaves_nothing_reserved(
    tmp_path, monkeypatch, cancelled, step, spent
):
    asked, reached = Asked(tmp_path, Answer(PLAN, usage=(10, 5))), asyncio.Event()
    ledger = asked.gateway._ledger
    whole = getattr(ledger, step)

    async def slowly(*args, **kwargs):
        reached.set()
        await asyncio.sleep(0.05)
        return await whole(*args, **kwargs)

    as_if_another_process_wrote(ledger, monkeypatch)
    monkeypatch.setattr(ledger, step, slowly)
    await safely(cancelled(asked.plan(), reached.wait()))
    await ledger.finishing.wait()
    assert [(line.spent, line.reserved) for line in await ledger.budget("local")] == [(spent, 0)] * 2
    assert asked.calls == (step == "settle")


async def test_a_cancellation_after_the_call_was_sent_charges_what_was_reserved(tmp_path, cancelled):
    asked = Asked(tmp_path, Answer(PLAN, delay=30))
    await safely(cancelled(asked.plan(), asked.first_call()))
    assert await asked.usage() == Usage(calls=1, cost_micro_usd=RESERVED)
    assert {line.reserved for line in await asked.gateway.budget("local")} == {0}


async def test_closing_the_ledger_waits_for_what_is_being_settled(tmp_path, monkeypatch):
    asked, reached = Asked(tmp_path, Answer(PLAN, usage=(10, 5))), asyncio.Event()
    ledger = asked.gateway._ledger
    whole = ledger.settle

    async def slowly(*args, **kwargs):
        reached.set()
        await asyncio.sleep(0.05)
        return await whole(*args, **kwargs)

    as_if_another_process_wrote(ledger, monkeypatch)
    monkeypatch.setattr(ledger, "settle", slowly)
    await safely(by_asyncio(asked.plan(), reached.wait()))
    await asked.gateway.aclose()
    after = Ledger(asked.settings)
    assert [(line.spent, line.reserved) for line in await after.budget("local")] == [(15, 0)] * 2
