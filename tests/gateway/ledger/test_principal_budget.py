"""The monthly budget of each principal, beside the budgets of its tenant."""

from __future__ import annotations

import hashlib
import json

import pytest
import sqlalchemy as sa

from gateway import Ledger
from gateway.ledger import clock
from settings import load_settings
from state.errors import BudgetExceeded
from state.values import Usage


def opened(home, **budgets):
    return Ledger(load_settings(home=home, budgets=budgets))


async def spend(on, cost, principal, *, tenant="local", run="run"):
    held = await on.reserve(tenant, run, f"{principal} {cost} {id(object())}", cost, None, principal=principal)
    await on.settle(held, Usage(calls=1, cost_micro_usd=cost), None)


def rows(home, text):
    with sa.create_engine(f"sqlite:///{home / 'ledger.db'}").connect() as connection:
        return connection.exec_driver_sql(text).all()


async def test_a_principal_s_budget_refuses_its_calls_and_nobody_else_s(tmp_path):
    on = opened(tmp_path, principal_month_micro_usd=100)
    await spend(on, 60, "ann")
    with pytest.raises(BudgetExceeded) as caught:
        await spend(on, 41, "ann", run="another run")
    assert (caught.value.scope, caught.value.limit, caught.value.needed) == ("principal", 100, 101)
    await spend(on, 40, "ann")
    await spend(on, 100, "bob")
    await spend(on, 100, "ann", tenant="other")
    await spend(on, 500, "")  # a run without a principal, as on the command line
    assert [line.spent for line in await on.budget("local")] == [700, 700]


async def test_money_that_is_reserved_counts_and_is_given_back(tmp_path):
    on = opened(tmp_path, principal_month_micro_usd=100)
    held = await on.reserve("local", "run", "a", 80, None, principal="ann")
    with pytest.raises(BudgetExceeded):
        await on.reserve("local", "run", "b", 21, None, principal="ann")
    await on.settle(held, Usage(calls=1, cost_micro_usd=10), None)
    assert (await on.reserve("local", "run", "b", 90, None, principal="ann")).amount == 90


async def test_each_month_begins_anew(tmp_path, monkeypatch):
    on = opened(tmp_path, principal_month_micro_usd=100)
    await spend(on, 100, "ann")
    with pytest.raises(BudgetExceeded):
        await spend(on, 1, "ann")
    monkeypatch.setattr(clock, "current_month", lambda: "2031-01")
    await spend(on, 100, "ann")


async def test_a_call_whose_process_died_is_charged_to_its_principal(tmp_path, monkeypatch):
    await opened(tmp_path, principal_month_micro_usd=100).reserve("local", "run", "dead", 60, None, principal="ann")
    monkeypatch.setattr(clock, "now_ms", lambda now=clock.now_ms: now() + 3_600_000)
    on = opened(tmp_path, principal_month_micro_usd=100)
    await on.usage("local", "run")
    with pytest.raises(BudgetExceeded):
        await on.reserve("local", "run", "next", 41, None, principal="ann")
    assert (await on.reserve("local", "run", "next", 40, None, principal="ann")).amount == 40


async def test_the_soft_share_of_it_ends_expansion(tmp_path):
    on = opened(tmp_path, principal_month_micro_usd=100, soft_percent=80)
    await spend(on, 79, "ann")
    assert not await on.soft_limit_reached("local", "run", "ann")
    await spend(on, 1, "ann")
    assert await on.soft_limit_reached("local", "run", "ann")
    assert not await on.soft_limit_reached("local", "run", "bob")
    assert not await on.soft_limit_reached("local", "run")


async def test_a_caller_sees_its_own_budget(tmp_path):
    on = opened(tmp_path, principal_month_micro_usd=100)
    await spend(on, 30, "ann")
    await spend(on, 50, "bob")
    lines = {line.kind: line for line in await on.budget("local", "ann")}
    assert {kind: line.spent for kind, line in lines.items()} == {"tenant": 80, "month": 80, "principal": 30}
    assert (lines["principal"].hard_limit, lines["principal"].soft_limit) == (100, 80)
    assert lines["principal"].period == lines["month"].period
    assert [line.kind for line in await on.budget("local")] == ["tenant", "month"]


async def test_a_changed_limit_holds_for_the_month_that_runs(tmp_path):
    await spend(opened(tmp_path, principal_month_micro_usd=100), 90, "ann")
    with pytest.raises(BudgetExceeded):
        await spend(opened(tmp_path, principal_month_micro_usd=50), 1, "ann")
    await spend(opened(tmp_path, principal_month_micro_usd=200), 100, "ann")


async def test_no_principal_is_named_in_the_ledger_and_a_long_one_fits(tmp_path):
    on = opened(tmp_path, principal_month_micro_usd=100)
    long = "ann@example.org" + "ü" * 240
    for name in ("ann@example.org", long):
        await spend(on, 100, name)
        with pytest.raises(BudgetExceeded):
            await spend(on, 1, name)
    kept = [scope for (scope,) in rows(tmp_path, "SELECT scope FROM ledger_scopes")]
    assert sum(json.loads(scope)[0] == "principal" for scope in kept) == 2
    assert max(map(len, kept)) <= 300
    assert not any("example.org" in scope for scope in kept)
    assert "example.org" not in "".join(alert.body() for alert in await on.alerts())


async def test_each_principal_s_budget_sends_alerts_that_tell_whose_it_is_by_its_fingerprint(tmp_path):
    on = opened(tmp_path, principal_month_micro_usd=100)
    await spend(on, 80, "ann")
    await spend(on, 55, "bob")
    with pytest.raises(BudgetExceeded):
        await spend(on, 50, "bob")
    ann, bob = (hashlib.sha256(name.encode()).hexdigest()[:12] for name in ("ann", "bob"))
    alerts = await on.alerts()
    assert {(alert.kind, alert.principal, alert.threshold) for alert in alerts} == {
        ("principal", ann, 50),
        ("principal", ann, 75),
        ("principal", bob, 50),
        ("principal", bob, 100),
    }
    assert {alert.tenant for alert in alerts} == {"local"}
    assert sum(f"principal budget of {bob} in local" in alert.title() for alert in alerts) == 2
    assert len({alert.id for alert in alerts}) == 4


async def test_without_the_setting_no_principal_is_counted(tmp_path):
    on = opened(tmp_path)
    await spend(on, 10**9, "ann")
    assert [scope for (scope,) in rows(tmp_path, "SELECT scope FROM ledger_scopes") if "principal" in scope] == []
    assert [line.kind for line in await on.budget("local", "ann")] == ["tenant", "month"]


async def test_a_ledger_of_an_earlier_version_is_taken_over(tmp_path):
    await spend(opened(tmp_path), 10, "ann")
    with sa.create_engine(f"sqlite:///{tmp_path / 'ledger.db'}").begin() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger_calls DROP COLUMN principal_scope")
    on = opened(tmp_path, principal_month_micro_usd=100)
    await spend(on, 100, "ann")
    with pytest.raises(BudgetExceeded):
        await spend(on, 1, "ann")
