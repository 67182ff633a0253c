"""The connection breaks at a COMMIT, before it has taken effect or after: the ledger finds out, and goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import Ledger
from gateway.ledger.ledger import BudgetLine
from settings import load_settings
from state.errors import OutcomeUnknown
from state.values import Usage
from tests.doubles.oracle.commits import breaking_engine

USED = Usage(calls=1, input_tokens=7, output_tokens=3, cost_micro_usd=40)
WHOSE = {"tenant_micro_usd": 1_000, "principal_month_micro_usd": 1_000}


class Breaking:
    """A ledger whose next commits break."""

    def __init__(self, ledger: Ledger, commits: list[bool]) -> None:
        self.ledger, self.commits = ledger, commits

    async def figures(self) -> list[tuple[int, int]]:
        lines: list[BudgetLine] = await self.ledger.budget("local", "ann")
        return [(line.spent, line.reserved) for line in lines]


@pytest.fixture(params=["sqlite", "postgres", "oracle"])
async def breaking(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Breaking]:
    """On Oracle Database the last statement commits; it stands on SQLite here."""
    settings = load_settings(home=tmp_path, budgets=WHOSE)
    if request.param == "postgres":
        request.getfixturevalue("postgres")
    engine, commits = breaking_engine(settings, "ledger.db", sparing=request.param == "oracle")
    ledger = Ledger(settings, engine=engine)
    await ledger.characters("local")  # opens the tables
    yield Breaking(ledger, commits)
    await ledger.aclose()
    engine.dispose()


@pytest.mark.parametrize("took_effect", [False, True])
async def test_what_is_reserved_and_settled_counts_once(breaking: Breaking, tmp_path: Path, took_effect: bool) -> None:
    ledger, commits = breaking.ledger, breaking.commits
    commits.append(took_effect)
    held = await ledger.reserve("local", "run", "call", 600, 1_000, principal="ann")
    assert held.id
    assert await breaking.figures() == [(0, 600)] * 3
    commits.append(took_effect)
    await ledger.settle(held, USED, "the answer")
    assert await breaking.figures() == [(40, 0)] * 3
    assert await ledger.usage("local", "run") == USED
    assert (await ledger.reserve("local", "run", "call", 600, 1_000, principal="ann")).answer == "the answer"
    commits.append(took_effect)
    await ledger.end_run("local", "run")
    assert (await ledger.reserve("local", "run", "call", 600, 1_000, principal="ann")).answer is None
    assert not (tmp_path / "unsettled").exists()
    assert commits == []


@pytest.mark.parametrize("took_effect", [False, True])
async def test_a_second_loss_is_told_and_a_settlement_waits(
    breaking: Breaking, tmp_path: Path, took_effect: bool
) -> None:
    ledger, commits = breaking.ledger, breaking.commits
    commits += [False, took_effect]
    with pytest.raises(OutcomeUnknown, match="lost while"):
        await ledger.reserve("local", "run", "call", 600, 1_000)
    held = await ledger.reserve("local", "run", "other", 100, 1_000)
    commits += [False, took_effect]
    await ledger.settle(held, USED, "the answer")
    assert len(list((tmp_path / "unsettled").iterdir())) == 1
    assert (await ledger.reserve("local", "run", "other", 100, 1_000)).answer == "the answer"
    assert (await ledger.usage("local", "run")).cost_micro_usd == 40
