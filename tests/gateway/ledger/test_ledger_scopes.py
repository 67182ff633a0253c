"""Run, tenant and month: each has its limit, its name in the refusal, its thresholds, its alerts."""

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import oracle

from gateway import Ledger
from gateway.ledger import alerts as ledger_alerts
from gateway.ledger import attempts, clock, scopes
from gateway.ledger.outbox import AlertOutbox
from gateway.ledger.tables import metadata
from settings import load_settings
from state.errors import BudgetExceeded, DependencyUnavailable, SettingsInvalid
from state.values import Usage
from tests.doubles.waiting import until


def opened(home, **budgets):
    return Ledger(load_settings(home=home, budgets=budgets))


async def spend(on, cost, *, tenant="local", run="run", key=None):
    held = await on.reserve(tenant, run, key or f"call-{cost}-{id(object())}", cost, None)
    await on.settle(held, Usage(calls=1, cost_micro_usd=cost), None)


@pytest.mark.parametrize(
    ("budgets", "limit", "scope"),
    [
        ({}, 100, "run"),
        ({"run_micro_usd": 100}, None, "run"),
        ({"run_micro_usd": 100}, 500, "run"),
        ({"tenant_micro_usd": 100}, None, "tenant"),
        ({"month_micro_usd": 100}, None, "month"),
    ],
)
async def test_the_scope_that_refuses_names_itself(tmp_path, budgets, limit, scope):
    on = opened(tmp_path, **budgets)
    await on.reserve("local", "run", "a", 60, limit)
    with pytest.raises(BudgetExceeded) as caught:
        await on.reserve("local", "run", "b", 41, limit)
    assert (caught.value.scope, caught.value.limit, caught.value.needed) == (scope, 100, 101)
    assert (await on.reserve("local", "run", "c", 40, limit)).amount == 40


async def test_tenants_and_months_are_apart(tmp_path, monkeypatch):
    on = opened(tmp_path, month_micro_usd=100)
    await spend(on, 100)
    with pytest.raises(BudgetExceeded):
        await spend(on, 1, run="other")
    await spend(on, 40, tenant="other")
    monkeypatch.setattr(clock, "current_month", lambda: "2026-12")
    await spend(on, 40, run="other")
    assert [(line.kind, line.period, line.spent) for line in await on.budget("local")] == [
        ("tenant", "all", 140),
        ("month", "2026-12", 40),
    ]


async def test_a_limit_that_was_set_goes_before_the_settings_and_can_be_taken_away(tmp_path):
    on = opened(tmp_path, tenant_micro_usd=1_000)
    await on.set_limit("local", "tenant", 50)
    with pytest.raises(BudgetExceeded):
        await on.reserve("local", "run", "a", 51, None)
    await on.set_limit("local", "tenant", None)
    assert (await opened(tmp_path, tenant_micro_usd=10).reserve("local", "run", "a", 51, None)).amount == 51


async def test_a_process_that_knows_of_no_limit_leaves_that_of_another(tmp_path):
    limited, unlimited = opened(tmp_path, tenant_micro_usd=100), opened(tmp_path)
    await spend(limited, 60)
    assert [line.hard_limit for line in await unlimited.budget("local")] == [100, None]
    await spend(unlimited, 10)
    for on in (limited, unlimited):
        with pytest.raises(BudgetExceeded):
            await on.reserve("local", "run", "a", 31, None)
    assert [alert.threshold for alert in await limited.alerts()] == [50, 100]


