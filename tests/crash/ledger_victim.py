"""A process that makes calls against a shared ledger, one line of its log for each that ended; it may be killed."""

import asyncio
import random
import sys
from pathlib import Path

from gateway import Ledger
from settings import load_settings
from state.errors import BudgetExceeded
from state.values import Usage

AMOUNT = 100


async def work(home: Path, number: int, start: int, calls: int, limit: int, log: Path) -> None:
    """Make the calls from `start` on; each costs less than it reserves."""
    ledger = Ledger(load_settings(home=home, budgets={"tenant_micro_usd": limit}))
    chance = random.Random(f"{number}/{start}")
    with log.open("a", encoding="utf-8", buffering=1) as done:
        for call in range(start, calls):
            try:
                held = await ledger.reserve("local", f"run-{number}", f"{number}-{start}-{call}", AMOUNT, None)
                await asyncio.sleep(chance.uniform(0, 0.004))
                await ledger.settle(held, Usage(calls=1, cost_micro_usd=chance.randint(30, AMOUNT)), None)
                done.write(f"{call} settled\n")
            except BudgetExceeded:
                done.write(f"{call} refused\n")
    await ledger.aclose()


if __name__ == "__main__":
    folder, which, first, most, limit, path = sys.argv[1:]
    asyncio.run(work(Path(folder), int(which), int(first), int(most), int(limit), Path(path)))
