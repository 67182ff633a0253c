"""Prints the tables of docs/scaling.md: `python -m benchmarks.scale`. Takes some twenty seconds."""

from __future__ import annotations

from benchmarks.scale.tables import CASES, table


def main() -> None:
    """Print a table for each case."""
    for case in CASES:
        print(f"{case}\n\n{table(case)}\n")


if __name__ == "__main__":
    main()