async def test_scopes_that_were_rolled_back_are_made_again(tmp_path, monkeypatch):
    on = opened(tmp_path, tenant_micro_usd=100)
    await on.usage("local", "run")
    monkeypatch.setattr(clock, "now_ms", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await on.reserve("local", "run", "a", 50, None)
    monkeypatch.undo()
    await on.reserve("local", "run", "b", 60, None)
    with pytest.raises(BudgetExceeded):
        await on.reserve("local", "run", "c", 60, None)


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_budget_of_nothing_is_refused(tmp_path, limit):
    with pytest.raises(SettingsInvalid, match="allows nothing"):
        await opened(tmp_path).set_limit("local", "month", limit)


async def test_the_soft_limit_is_a_share_of_any_scope_s_limit(tmp_path):
    on = opened(tmp_path, tenant_micro_usd=100, soft_percent=60)
    await spend(on, 59)
    assert not await on.soft_limit_reached("local", "run")
    await spend(on, 1)
    assert await on.soft_limit_reached("local", "run")
    assert await on.soft_limit_reached("local", "another run")
    assert not await on.soft_limit_reached("other", "run")


async def test_each_threshold_is_recorded_once_also_when_one_charge_crosses_several(tmp_path):
    on = opened(tmp_path, tenant_micro_usd=100)
    told: list[int] = []
    crossed = []
    for n, cost in enumerate((49, 1, 41, 8, 1)):
        on.on_alert = lambda n=n: told.append(n)
        await spend(on, cost, run=f"r{n}")
        crossed.append(n in told)
    assert crossed == [False, True, True, False, True]
    assert [alert.threshold for alert in await on.alerts()] == [50, 75, 90, 100]
    assert len({alert.id for alert in await on.alerts()}) == 4


async def test_the_first_refusal_is_an_alert_and_the_second_is_not(tmp_path):
    on = opened(tmp_path, tenant_micro_usd=100)
    await spend(on, 40)
    for _ in range(2):
        with pytest.raises(BudgetExceeded):
            await on.reserve("local", "run", "a", 61, None)
    (alert,) = await on.alerts()
    assert (alert.threshold, alert.spent) == (100, 40)
    assert alert.title() == "Sixplane: the tenant budget of local refuses calls at 40 %"
    await spend(on, 40)
    assert sorted(alert.threshold for alert in await on.alerts()) == [50, 75, 100]


async def test_a_refusal_of_an_untouched_budget_is_no_alert(tmp_path):
    on = opened(tmp_path, tenant_micro_usd=100)
    held = await on.reserve("local", "run", "a", 60, None)
    for amount in (101, 41):
        with pytest.raises(BudgetExceeded):
            await on.reserve("local", "run", "b", amount, None)
    assert await on.alerts() == []
    await on.settle(held, Usage(calls=1, cost_micro_usd=100), None)
    assert [alert.threshold for alert in await on.alerts()] == [50, 75, 90, 100]


async def test_another_limit_has_thresholds_of_its_own(tmp_path):
    on = opened(tmp_path, tenant_micro_usd=100)
    await spend(on, 60)
    for limit in (200, 100):
        await on.set_limit("local", "tenant", limit)
    await spend(on, 1)
    assert [(alert.threshold, alert.hard_limit) for alert in await on.alerts()] == [(50, 100), (50, 100)]


class Topic:
    """Takes messages, after the failures that it is told to have."""

    def __init__(self, *failures):
        self.sent, self._failures = [], list(failures)

    async def publish(self, title, body):
        if self._failures:
            raise self._failures.pop(0)
        self.sent.append((title, body))


async def test_an_alert_survives_a_crash_between_the_charge_and_its_publication(tmp_path):
    await spend(opened(tmp_path, tenant_micro_usd=100), 55)
    topic, later = Topic(), opened(tmp_path, tenant_micro_usd=100)
    assert await AlertOutbox(later, topic.publish).flush() == 0
    assert [title for title, _ in topic.sent] == ["Sixplane: 50 % of the tenant budget of local"]
    assert '"threshold":50' in topic.sent[0][1]
    assert await AlertOutbox(later, topic.publish).flush() == 0
    assert len(topic.sent) == 1


async def test_a_crash_after_the_publication_publishes_it_again_under_the_same_id(tmp_path, monkeypatch):
    on = opened(tmp_path, tenant_micro_usd=100)
    await spend(on, 55)
    first = await on.pending_alerts()
    assert await on.pending_alerts() == []
    monkeypatch.setattr(clock, "now_ms", lambda now=clock.now_ms: now() + 2 * ledger_alerts.CLAIM_MS)
    assert [alert.id for alert in await on.pending_alerts()] == [alert.id for alert in first]


async def test_a_topic_that_is_down_costs_nothing_and_gets_the_alert_later(tmp_path, monkeypatch):
    on = opened(tmp_path, tenant_micro_usd=100)
    await spend(on, 55)
    monkeypatch.setattr(ledger_alerts, "CLAIM_MS", -1)
    topic = Topic(DependencyUnavailable("down"))
    outbox = AlertOutbox(on, topic.publish)
    outbox.wake()
    await published(topic, 1)
    await outbox.aclose()


async def published(topic, count):
    await until(lambda: len(topic.sent) >= count)
    assert len(topic.sent) == count


async def test_an_alert_that_a_dead_process_had_claimed_is_published_when_its_claim_ends(tmp_path, monkeypatch):
    on = opened(tmp_path, tenant_micro_usd=100)
    await spend(on, 55)
    monkeypatch.setattr(ledger_alerts, "CLAIM_MS", 300)
    assert len(await on.pending_alerts()) == 1  # and its process dies here
    topic = Topic()
    outbox = AlertOutbox(on, topic.publish)
    outbox.wake()
    await asyncio.sleep(0.1)
    assert topic.sent == []
    await published(topic, 1)
    await outbox.aclose()


async def test_every_alert_that_could_not_be_published_is_counted_and_stays(tmp_path):
    on = opened(tmp_path, tenant_micro_usd=100)
    await spend(on, 95)
    topic = Topic(DependencyUnavailable("down"), DependencyUnavailable("down"))
    assert await AlertOutbox(on, topic.publish).flush() == 2
    assert len(topic.sent) == 1
    assert [alert.published_at is not None for alert in await on.alerts()].count(True) == 1


async def test_closing_lets_a_publication_that_has_begun_end(tmp_path):
    on = opened(tmp_path, tenant_micro_usd=100)
    await spend(on, 55)
    begun, go, sent = asyncio.Event(), asyncio.Event(), []

    async def publish(title, body):
        begun.set()
        await go.wait()
        sent.append(title)

    outbox = AlertOutbox(on, publish)
    await outbox.aclose()  # nothing has begun: nothing to wait for
    outbox.wake()
    await begun.wait()
    closing = asyncio.create_task(outbox.aclose())
    await asyncio.sleep(0)
    go.set()
    await closing
    assert len(sent) == 1


async def test_a_dead_call_s_charge_wakes_the_outbox(tmp_path, monkeypatch):
    on = opened(tmp_path, tenant_micro_usd=100)
    topic = Topic()
    outbox = AlertOutbox(on, topic.publish)
    await on.reserve("local", "run", "dead", 60, None)
    monkeypatch.setattr(clock, "now_ms", lambda now=clock.now_ms: now() + 86_400_000)
    held = await on.reserve("local", "run", "next", 1, None)
    await published(topic, 1)
    await on.settle(held, Usage(calls=1), None, state="free")
    await outbox.aclose()
    assert [alert.published_at is not None for alert in await on.alerts()] == [True]


async def test_characters_tell_completed_calls_from_those_of_unknown_end(tmp_path):
    on = opened(tmp_path)
    most = Usage(input_chars=100, output_chars=900)
    done = await on.reserve("local", "run", "a", 10, None, most=most)
    await on.settle(done, Usage(calls=1, input_chars=100, output_chars=50, cost_micro_usd=2), None)
    lost = await on.reserve("local", "run", "b", 10, None, most=most)
    await on.settle(lost, Usage(calls=1, cost_micro_usd=10), None, state="charged")
    free = await on.reserve("local", "run", "c", 10, None, most=most)
    await on.settle(free, Usage(calls=1), None, state="free")
    found = await on.characters("local")
    assert (found.completed, found.charged) == (150, 1_000)
    assert await on.usage("local", "run") == Usage(calls=3, input_chars=100, output_chars=50, cost_micro_usd=12)


STATEMENTS = {
    f"{module.__name__}.{name}": statement
    for module in (attempts, ledger_alerts, scopes)
    for name, statement in vars(module).items()
    if isinstance(statement, sa.sql.ClauseElement) and not isinstance(statement, sa.Table)
}


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_every_statement_is_one_that_oracle_takes(name):
    text = str(STATEMENTS[name].compile(dialect=oracle.dialect()))
    assert text
    assert "OR IGNORE" not in text
    locks = {"gateway.ledger.scopes._LOCKED", "gateway.ledger.scopes._ALL_LOCKED", "gateway.ledger.attempts._HELD"}
    assert ("FOR UPDATE" in text) is (name in locks)
    assert "FOR UPDATE" not in text or ("ORDER BY" in text and "FETCH" not in text)


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_is_one_that_oracle_makes(table):
    ddl = str(sa.schema.CreateTable(table).compile(dialect=oracle.dialect()))
    assert "AUTOINCREMENT" not in ddl
    assert all(len(column.name) <= 30 for column in table.columns)
    assert all(not column.nullable or column.default is None for column in table.columns)


def test_the_clock_is_utc():
    assert scopes.scope_keys("t", "r")["month"].endswith(f'"{datetime.now(UTC):%Y-%m}"]')
