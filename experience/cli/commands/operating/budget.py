"""`sixplane budget`: shows and sets the limits of a tenant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.amounts import budget_of, usd
from experience.cli.auditing import event_of, recorded
from experience.cli.errors import handled
from experience.cli.options import Home, Json, Tenant
from experience.cli.output import print_json, print_table, say
from experience.cli.running import run_async, settings_of
from state.errors import BadInput

if TYPE_CHECKING:
    from gateway.ledger.alerts import Alert
    from gateway.ledger.budget_lines import BudgetLine

app = typer.Typer(help="Show what a tenant has spent, its limits and its alerts; set limits.", no_args_is_help=True)

Limit = Annotated[str | None, typer.Option(help="Hard limit in USD, for example 25 or 0.5; `none` removes it.")]


def show(tenant: Tenant = "local", json_output: Json = False, home: Home = None) -> None:
    """Show what is spent, reserved and allowed, in USD, and the recorded alerts."""
    lines, alerts = run_async(_read(tenant, home))
    if json_output:
        print_json(
            {
                "tenant": tenant,
                "budgets": [line.model_dump(mode="json") for line in lines],
                "alerts": [alert.model_dump(mode="json") for alert in alerts],
            }
        )
        return
    print_table(
        ("scope", "period", "spent", "reserved", "soft limit", "hard limit"),
        [(line.kind, line.period, *map(usd, _amounts(line))) for line in lines],
    )
    for alert in alerts:
        state = "waiting to be published" if alert.published_at is None else "published"
        told = alert.told(alert.principal or alert.tenant)
        say(f"alert: {told} ({alert.period}), {usd(alert.spent)} spent: {state}")


def set_limits(total: Limit = None, month: Limit = None, tenant: Tenant = "local", home: Home = None) -> None:
    """Set a tenant's limit for all its spending, or for each month. These limits override the settings."""
    if total is None and month is None:
        raise BadInput(
            "no limit is given",
            hint="give `--total USD` or `--month USD`; `none` instead of a number removes the limit",
        )
    chosen = {"tenant": total, "month": month}
    amounts = {kind: _limit(given) for kind, given in chosen.items() if given is not None}
    run_async(_write(tenant, amounts, home))
    for kind, amount in amounts.items():
        say(f"{kind}: {'no limit' if amount is None else usd(amount)}")


def _limit(given: str) -> int | None:
    return None if given.strip().lower() == "none" else budget_of(given)


def _amounts(line: BudgetLine) -> tuple[int, int, int | None, int | None]:
    return line.spent, line.reserved, line.soft_limit, line.hard_limit


async def _read(tenant: str, home: Path | None) -> tuple[list[BudgetLine], list[Alert]]:
    from gateway import Ledger
    from settings import checked_name

    checked_name("tenant", tenant)
    ledger = Ledger(settings_of(home))
    try:
        alerts = [alert for alert in await ledger.alerts() if alert.tenant == tenant and alert.kind != "run"]
        return await ledger.budget(tenant), alerts
    finally:
        await ledger.aclose()


async def _write(tenant: str, amounts: dict[str, int | None], home: Path | None) -> None:
    from gateway import Ledger
    from settings import checked_name

    checked_name("tenant", tenant)
    settings = settings_of(home)
    ledger = Ledger(settings)
    try:
        async with recorded(settings, event_of("budget", "set", tenant, f"tenant:{tenant}")) as noted:
            for kind, amount in amounts.items():
                await ledger.set_limit(tenant, kind, amount)  # type: ignore[arg-type]  # `tenant` and `month`
                noted.counts[kind] = amount
    finally:
        await ledger.aclose()


app.command("show")(handled(show))
app.command("set")(handled(set_limits))
