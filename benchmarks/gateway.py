"""The gateway's own time per call: a governed call of a model without latency against the bare call."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import HumanMessage

from benchmarks.figures import ROUNDS, Figure, show
from gateway import CallScope, Gateway, Ledger, ScriptedChatModel
from observability import configure_tracing
from settings import load_settings
from state.values import Role

CALLS, WARM_UP = 300, 1
MODEL = "scripted:m"
PROMPT = [HumanMessage("How are on-demand models priced? " * 40)]


async def median_ms(call: Callable[[int], Awaitable[object]]) -> float:
    """Return the median time of one call, in milliseconds."""
    times = []
    for number in range(CALLS):
        began = time.perf_counter()
        await call(number)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


async def measure(home: Path) -> list[tuple[float, float]]:
    """Return both medians of each round, in turn, with every limit and budget in force."""
    settings = load_settings(
        home=home,
        limits={
            "preset": "enterprise",
            "requests_per_minute": 10**6,
            "characters_per_minute": 10**9,
            "providers": ("given",),
        },
        budgets={"run_micro_usd": 10**12, "tenant_micro_usd": 10**12, "month_micro_usd": 10**12},
        models={"prices_micro_usd": {MODEL: (1_000, 1_000)}},
    )
    configure_tracing(settings)
    bare = ScriptedChatModel(script=lambda _messages, _schema: "By the character.")
    gateway = Gateway(
        settings, ledger=Ledger(settings), embeddings=DeterministicFakeEmbedding(size=8), models={MODEL: bare}
    )

    async def governed(number: int) -> object:
        scope = CallScope("local", "run", "thread", f"task-{number}", 1, Role.WRITER, MODEL)
        return await gateway.chat_model(scope).ainvoke(PROMPT)

    async def direct(_: int) -> object:
        return await bare.ainvoke(PROMPT)

    pairs = []
    for _ in range(WARM_UP + ROUNDS):
        await gateway.end_run("local", "run")
        pairs.append((await median_ms(governed), await median_ms(direct)))
    await gateway.aclose()
    return pairs[WARM_UP:]


def figures() -> Iterator[Figure]:
    """Yield what a governed call takes (memo, reserve, limit, settle, span) against the bare one."""
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = zip(*asyncio.run(measure(Path(folder))), strict=True)
    what = "a governed call of a model without latency (memo, reserve, limit, settle, span) against the bare call"
    yield Figure(name="gateway.call", what=what, unit="ms", ours=ours, baseline=bare)


if __name__ == "__main__":
    show(figures())
