"""A process that makes calls against a shared ledger, one line of its log for each that ended; it may be killed."""

import asyncio
import random
import sys
from pathlib import Path

from gateway import Ledger
from gateway.ledger import clock
from gateway.ledger import ledger as ledger_module
from gateway.ledger.pruning import Cutoffs
from settings import load_settings
from state.errors import BudgetExceeded, DependencyUnavailable
from state.values import Usage

AMOUNT = 100
LEASE = {"timeout_seconds": 0.1, "deadline_seconds": 0.2}
"""So short that the calls of a killed process are charged while the others go on."""

PATIENCE_SECONDS = 60.0
"""A settlement is tried again while its connection is lost; what still fails waits in a file."""

UPKEEP_EVERY = 20


async def work(home: Path, number: int, start: int, calls: int, limit: int, log: Path) -> None:
    """Make the calls from `start` on; each costs less than it reserves."""
    ledger_module._LEASE_MARGIN_SECONDS = 0.3
    budgets = {"tenant_micro_usd": limit, "principal_month_micro_usd": 100 * limit}
    ledger = Ledger(load_settings(home=home, models=LEASE, budgets=budgets))
    chance = random.Random(f"{number}/{start}")
    with log.open("a", encoding="utf-8", buffering=1) as done:
        for call in range(start, calls):
            # Some calls are made again under their key after a crash, others are left to whoever finds them.
            key = f"{number}-{call}" if call % 2 else f"{number}-{start}-{call}"
            try:
                await _upkeep(ledger, call + 2 * number)
                await _asked(ledger, number, call, key, chance)
                done.write(f"{call} settled {key}\n")
            except BudgetExceeded:
                done.write(f"{call} refused {key}\n")
    await ledger.aclose()


async def _asked(ledger: Ledger, number: int, call: int, key: str, chance: random.Random) -> None:
    """Make a call on one of three runs, which all processes share, for one of three people."""
    account = "local", f"run-{call % 3}", key, AMOUNT, None
    held = await _patiently(lambda: ledger.reserve(*account, principal=f"person-{number % 3}"))
    if held.answer is None:
        await asyncio.sleep(chance.uniform(0, 0.004))
        used = Usage(calls=1, cost_micro_usd=chance.randint(30, AMOUNT))
        await ledger.settle(held, used, key, patience_seconds=PATIENCE_SECONDS)


async def _upkeep(ledger: Ledger, turn: int) -> None:
    if turn % UPKEEP_EVERY == 0:
        await _patiently(lambda: ledger.budget("local", f"person-{turn % 3}"))
        await _patiently(lambda: ledger.prune(Cutoffs(calls=clock.now_ms())))


async def _patiently(work):
    """Repeat `work` when its connection was cut. A deadlock is an error."""
    while True:
        try:
            return await work()
        except DependencyUnavailable as error:
            if "deadlock" in error.message or "terminat" not in error.message:
                raise


if __name__ == "__main__":
    folder, which, first, most, limit, path = sys.argv[1:]
    asyncio.run(work(Path(folder), int(which), int(first), int(most), int(limit), Path(path)))
