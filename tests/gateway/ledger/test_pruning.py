"""A year of calls goes down to what the settings keep, and every figure that the ledger tells stays as it was."""

import asyncio
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from gateway import Ledger
from gateway.ledger import clock
from gateway.ledger.attempts import Reservation
from gateway.ledger.pruning import AT_ONCE, Cutoffs, PrunedRows
from gateway.ledger.scopes import scope_key
from gateway.ledger.tables import alerts, calls, memo, scopes, totals
from gateway.ledger.unsettled import Settlement, Unsettled
from settings import load_settings
from state.values import Usage

NOW = datetime(2026, 11, 28, tzinfo=UTC)
MODELS, STATES = ("cohere.command-a", "extractive"), ("completed", "charged", "free")
SUMS = ("cost", "input_chars", "output_chars", "input_tokens", "output_tokens")


@pytest.fixture
async def ledger(tmp_path, monkeypatch):
    monkeypatch.setattr(clock, "now_ms", lambda: ms(0))
    opened = Ledger(load_settings(home=tmp_path, budgets={"month_micro_usd": 1_000_000}))
    yield opened
    await opened.aclose()


def ms(days):
    return round((NOW - timedelta(days=days)).timestamp() * 1000)


PER_DAY = 6


def row_of(number):
    """Return a call: of one of two runs of the day, two tenants, two models, three states."""
    day = number // PER_DAY
    tenant, run = ("acme", "local")[number % 2], f"run-{day}"
    month = (NOW - timedelta(days=day)).strftime("%Y-%m")
    ann = scope_key("principal", tenant, month, hashlib.sha256(b"ann").hexdigest()[:32])
    return {
        "id": str(number),
        "run_scope": scope_key("run", tenant, run),
        "tenant_scope": scope_key("tenant", tenant),
        "month_scope": scope_key("month", tenant, month),
        "principal_scope": ann if number % 5 == 0 else None,
        "call_key": f"key-{number}",
        "operation": "embeddings" if number % 7 == 0 else "chat",
        "model": MODELS[number % 4 // 2],
        "state": STATES[number % 3],
        "amount": 90,
        "lease_until": ms(day),
        **{name: 10 * place + number % 100 for place, name in enumerate(SUMS)},
    }


async def filled(ledger, days):
    rows = [row_of(number) for number in range(days * PER_DAY)]

    def fill(connection):
        connection.execute(calls.insert(), rows)
        spent = {}
        for row in rows:
            for kind in ("run", "tenant", "month", "principal"):
                if scope := row[f"{kind}_scope"]:
                    spent[scope] = spent.get(scope, 0) + row["cost"]
        known = {"reserved": 0, "hard_limit": None, "limit_version": 0, "alerted": 0}
        connection.execute(scopes.insert(), [{"scope": scope, "spent": cost, **known} for scope, cost in spent.items()])

    await ledger._run(fill)
    return rows


async def told(ledger, rows):
    """Return every total: of runs, tenants, months and principals, and sums of calls by all that names them."""
    runs = sorted({row["run_scope"] for row in rows})

    def sums(connection):
        found = {}
        for table, count in ((calls, sa.func.count()), (totals, sa.func.sum(totals.c.calls))):
            keys = [table.c[name] for name in ("run_scope", "month_scope", "principal_scope", "model", "state")]
            query = sa.select(*keys, count, *(sa.func.sum(table.c[name]) for name in SUMS)).group_by(*keys)
            for key, figures in ((tuple(each[:5]), each[5:]) for each in connection.execute(query)):
                found[key] = [a + b for a, b in zip(found.get(key, [0] * 6), figures, strict=True)]
        return found

    spent = await ledger._read(lambda c: c.execute(sa.select(scopes).order_by(scopes.c.scope)).all())
    return (
        [await ledger.usage(*json.loads(run)[1:]) for run in runs[::20]],
        [await ledger.characters(tenant) for tenant in ("acme", "local")],
        spent,
        await ledger._read(sums),
    )


async def counts(ledger):
    tables = (calls, totals, memo, alerts)
    return await ledger._read(
        lambda c: [c.execute(sa.select(sa.func.count()).select_from(table)).scalar() for table in tables]
    )


async def test_a_year_of_calls_goes_down_to_what_is_kept_and_every_total_stays(ledger):
    rows = await filled(ledger, 365)
    before = await told(ledger, rows)
    old = Cutoffs(calls=ms(30))
    assert await ledger.prune(old, dry_run=True) == PrunedRows(calls=334 * PER_DAY)
    assert (await counts(ledger))[:2] == [365 * PER_DAY, 0]
    assert await ledger.prune(old) == PrunedRows(calls=334 * PER_DAY)
    assert (await counts(ledger))[0] == 31 * PER_DAY
    assert await told(ledger, rows) == before
    assert await ledger.prune(Cutoffs(calls=ms(-1))) == PrunedRows(calls=31 * PER_DAY)
    assert (await counts(ledger))[0] == 0
    assert await told(ledger, rows) == before
    assert await ledger.prune(old) == PrunedRows()


async def test_two_processes_that_prune_at_once_count_every_call_once(tmp_path, ledger):
    rows = await filled(ledger, 3 * AT_ONCE // PER_DAY)
    before = await told(ledger, rows)
    other = Ledger(load_settings(home=tmp_path))
    await asyncio.gather(*(each.prune(Cutoffs(calls=ms(-1))) for each in (ledger, other, ledger, other)))
    assert (await counts(ledger))[0] == 0
    assert await told(ledger, rows) == before
    await other.aclose()


async def test_a_call_in_flight_stays_and_one_that_died_is_charged_before_it_goes(ledger, monkeypatch):
    dead = await ledger.reserve("local", "run", "dead", 600, None)
    monkeypatch.setattr(clock, "now_ms", lambda: ms(-100))
    live = await ledger.reserve("local", "run", "live", 50, None)
    assert (await ledger.prune(Cutoffs(calls=ms(-99)))).calls == 1
    assert await ledger.usage("local", "run") == Usage(calls=1, cost_micro_usd=600)
    await ledger.settle(live, Usage(calls=1, cost_micro_usd=7), None)
    await ledger.settle(dead, Usage(calls=1, cost_micro_usd=7), None)
    assert (await ledger.usage("local", "run")).cost_micro_usd == 607


async def test_memos_of_runs_that_were_left_go_and_others_stay(ledger, monkeypatch):
    for run, days in (("left", 40), ("again", 40), ("again", 10), ("new", 10)):
        monkeypatch.setattr(clock, "now_ms", lambda days=days: ms(days))
        held = await ledger.reserve("local", run, f"call-{days}", 1, None)
        await ledger.settle(held, Usage(calls=1), f"answer of {run}")
    monkeypatch.setattr(clock, "now_ms", lambda: ms(0))
    assert await ledger.prune(Cutoffs(memos=ms(30)), dry_run=True) == PrunedRows(memos=1)
    assert await ledger.prune(Cutoffs(memos=ms(30))) == PrunedRows(memos=1)
    kept = [(await ledger.reserve("local", run, "call-40", 1, None)).answer for run in ("left", "again")]
    assert kept == [None, "answer of again"]
    assert (await ledger.reserve("local", "new", "call-10", 1, None)).answer == "answer of new"


async def test_memos_of_a_run_that_waits_for_a_person_stay(ledger, monkeypatch):
    monkeypatch.setattr(clock, "now_ms", lambda: ms(40))
    for tenant, run in (("local", "left"), ("local", "waits"), ("acme", "waits")):
        held = await ledger.reserve(tenant, run, "call", 1, None)
        await ledger.settle(held, Usage(calls=1), f"answer of {tenant}")
    monkeypatch.setattr(clock, "now_ms", lambda: ms(0))
    old = Cutoffs(memos=ms(30), waiting=frozenset({("local", "waits")}))
    assert await ledger.prune(old, dry_run=True) == PrunedRows(memos=2)
    assert await ledger.prune(old) == PrunedRows(memos=2)
    assert (await ledger.reserve("local", "waits", "call", 1, None)).answer == "answer of local"
    assert (await ledger.reserve("acme", "waits", "call", 1, None)).answer is None


async def test_runs_that_ended_long_ago_become_totals_of_their_tenants(ledger):
    rows = await filled(ledger, 60)
    runs = [json.loads(run)[1:] for run in sorted({row["run_scope"] for row in rows})]
    before = [await ledger.characters(tenant) for tenant in ("acme", "local")]
    spent, sums = (await told(ledger, rows))[2:]
    for tenant, run in runs[:-2]:
        await ledger.end_run(tenant, run)
    everything = Cutoffs(calls=ms(10), runs=ms(-1))
    counted = await ledger.prune(everything)
    assert counted.calls == 49 * PER_DAY
    young = {row["run_scope"] for row in rows if row["lease_until"] >= ms(10)}
    open_runs = {scope_key("run", *each) for each in runs[-2:]}
    ended = {scope_key("run", *each) for each in runs} - young - open_runs
    assert counted.runs == len(ended) > 80
    after_spent, after_sums = (await told(ledger, rows))[2:]
    assert [row for row in after_spent if row.scope in ended] == []
    kept = [row for row in spent if row.scope not in ended]
    assert [(row.scope, row.spent) for row in after_spent] == [(row.scope, row.spent) for row in kept]
    assert without_run(after_sums) == without_run(sums)
    assert [await ledger.characters(tenant) for tenant in ("acme", "local")] == before
    assert await ledger.prune(everything, dry_run=True) == await ledger.prune(everything) == PrunedRows()


def without_run(sums):
    found = {}
    for (_, *key), figures in sums.items():
        found[tuple(key)] = [a + b for a, b in zip(found.get(tuple(key), [0] * 6), figures, strict=True)]
    return found


async def test_the_late_answer_of_a_run_that_is_not_told_any_more_is_not_memoised(ledger, monkeypatch):
    late = await ledger.reserve("local", "run", "call", 600, None)
    await ledger.end_run("local", "run")
    monkeypatch.setattr(clock, "now_ms", lambda: ms(-100))
    assert await ledger.prune(Cutoffs(calls=ms(-99), runs=ms(-99))) == PrunedRows(calls=1, runs=1)
    await ledger.settle(late, Usage(calls=1, cost_micro_usd=7), "late")
    assert (await counts(ledger))[2] == 0
    assert {line.spent for line in await ledger.budget("local")} == {600}


async def test_files_that_nobody_will_apply_go_with_the_memos(tmp_path, ledger):
    folder = tmp_path / "unsettled"
    folder.mkdir()
    settlement = Settlement(
        database="ledger.db",
        reservation=Reservation(id="waits", run="r", call_key="k"),
        usage=Usage(),
        answer=None,
        state="free",
    )
    elsewhere = settlement.model_copy(update={"database": "app@db"})
    texts = {"half.new": "", "odd.unread": "", "bad.failed": "", "other.json": elsewhere.model_dump_json()}
    for name, text in {**texts, "fresh.new": ""}.items():
        (folder / name).write_text(text)
        if name != "fresh.new":
            os.utime(folder / name, (ms(40) / 1000,) * 2)
    old = Cutoffs(memos=ms(30))
    assert (await ledger.prune(old, dry_run=True)).settlements == 4
    assert sorted(path.name for path in folder.iterdir()) == sorted([*texts, "fresh.new"])
    (folder / "waits.json").write_text(settlement.model_dump_json())
    os.utime(folder / "waits.json", (ms(40) / 1000,) * 2)
    unsettled = Unsettled(folder, "ledger.db")
    assert unsettled.sweep(ms(30), dry_run=True) == 4
    assert list(unsettled.waiting()) == ["waits"]
    assert (await ledger.prune(old)).settlements == 4
    assert [path.name for path in folder.iterdir()] == ["fresh.new"]


async def test_old_alerts_go_unless_they_may_still_be_published(ledger, monkeypatch):
    for number, days in enumerate((40, 3)):
        monkeypatch.setattr(clock, "now_ms", lambda days=days: ms(days))
        held = await ledger.reserve("local", f"run-{number}", "call", 500_000, 1_000_000)
        await ledger.settle(held, Usage(calls=1, cost_micro_usd=500_000), None)
    monkeypatch.setattr(clock, "now_ms", lambda: ms(0))
    everything = Cutoffs(alerts=ms(0))
    recent = [alert for alert in await ledger.alerts() if alert.created_at == ms(3)]
    old = len(await ledger.alerts()) - len(recent)
    assert await ledger.prune(everything) == PrunedRows(alerts=old)
    assert await ledger.alerts() == recent
    for alert in await ledger.pending_alerts():
        await ledger.alert_published(alert)
    assert await ledger.prune(everything, dry_run=True) == PrunedRows(alerts=len(recent))
    assert await ledger.prune(everything) == PrunedRows(alerts=len(recent))
    assert await ledger.alerts() == []


async def test_nothing_goes_where_no_age_is_set(ledger):
    await filled(ledger, 3)
    assert await ledger.prune(Cutoffs()) == PrunedRows()
    assert (await counts(ledger))[0] == 3 * PER_DAY
