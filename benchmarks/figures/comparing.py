"""Compares a run with the committed figures.

A ratio is *worse* if the median of its new rounds is more than 15 % worse than the worst median of a committed run (if
one run is committed: than its worst round): with lower ratios better, above 1.15 times it, with higher ratios better
below 0.85 times it. So a ratio that has spread by itself may move that far and 15 % more; one round that met other work
does not count where several runs are committed. Values without a baseline hold for one machine only
and are not compared.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Literal

from benchmarks.figures.figure import ROUNDS, Figure, Spread, number
from benchmarks.figures.run import Run
from state.values import Value

TOLERANCE = 0.15

Word = Literal["better", "same", "worse", "missing", "changed", "new", "not compared"]

_WORSE = f"""\
more than {TOLERANCE:.0%} worse than the worst committed run. Measure again on an idle machine. If the change is
wanted, `make bench-accept` and commit benchmarks/figures.json with the reason."""
_MISSING = """\
committed but not measured. The run says why the benchmark ended; if the figure was removed, `make bench-accept`."""
_CHANGED = "of another kind than the committed one (direction or baseline): `make bench-accept` replaces it."

_REMEDIES: dict[Word, str] = {"worse": _WORSE, "missing": _MISSING, "changed": _CHANGED}
FAILS = frozenset(_REMEDIES)


class Verdict(Value):
    """How a figure compares with the committed one.

    Args:
        limit: the worst median that passes; None where nothing was compared.
    """

    name: str
    word: Word
    committed: Spread | None = None
    now: Spread | None = None
    limit: float | None = None


def compare(committed: Run, new: Run) -> list[Verdict]:
    """Return a verdict on each committed figure that the run was asked for, and on each new one."""
    found = {figure.name: figure for figure in new.figures}
    known = [figure for figure in committed.figures if new.asked(figure.name)]
    verdicts = [_judged(figure, found.get(figure.name)) for figure in known]
    fresh = [figure for name, figure in found.items() if name not in committed.names]
    return verdicts + [Verdict(name=figure.name, word="new", now=figure.value) for figure in fresh]


def limit(committed: Figure) -> float:
    """Return the worst median that a new run may have."""
    ratios = committed.ratios
    of_runs = [statistics.median(ratios[at : at + ROUNDS]) for at in range(0, len(ratios), ROUNDS)]
    compared = of_runs if len(of_runs) > 1 else ratios
    return max(compared) * (1 + TOLERANCE) if committed.better == "lower" else min(compared) * (1 - TOLERANCE)


def _judged(committed: Figure, new: Figure | None) -> Verdict:
    then = committed.value
    if new is None:
        return Verdict(name=committed.name, word="missing", committed=then)
    now, worst = new.value, None
    if _kind(committed) != _kind(new):
        word: Word = "changed"
    elif committed.ratio is None:
        word = "not compared"
    else:
        worst = limit(committed)
        lower = committed.better == "lower"
        if now.median > worst if lower else now.median < worst:
            word = "worse"
        elif now.median < then.least if lower else now.median > then.greatest:
            word = "better"
        else:
            word = "same"
    return Verdict(name=new.name, word=word, committed=then, now=now, limit=worst)


def _kind(figure: Figure) -> tuple[object, ...]:
    """Return what two figures must share to be comparable."""
    return figure.better, figure.inverse, figure.ratio is None


def table(verdicts: Iterable[Verdict]) -> str:
    """Return the verdicts in columns."""
    rows = [("figure", "committed", "now", "limit", "verdict")]
    for each in verdicts:
        worst = "" if each.limit is None else number(each.limit)
        rows.append((each.name, str(each.committed or ""), str(each.now or ""), worst, each.word))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def remedies(verdicts: Sequence[Verdict]) -> list[str]:
    """Return what is wrong and what helps, a sentence or two for each kind of failure; nothing if all is well."""
    named = {word: ", ".join(each.name for each in verdicts if each.word == word) for word in _REMEDIES}
    return [f"{word}: {named[word]}: {text}" for word, text in _REMEDIES.items() if named[word]]
