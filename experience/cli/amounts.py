"""Amounts of money on the command line: in USD, exact."""

from __future__ import annotations

from typing import Annotated

import typer

from state.errors import BadInput
from state.money import dollars, micro_dollars

RunBudget = Annotated[
    str | None, typer.Option("--budget-usd", metavar="USD", help="Hard limit of the run, such as 0.5.")
]
JobBudget = Annotated[
    str | None,
    typer.Option("--budget-usd", metavar="USD", help="Start no further row when the job has spent this, such as 25."),
]


def budget_of(usd: str | None) -> int | None:
    """Return a budget in micro-dollars, `None` for none. Raises `BadInput` for what is no amount, and for zero."""
    if usd is None:
        return None
    try:
        amount = micro_dollars(usd)
    except ValueError as error:
        raise BadInput(f"{usd[:40]!r} is not an amount in USD: {error}", hint="give one such as 25 or 0.5") from error
    if amount == 0:
        raise BadInput(f"a budget of {usd[:40]} USD allows nothing", hint="give more, or set no limit")
    return amount


def usd(amount: int | None) -> str:
    """Return micro-dollars as an exact amount in USD, or a dash for `None`."""
    return "—" if amount is None else f"{dollars(amount)} USD"
