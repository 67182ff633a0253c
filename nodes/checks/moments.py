"""Whether the dates and times of day of a claim can come from its sources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache

from nodes.checks.dates import Date, bare_months, names_zone, read_clocks, read_dates, without_dates
from nodes.checks.implied import told
from nodes.checks.numbers import KEPT, Values, standing
from nodes.checks.periods import dates_in_words, minutes_in_words
from nodes.checks.units import conversions

_DAY_MINUTES = 1440
_ONE_STEP = re.compile(
    r"\b(?:an?|one|the|next|previous)\s+(?:day|week|month|quarter|year)\s+(?:after|before|later|earlier|from|since|prior)"
    r"\b|\b(?:on|from) the (?:eve|day) (?:of|before|after)\b",
    re.IGNORECASE,
)


def misdated(claim: str, sources: str) -> bool | None:
    """Return whether a date or time of the claim cannot come from `sources`; `None` if the sources hold no other."""
    known = read_dates(sources)
    wrong = [each for each in read_dates(claim) if not _placed(each, known, sources)]
    if wrong:
        return True if known or dates_in_words(sources) else None
    if not read_clocks(sources) or names_zone(claim):
        return False
    stand = _times(sources)
    return any(clock.minutes.isdisjoint(stand) for clock in read_clocks(claim))


@lru_cache(KEPT)
def _times(sources: str) -> frozenset[int]:
    """Return the times of day, in minutes, that the sources tell or that follow from them."""
    times = {Fraction(minute) for clock in read_clocks(sources) for minute in clock.minutes}
    times |= {Fraction(minute) for minute in minutes_in_words(sources)}
    hours = {60 * value for value in standing(sources) if value.denominator == 1 and 0 <= value <= 24}
    durations = _durations(sources)
    # `1:30` may be the duration of 90 minutes or seconds, and a time of day lies a duration from another.
    lengths = {minutes for each in durations for minutes in (each, 60 * each)}
    later = {minute + sign * each for minute in times for each in durations for sign in (1, -1)}
    found = times | hours | {hour + _DAY_MINUTES // 2 for hour in hours} | lengths | later
    return frozenset(int(minute) % _DAY_MINUTES for minute in found if minute.denominator == 1)


def _durations(sources: str) -> frozenset[Fraction]:
    """Return the lengths of time in the sources, in minutes."""
    quantities = [each for each in told(sources) if each.unit]
    minutes = {value for each in quantities if each.unit == "minute" for value in each.likely}
    others = {value for each in quantities for one in each.likely for value in conversions(one, each.unit, "minute")}
    return frozenset(each for each in minutes | others if each <= _DAY_MINUTES)


def _placed(claimed: Date, known: Sequence[Date], sources: str) -> bool:
    """Whether a source has this date, or its parts, or dates from which it can be counted."""
    stand = standing(sources) | {Fraction(each.year) for each in known if each.year is not None}
    counts, bare = standing(without_dates(sources)), bare_months(sources)
    if _ONE_STEP.search(sources):
        counts |= {Fraction(1)}
    in_words = dates_in_words(sources)
    for year, month, day in claimed.readings():
        fits = any(_fits((year, month, day), other) for each in (*known, *in_words) for other in each.readings())
        month_stands = month in bare or any(
            month == each.month or (each.swapped and month == each.day) for each in known
        )
        parts = month_stands and (day is None or day in stand)
        # The year of a month that stands without one follows from the date of the document.
        near = {year} if month not in bare or year is None else {year - 1, year, year + 1}
        if (fits or parts) and (year is None or not stand.isdisjoint(near)):
            return True
        if _counted((year, month, day), known, counts):
            return True
    return False


def _fits(some: tuple[int | None, int | None, int | None], other: tuple[int | None, int | None, int | None]) -> bool:
    pairs = list(zip(some, other, strict=True))
    agree = all(ours is None or theirs is None or ours == theirs for ours, theirs in pairs)
    # Every part that the claim names must stand somewhere; a year may stand apart from its day, and is checked so.
    return agree and all(ours is None or theirs is not None for ours, theirs in pairs[1:])


def _counted(claimed: tuple[int | None, int | None, int | None], known: Sequence[Date], numbers: Values) -> bool:
    """Whether the claim's date lies a number of days, weeks, months or years of the sources from one of theirs."""
    year, month, day = claimed
    for each in known:
        other = each.year or year
        if month is None or each.month is None or other is None:
            continue
        months = abs(((year or other) - other) * 12 + month - each.month)
        steps = {Fraction(months), Fraction(months, 12), Fraction(months, 3)}
        try:
            apart = abs((date(year or other, month, day or 1) - date(other, each.month, each.day or 1)).days)
        except ValueError:
            continue
        steps |= {Fraction(apart), Fraction(apart, 7), Fraction(apart + 1), Fraction(apart - 1)}
        if steps & numbers:
            return True
    return False
