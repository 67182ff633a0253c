"""One row per attempt of a call: reserved, then settled or, when its lease ran out, charged in full; and the memo.

Every transaction locks in one order, so that no two wait for each other: rows of calls by id, then scopes by key, then
what belongs to those, alerts and memo. A reservation inserts its call last, when nobody else can know of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from gateway.ledger import alerts, clock
from gateway.ledger.scopes import all_locked, charge, locked
from gateway.ledger.tables import calls, memo, totals
from settings.connections.inserting import InsertNew
from settings.connections.prepared import Prepared
from settings.connections.sql import last_statement
from state.errors import BudgetExceeded
from state.values import Usage, Value

FIGURES = ("input_chars", "output_chars", "input_tokens", "output_tokens")

AT_ONCE = 100
"""How many lapsed calls one transaction charges: their scopes are locked together. A chosen value."""

FEW_ANSWERS = 8
"""How many answers the memo of most runs has at most. A chosen value: they have four, of some kilobytes each."""

_MEMOISED = Prepared(
    sa.select(memo.c.answer).where(memo.c.run_scope == sa.bindparam("run"), memo.c.call_key == sa.bindparam("key"))
)
_MEMOISE = Prepared(InsertNew(memo))
_MANY = Prepared(sa.select(memo.c.call_key).where(memo.c.run_scope == sa.bindparam("run")).limit(1).offset(FEW_ANSWERS))
_INSERT_CALL = Prepared(calls.insert())
_FORGET = Prepared(memo.delete().where(memo.c.run_scope == sa.bindparam("run")))
_LAPSED = sa.select(calls).where(
    calls.c.state == "pending",
    (calls.c.lease_until < sa.bindparam("now"))
    | ((calls.c.run_scope == sa.bindparam("run")) & (calls.c.call_key == sa.bindparam("key"))),
)
_SOME_LAPSED = _LAPSED.with_only_columns(calls.c.id).limit(AT_ONCE)
_IS_LATE = _LAPSED.with_only_columns(calls.c.id).exists()
# The answer itself is not read along: few calls have one, and a text costs a round trip of its own in Oracle Database.
_STANDING = Prepared(
    sa.select(
        *(
            sa.case((found, 1), else_=0)
            for found in (
                sa.exists().where(calls.c.id == sa.bindparam("call")),
                sa.exists().where(memo.c.run_scope == sa.bindparam("run"), memo.c.call_key == sa.bindparam("key")),
                _IS_LATE,
            )
        )
    )
)
# Oracle Database locks no rows of a query with a limit, hence two queries. What another transaction holds is passed
# over: it is being settled, or charged by another process.
_HELD = (
    sa.select(calls)
    .where(calls.c.id.in_(sa.bindparam("ids", expanding=True)), calls.c.state == "pending")
    .order_by(calls.c.id)
    .with_for_update(skip_locked=True)
)
# The expected state is part of the condition: two processes may settle one attempt, and the row count tells which of
# them did. Only that one changes the scopes.
_SETTLED = Prepared(
    calls.update()
    .where(calls.c.id == sa.bindparam("call"), calls.c.state == sa.bindparam("before"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("state", "cost", *FIGURES)})
)
_NAMED, _SUMMED = ("run_scope", "tenant_scope", "operation", "state"), ("calls", "cost", *FIGURES)
_PARTS = sa.union_all(
    sa.select(
        *(calls.c[name] for name in _NAMED),
        sa.literal_column("1").label("calls"),
        *(calls.c[name] for name in ("cost", *FIGURES)),
    ),
    sa.select(*(totals.c[name] for name in (*_NAMED, *_SUMMED))),
).subquery("parts")
"""Every call: those that have a row, and those that were pruned."""

_LATE = "late"
_USAGE = Prepared(
    sa.union_all(
        sa.select(_PARTS.c.state, *(sa.func.sum(_PARTS.c[name]) for name in _SUMMED))
        .where(
            _PARTS.c.run_scope == sa.bindparam("run"),
            _PARTS.c.state.in_([*map(sa.literal, ("completed", "free", "charged"))]),
        )
        .group_by(_PARTS.c.state),
        sa.select(sa.literal_column(f"'{_LATE}'"), *(sa.literal_column("0") for _ in _SUMMED)).where(_IS_LATE),
    )
)
"""What a run used, by state; a row of state `_LATE` if attempts have lapsed that nobody has charged yet."""

_CHARACTERS = (
    sa.select(_PARTS.c.state, sa.func.sum(_PARTS.c.input_chars + _PARTS.c.output_chars))
    .where(_PARTS.c.tenant_scope == sa.bindparam("tenant"), _PARTS.c.operation == "chat")
    .group_by(_PARTS.c.state)
)


class Reservation(Value):
    """Money held for one attempt of a call. If `answer` is set, the memo has the answer and nothing is held."""

    id: str = ""
    run: str
    tenant: str = ""
    month: str = ""
    principal: str = ""
    call_key: str
    amount: int = 0
    answer: str | None = None

    @property
    def scopes(self) -> dict[str, str]:
        """The keys of the scopes that are charged, by kind."""
        keys = {"run": self.run, "tenant": self.tenant, "month": self.month}
        return {**keys, "principal": self.principal} if self.principal else keys


class Wanted(NamedTuple):
    """What is to be reserved, the run's hard limit, and what the row of the attempt says beside the reservation."""

    reservation: Reservation
    limit: int | None
    row: Mapping[str, Any]


