"""`sixplane budget`: amounts are exact, and what allows nothing is refused with the remedy."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from gateway import Ledger
from settings import load_settings
from state.values import Usage


def run(home, *arguments):
    return CliRunner().invoke(app, ["budget", *arguments], env={"SIXPLANE_HOME": str(home)})


def test_limits_are_set_shown_and_taken_away(tmp_path):
    assert run(tmp_path, "set", "--month", "25", "--total", "0.000001").exit_code == 0
    shown = json.loads(run(tmp_path, "show", "--json").stdout)["budgets"]
    assert [(line["kind"], line["hard_limit"]) for line in shown] == [("tenant", 1), ("month", 25_000_000)]
    assert run(tmp_path, "set", "--total", "none").stdout == "tenant: no limit\n"
    assert json.loads(run(tmp_path, "show", "--json").stdout)["budgets"][0]["hard_limit"] is None


def test_what_is_spent_and_alerted_is_shown(tmp_path):
    async def spend():
        ledger = Ledger(load_settings(home=tmp_path))
        held = await ledger.reserve("local", "run", "a", 600_000, None)
        await ledger.settle(held, Usage(calls=1, cost_micro_usd=600_000), None)
        await ledger.reserve("local", "run", "b", 100_000, None)
        await ledger.aclose()

    run(tmp_path, "set", "--total", "1")
    asyncio.run(spend())
    shown = run(tmp_path, "show").stdout
    for figure in ("0.6 USD", "0.1 USD", "0.8 USD", "1 USD", "50 % of the tenant budget", "waiting to be published"):
        assert figure in shown, shown
    assert "0.6 USD" not in run(tmp_path, "show", "--tenant", "other").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no limit is given"),
        (("--month", "0"), "allows nothing"),
        (("--month", "-3"), "not an amount"),
        (("--month", "nan"), "not an amount"),
        (("--month", "inf"), "not an amount"),
        (("--month", "1e30"), "not an amount"),
        (("--month", "1000000000000"), "twelve digits"),
        (("--month", "0.0000001"), "six after it"),
        (("--month", "much"), "not an amount"),
        (("--month", "5", "--tenant", "../x"), "is not a tenant name"),
    ],
)
def test_what_is_no_budget_is_told(tmp_path, arguments, told):
    result = run(tmp_path, "set", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "hint: " in result.stderr
    assert "Traceback" not in result.stderr
