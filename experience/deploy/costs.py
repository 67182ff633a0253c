"""What a stack costs while nobody asks anything."""

from __future__ import annotations

from experience.deploy.stack import Stack
from experience.deploy.values import Cost
from state.money import dollars

HOURS = 730
"""Of a month: 365 days of 24 hours, by twelve."""
_UNKNOWN = "not known"


def costs_of(stack: Stack) -> tuple[Cost, ...]:
    """Return a line for each thing that may be charged. Sixplane knows no price of Oracle's for hosting."""
    storages = [name for name, each in stack.settings.storage.items() if each.type]
    kinds = ", ".join(f"{name} ({stack.settings.storage[name].type})" for name in sorted(storages))
    unlisted = "look it up in Oracle's price list or your contract"
    return (
        _replicas(stack),
        *([Cost(f"storage that is made: {kinds}", _UNKNOWN, unlisted)] if storages else []),
        Cost("traffic, and the image in the registry", _UNKNOWN, unlisted),
        Cost(
            "models", "nothing while nobody asks", "charged by the call: `sixplane models` shows prices and their dates"
        ),
    )


def _replicas(stack: Stack) -> Cost:
    scaling, price = stack.settings.scaling, stack.settings.replica_hour_micro_usd
    least, most = scaling.min_replicas, scaling.max_replicas
    what = f"replicas that keep running: {least}" + (f", up to {most} under load" if most > least else "")
    if price is None:
        return Cost(what, _UNKNOWN, f"set `deploy.{stack.name}.replica_hour_micro_usd` to the price in your contract")
    source = stack.settings.replica_price_source or "its source is not given"
    month = f"{dollars(least * HOURS * price)} USD a month"
    peak = f", at most {dollars(most * HOURS * price)}" if most > least else ""
    return Cost(what, f"{month}{peak}", f"{dollars(price)} USD an hour: {source}")
