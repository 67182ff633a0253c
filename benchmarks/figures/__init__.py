"""The frame of the speed benchmarks: what they report, how a run is kept and compared.

A benchmark is a module `benchmarks.NAME` with a function `figures()` that yields a `Figure` for each ratio it measures.
`python -m benchmarks NAME` prints them and writes the run into `benchmarks/results/`; `python -m benchmarks.figures
check` compares the latest run with the committed figures, `accept` makes it the committed ones.
"""

from benchmarks.figures.figure import ROUNDS, Figure, show

__all__ = ["ROUNDS", "Figure", "show"]
