"""What a service keeps in memory does not grow with its runs: as many objects after five of them as after two."""

from __future__ import annotations

import gc
from collections import Counter

from experience.service.runs import Runs
from tests.experience.service.helpers import ask, service_of

PACKAGES = {"asyncio", "experience", "gateway", "graphs", "nodes", "observability", "policy", "retrieval", "state"}


def kept() -> Counter[str]:
    """Return how many objects of our classes, tasks and futures there are, by their class."""
    gc.collect()
    names = (f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    return Counter(name for name in names if name.split(".")[0] in PACKAGES)


async def test_what_is_kept_does_not_grow_with_the_runs(home, monkeypatch):
    monkeypatch.setattr("experience.service.runs.RETAINED", 1)
    async with service_of(home) as service:
        runs = Runs(service)

        async def answered(number: int) -> None:
            run = await runs.start(ask(thread=f"t{number}"))
            assert (await run.ended()).type == "report"

        for number in range(2):
            await answered(number)
        before = kept()
        for number in range(2, 5):
            await answered(number)
        assert kept() - before == Counter()
