"""A figure: the rounds of one ratio, its target, and which direction is better."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterable
from typing import Literal, Self

from pydantic import ConfigDict, Field, PositiveFloat, computed_field, model_validator

from state.values import Value

ROUNDS = 3
"""How often each ratio is measured in a run. Ours and the baseline take turns, so that both see the same machine."""


class Spread(Value):
    """The median of some rounds, the least and the greatest."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        """Return `median (least to greatest)`."""
        return f"{number(self.median)} ({number(self.least)} to {number(self.greatest)})"


class Figure(Value):
    """What a benchmark measured of one thing.

    Args:
        name: the benchmark and what it measured, as `search.20000.lancedb`.
        what: the same for people, in a few words.
        unit: of `ours` and `baseline`, as `ms` or `rows/s`.
        ours: the measured value of each round.
        baseline: what stands against it in each round; without it the figure is shown and never compared, because it
            holds for one machine only.
        better: whether a lower or a higher ratio is better.
        inverse: whether the ratio is baseline ÷ ours, "so many times faster"; else it is ours ÷ baseline.
        measured: the day of the run; the frame fills it in.
        target: the most or the least that the ratio (without a baseline: our value) should be.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # `ratio` is written, and computed again when it is read

    name: str = Field(pattern=r"^[a-z_]+(\.[a-z0-9_-]+)+$")
    what: str
    unit: str
    ours: tuple[PositiveFloat, ...] = Field(min_length=1)
    baseline: tuple[PositiveFloat, ...] = ()
    better: Literal["lower", "higher"] = "lower"
    inverse: bool = False
    target: float | None = None
    measured: dt.date | None = None

    @model_validator(mode="after")
    def _rounds_match(self) -> Self:
        if self.baseline and len(self.baseline) != len(self.ours):
            raise ValueError(f"{self.name}: {len(self.ours)} rounds of ours, {len(self.baseline)} of the baseline")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ratio(self) -> Spread | None:
        """The ratio of each round, taken together."""
        return spread(self.ratios) if self.baseline else None

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round."""
        pairs = zip(self.ours, self.baseline, strict=True)
        return [theirs / mine if self.inverse else mine / theirs for mine, theirs in pairs]

    @property
    def value(self) -> Spread:
        """What the target is about: the ratio, or our value where nothing stands against it."""
        return self.ratio or spread(self.ours)

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the target; None without one."""
        if self.target is None:
            return None
        return self.value.median <= self.target if self.better == "lower" else self.value.median >= self.target

    @property
    def goal(self) -> str:
        """The target in words; empty without one."""
        if self.target is None:
            return ""
        return f"at {'most' if self.better == 'lower' else 'least'} {number(self.target)}"

    @property
    def sides(self) -> str:
        """Return the medians of both sides, as `4.9 ms against 7.1 ms`."""
        both = [statistics.median(values) for values in (self.ours, self.baseline) if values]
        return " against ".join(f"{number(value)} {self.unit}" for value in both)

    def __str__(self) -> str:
        """Return one line for people."""
        ratio = f", ratio {self.ratio}" if self.ratio else ""
        reached = (
            "" if self.reached is None else f", target {self.goal}: {'reached' if self.reached else 'NOT reached'}"
        )
        return f"{self.name}: {self.sides}{ratio}{reached}"


def show(figures: Iterable[Figure]) -> None:
    """Print a line for each figure as it comes."""
    for figure in figures:
        print(figure, flush=True)


def spread(values: Iterable[float]) -> Spread:
    """Return the median, the least and the greatest of at least one value."""
    held = list(values)
    return Spread(median=statistics.median(held), least=min(held), greatest=max(held))


def number(value: float) -> str:
    """Return a value with three digits or so, and thousands grouped."""
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4
    return f"{value:,.{decimals}f}"
