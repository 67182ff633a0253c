"""Runs one benchmark in this process: `python -m benchmarks.figures.one NAME FILE`.

The figures of a benchmark that has them are printed as they come and added to the file, one JSON object a line. Any
other benchmark runs as `python -m benchmarks.NAME` and prints what it prints.
"""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path

from benchmarks.figures.figure import Figure, show


def main() -> None:
    """Run the benchmark that the command line names."""
    name, file = sys.argv[1:]
    sys.argv[1:] = []
    benchmark = importlib.import_module(f"benchmarks.{name}")
    if not hasattr(benchmark, "figures"):
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
        return
    with Path(file).open("a", encoding="utf-8") as lines:
        for figure in benchmark.figures():
            show([figure])
            lines.write(f"{of_benchmark(name, figure).model_dump_json()}\n")
            lines.flush()


def of_benchmark(benchmark: str, figure: Figure) -> Figure:
    """Return the figure if it is named after its benchmark, by which a partial run knows what it was asked for."""
    if not figure.name.startswith(f"{benchmark}."):
        raise ValueError(
            f"the name of a figure of {benchmark} begins with {benchmark!r} and a dot, not {figure.name!r}"
        )
    return figure


if __name__ == "__main__":
    main()
