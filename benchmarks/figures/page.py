"""The table of the committed figures, for docs/measurements.md."""

from __future__ import annotations

from benchmarks.figures.figure import Figure
from benchmarks.figures.run import COMMITTED, Run


def table() -> str:
    """Return the committed figures in Markdown."""
    run = Run.read(COMMITTED)
    rows = [_row(figure) for figure in run.figures]
    head = (
        f"Last measured on {run.measured:%Y-%m-%d}, on {run.machine}. Ratios are medians of the rounds, "
        "with the least and the greatest of them."
    )
    columns = "| figure | what | ours, baseline | ratio | rounds, day | target | |\n|---|---|---|---|---|---|---|"
    return "\n".join([head, "", columns, *rows, ""])


def _row(figure: Figure) -> str:
    reached = {True: "reached", False: "**not reached**", None: ""}[figure.reached]
    ratio = str(figure.ratio or "")
    cells = (
        f"`{figure.name}`",
        figure.what,
        figure.sides,
        ratio,
        f"{len(figure.ours)}, {figure.measured}",
        figure.goal,
        reached,
    )
    return f"| {' | '.join(cells)} |"
