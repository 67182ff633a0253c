"""Model calls and their characters by role, over all cassettes: judge and reviewer as one call against two.

A call's characters depend on the prompts and on the hand-written answers; a model's own answers may be longer.
`python -m benchmarks.calls` prints both tables as Markdown.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from pathlib import Path

from state.report import Report
from state.values import Role, Usage
from tests.cassettes.check import names
from tests.cassettes.measures import table
from tests.cassettes.stage import Stages

COLUMNS = ("role", "calls", "characters in", "characters out", "median in a call", "median out a call")


async def measure(*, own_judge: bool) -> list[Report]:
    """Return the report of every cassette; with `own_judge`, the judge is another model than the reviewer."""
    with tempfile.TemporaryDirectory() as home:
        async with Stages(Path(home)) as stages:
            return [(await stages.play(name, own_judge=own_judge)).report for name in names()]


def rows(reports: list[Report]) -> list[tuple[str, ...]]:
    """Return a row for each role that was called, and one of all."""
    found = [(role.value, [report.usage_by_role.get(role.value, Usage()) for report in reports]) for role in Role]
    called = [(name, [usage for usage in each if usage.calls]) for name, each in found]
    every = ("all", [report.usage for report in reports if report.usage.calls])
    return [_row(name, each) for name, each in (*called, every) if each]


def _row(name: str, used: list[Usage]) -> tuple[str, ...]:
    calls = sum(each.calls for each in used)
    into = statistics.median(each.input_chars / each.calls for each in used)
    out = statistics.median(each.output_chars / each.calls for each in used)
    sums = (calls, sum(each.input_chars for each in used), sum(each.output_chars for each in used))
    return (name, *(f"{figure:,}" for figure in sums), f"{into:,.0f}", f"{out:,.0f}")


def median_line(reports: list[Report]) -> str:
    """Return the median of the calls and characters of a question."""
    calls = statistics.median(report.usage.calls for report in reports)
    into = statistics.median(report.usage.input_chars for report in reports)
    out = statistics.median(report.usage.output_chars for report in reports)
    most = max(report.usage.calls for report in reports)
    return f"median of a question: {calls:g} calls (most {most}), {into:,.0f} characters in, {out:,.0f} out"


def main() -> None:
    """Print both tables."""
    for title, own_judge in (("judge and reviewer in one call", False), ("judge and reviewer in two calls", True)):
        reports = asyncio.run(measure(own_judge=own_judge))
        print(f"{title}, {len(reports)} questions\n")
        print(table(rows(reports), COLUMNS))
        print(f"\n{median_line(reports)}\n")


if __name__ == "__main__":
    main()
