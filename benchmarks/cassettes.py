"""The cassettes, question by question: what was published, what was left out, and who caught it.

The answers are written by hand, the verdicts too. The table proves the pipeline; it says nothing about a model.
`python -m benchmarks.cassettes` prints it as Markdown.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from tests.cassettes.check import names
from tests.cassettes.measures import Measures, measured, table
from tests.cassettes.stage import Stages


async def measure() -> list[Measures]:
    """Return the figures of every cassette."""
    with tempfile.TemporaryDirectory() as home:
        async with Stages(Path(home)) as stages:
            return [await measured(stages, name) for name in names()]


def totals(figures: list[Measures]) -> list[str]:
    """Return the sums over all cassettes in sentences."""
    true = sum(len(each.true) for each in figures)
    kept = sum(len(each.true_published) for each in figures)
    planted = sum(len(each.planted) for each in figures)
    out = sum(len(each.planted_published) for each in figures)
    code = sum(len(each.code_alone) for each in figures)
    judge = sum(each.judge_caught for each in figures)
    right = sum(each.played.report.status is each.played.cassette.status for each in figures)
    return [
        f"cassettes: {len(figures)}; status right in {right}",
        f"true claims: {true}, published {kept} ({kept / max(true, 1):.1%})",
        f"planted sentences: {planted}, published {out}",
        f"caught by code alone {code}, by the hand-written judge {judge}",
    ]


def by_fault(figures: list[Measures]) -> str:
    """Return the planted sentences by the way in which they are false."""
    planted = Counter(mark.fault for each in figures for mark in each.planted)
    code = Counter(mark.fault for each in figures for mark in each.code_alone)
    out = Counter(mark.fault for each in figures for mark in each.planted_published)
    rows: list[tuple[str, ...]] = [
        (fault, str(planted[fault]), str(code[fault]), str(out[fault])) for fault in sorted(planted)
    ]
    return table(rows, ("fault", "planted", "caught by code alone", "published"))


def main() -> None:
    """Print the tables."""
    figures = asyncio.run(measure())
    print(table([each.row for each in figures]))
    print()
    print(by_fault(figures))
    print()
    print("\n".join(totals(figures)))


if __name__ == "__main__":
    main()
