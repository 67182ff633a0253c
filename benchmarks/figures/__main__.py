"""Compares and accepts runs: `python -m benchmarks.figures check|accept`.

`check [FILE]` compares the latest run, or that of a file, with the committed figures and returns 1 if one is worse.
`accept [RUNS]` makes the latest run, or the last RUNS runs together, the committed figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.figures.comparing import FAILS, compare, remedies, table
from benchmarks.figures.run import COMMITTED, RESULTS, Run, accepted, latest, together

WIDE = 0.3
"""The share of the median from which on the spread of a ratio is told."""

USAGE = 2
"""The exit status of a command that could not do its work."""


def check(new: Run, committed: Run) -> int:
    """Print the comparison; return 1 if a figure fails."""
    verdicts = compare(committed, new)
    print(table(verdicts))
    for note in (*notes(new, committed), *remedies(verdicts)):
        print(f"\n{note}")
    return int(bool(new.failed) or any(each.word in FAILS for each in verdicts))


def notes(new: Run, committed: Run) -> list[str]:
    """Return what failed, and what makes the comparison uncertain."""
    told = [f"{name} failed: the run says why." for name in new.failed]
    if new.machine.busy:
        told.append(f"Other programs used the machine when the run began (load {new.machine.load}).")
    if str(new.machine) != str(committed.machine):
        told.append(f"The committed figures are of {committed.machine}, these of {new.machine}.")
    return told


def accept(runs: int, results: Path = RESULTS, committed: Path = COMMITTED) -> int:
    """Make the last runs the committed figures.

    Raises:
        LookupError: there are fewer runs.
        ValueError: the runs measured different figures, or a benchmark of the last one failed.
    """
    new = together(latest(runs, results))
    if new.failed:
        raise ValueError(f"{', '.join(new.failed)} failed in the last run: mend it and measure again")
    before = Run.read(committed) if committed.exists() else None
    made = accepted(before, new)
    made.write(committed)
    for figure in new.figures:
        if figure.ratio and figure.ratio.greatest - figure.ratio.least > WIDE * figure.ratio.median:
            print(f"{figure.name}: its rounds are far apart, {figure.ratio}: was the machine idle?")
    print(f"{committed.name}: {len(new.figures)} figures of {runs} runs; commit it, with docs/measurements.md")
    return 0


def main(arguments: list[str]) -> int:
    """Return the exit status of a command line."""
    try:
        match arguments:
            case ["check"]:
                return check(latest()[-1], Run.read(COMMITTED))
            case ["check", file]:
                return check(Run.read(Path(file)), Run.read(COMMITTED))
            case ["accept"]:
                return accept(1)
            case ["accept", runs] if runs.isdigit() and int(runs) > 0:
                return accept(int(runs))
    except (LookupError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    sys.stderr.write("python -m benchmarks.figures check [FILE] | accept [RUNS]\n")
    return USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