class Standing(NamedTuple):
    """What is known of a call before it is reserved: whether this attempt is, by a COMMIT whose outcome was unknown;
    whether the memo has its answer; and whether attempts have to be charged first."""

    reserved: bool
    answered: bool
    late: bool


class Characters(Value):
    """Characters of prompts and answers: of completed calls, and at most of calls with unknown outcome."""

    completed: int
    charged: int


def allowed(outcome: Reservation | BudgetExceeded) -> Reservation:
    """Return what was reserved. A refusal is raised out here.

    Raised inside the transaction, it would roll back the charges of lapsed reservations and the alert that go with it.
    """
    if isinstance(outcome, BudgetExceeded):
        raise outcome
    return outcome


def standing(connection: sa.Connection, wanted: Reservation) -> Standing:
    """Return what is known of a call. Call it under the locks of its scopes: the memo is written under them."""
    asked = {"call": wanted.id, "run": wanted.run, "key": wanted.call_key, "now": clock.now_ms()}
    (found,) = _STANDING.rows(connection, asked)
    return Standing(*map(bool, found))


def memoised(connection: sa.Connection, run: str, call_key: str) -> str:
    """Return the memoised answer of a call that has one."""
    (found,) = _MEMOISED.rows(connection, {"run": run, "key": call_key})
    return str(found.answer)


def has_many_answers(connection: sa.Connection, run: str) -> bool:
    """Return whether the memo of a run has more than `FEW_ANSWERS`."""
    return bool(_MANY.rows(connection, {"run": run}))


def forget_answers(connection: sa.Connection, run: str) -> None:
    """Delete the memo of a run, as the last statement of the transaction."""
    with last_statement(connection):
        _FORGET.changed(connection, {"run": run})


def insert_attempt(connection: sa.Connection, wanted: Reservation, lease_until: int, row: Mapping[str, Any]) -> None:
    """Hold the reserved amount in its scopes, and record the pending attempt, with the transaction's last statement."""
    charge(connection, wanted.scopes, cost=0, change=wanted.amount)
    values = {
        "id": wanted.id,
        **{f"{kind}_scope": scope for kind, scope in wanted.scopes.items()},
        "call_key": wanted.call_key,
        "amount": wanted.amount,
        "lease_until": lease_until,
        "state": "pending",
        "cost": 0,
        **row,
    }
    with last_statement(connection):
        _INSERT_CALL.changed(connection, values)


