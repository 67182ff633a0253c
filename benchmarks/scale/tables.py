"""The tables of docs/scaling.md."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.scale.model import Inputs, simulated

REPLICAS = (1, 2, 4, 8, 16, 32, 64)

CASES = {
    "One tenant, calls of 2 s": Inputs(call_seconds=2.0),
    "64 tenants, calls of 2 s": Inputs(tenants=64, call_seconds=2.0),
    "One tenant, calls of 0.2 s": Inputs(),
    "64 tenants, calls of 0.2 s": Inputs(tenants=64),
}
"""Calls of 2 s are those of a large model; of 0.2 s, those of the other benchmarks."""


def rows(case: str, replicas: tuple[int, ...] = REPLICAS) -> Iterator[str]:
    """Yield the lines of the table of a case, in Markdown, below its head."""
    for number in replicas:
        found = simulated(CASES[case], number)
        shares = (found.cpu_busy, found.database_busy, found.row_busy)
        busy = " | ".join(f"{share:.0%}".replace("%", " %") for share in shares)
        times = f"{found.median_seconds:.2f} | {found.p95_seconds:.2f}"
        yield f"| {number} | {found.runs_per_second:.1f} | {busy} | {times} | {found.saturated} |"


HEAD = (
    "| replicas | runs a second | cores busy | database busy | tenant rows busy | median s | 95 % s | what saturates |",
    "|---|---|---|---|---|---|---|---|",
)


def table(case: str) -> str:
    """Return the whole table of a case, in Markdown."""
    return "\n".join([*HEAD, *rows(case)])
