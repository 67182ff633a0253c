"""What the ledger tells of a budget."""

from __future__ import annotations

import json
from typing import Any

from gateway.ledger.scopes import Kind
from state.values import Value


class BudgetLine(Value):
    """The state of one scope, in micro-dollars; a limit is `None` if there is none."""

    kind: Kind
    period: str
    spent: int
    reserved: int
    soft_limit: int | None
    hard_limit: int | None


def budget_line(kind: Any, row: Any, soft_percent: int) -> BudgetLine:
    """Return the state of the scope with `row`, whose soft limit is `soft_percent` of the hard one."""
    soft = None if row.hard_limit is None else row.hard_limit * soft_percent // 100
    period = "all" if kind == "tenant" else json.loads(row.scope)[2]
    return BudgetLine(
        kind=kind, period=period, spent=row.spent, reserved=row.reserved, soft_limit=soft, hard_limit=row.hard_limit
    )