def settle(connection: sa.Connection, reservation: Reservation, usage: Usage, answer: str | None, state: str) -> None:
    """Replace a reservation by what the attempt used, and memoise its answer unless its run has ended.

    Nothing may follow in the transaction. Applying it twice changes nothing.
    """
    figures = {name: getattr(usage, name) for name in FIGURES} if state != "charged" else None
    cost, held, change = usage.cost_micro_usd, reservation.amount, 0
    if closed := _close(connection, reservation.id, "pending", state, cost, figures):
        change = -held
    # The lease ran out first: the full charge stays, but the figures are known now.
    elif state == "completed":
        closed = _close(connection, reservation.id, "charged", state, max(cost, held), figures)
        cost = max(cost - held, 0)
    if not closed and answer is None:
        return
    rows = locked(connection, reservation.scopes)
    if closed:
        charge(connection, reservation.scopes, cost=cost, change=change)
        alerts.record_crossed(connection, rows, dict.fromkeys(reservation.scopes.values(), cost))
    run = next((row for row in rows if row.scope == reservation.run), None)
    if answer is None or run is None or run.ended_at is not None:
        return
    values = {"run_scope": reservation.run, "call_key": reservation.call_key, "answer": answer}
    with last_statement(connection):
        _MEMOISE.each(connection, [values])  # another attempt of the call may have been answered


def charge_lapsed(connection: sa.Connection, *, run: str = "", call_key: str = "") -> int:
    """Charge in full pending attempts whose lease has run out, and earlier pending attempts of the given call.

    Their process died or lost the provider's answer, and the provider may bill the call. Releasing the amount instead
    would let a process that crashes in a loop spend beyond the limit. Use a transaction of its own: it locks the scopes
    of many runs.

    Returns:
        How many were charged, at most `AT_ONCE`; 0 if none is left that no other process is about to charge.
    """
    wanted = {"run": run, "key": call_key, "now": clock.now_ms()}
    found = connection.execute(_SOME_LAPSED, wanted).scalars().all()
    if not found:
        return 0
    held = connection.execute(_HELD, {"ids": found}).all()
    keys = {lapsed.id: _scopes_of(lapsed) for lapsed in held}
    rows = all_locked(connection, {key for each in keys.values() for key in each.values()})
    costs = Counter[str]()
    for lapsed in held:
        _close(connection, lapsed.id, "pending", "charged", lapsed.amount, None)
        charge(connection, keys[lapsed.id], cost=lapsed.amount, change=-lapsed.amount)
        costs.update(dict.fromkeys(keys[lapsed.id].values(), lapsed.amount))
    alerts.record_crossed(connection, rows, costs)
    return len(held)


def _scopes_of(row: Any) -> dict[str, str]:
    keys = {"run": row.run_scope, "tenant": row.tenant_scope, "month": row.month_scope}
    return {**keys, "principal": row.principal_scope} if row.principal_scope else keys


def usage_of_run(connection: sa.Connection, run: str) -> tuple[Usage, bool]:
    """Return what a run used, and whether attempts have lapsed since that are not charged yet.

    Charged attempts add to its calls and its cost only: their figures are not known.
    """
    used, late = Usage(), False
    for state, count, cost, *figures in _USAGE.rows(connection, {"run": run, "key": "", "now": clock.now_ms()}):
        if state == _LATE:
            late = True
            continue
        known = zip(FIGURES, map(int, figures), strict=True) if state != "charged" else ()
        used += Usage(calls=int(count), cost_micro_usd=int(cost), **dict(known))
    return used, late


def characters_of_tenant(connection: sa.Connection, tenant: str) -> Characters:
    """Return the characters of all chat calls of a tenant."""
    found = {state: int(total) for state, total in connection.execute(_CHARACTERS, {"tenant": tenant})}
    return Characters(completed=found.get("completed", 0), charged=found.get("charged", 0) + found.get("pending", 0))


def _close(
    connection: sa.Connection, call: str, before: str, state: str, cost: int, figures: Mapping[str, int] | None
) -> bool:
    """Move an attempt from state `before` to `state`, and return whether it was in `before`.

    Without `figures` the row keeps those it was reserved with.
    """
    if figures is None:
        settled = calls.update().where(calls.c.id == call, calls.c.state == before).values(state=state, cost=cost)
        return bool(connection.execute(settled).rowcount)
    values = {"call": call, "before": before, "new_state": state, "new_cost": cost}
    values.update({f"new_{name}": figure for name, figure in figures.items()})
    return bool(_SETTLED.changed(connection, values))
