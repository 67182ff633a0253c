"""Quantities that a text tells without their number: `an hour`, `daily`, `half a year`, `from 9:00 to 17:00`, `1 h 30`.

For the evidence only: a claim may say them in numbers. In a claim such words state no number that could be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from nodes.checks.dates import Date, read_clocks, read_dates
from nodes.checks.numbers import KEPT, fraction_after, read_fractions, read_numbers
from nodes.checks.quantities import Quantity, read_quantities
from nodes.checks.units import conversions, unit_after

_ONE = re.compile(r"\b(?P<word>an?|one|per|each|every|single)\s+|/\s?", re.IGNORECASE)
_OF_A = re.compile(r"[\s-]*(?:of\s+)?(?:(?:an?|one)\s+)?", re.IGNORECASE)
_EVERY = re.compile(r"\b(?:every|each)\s\Z", re.IGNORECASE)
_OTHER = re.compile(r"\bevery\s+(?:other|second)\b", re.IGNORECASE)
_OFTEN = re.compile(
    r"\b(?P<word>once|twice|thrice)\s+(?:an?|per|each|every)\b|\btimes\s+(?:an?|per|each|every)\b", re.IGNORECASE
)
_TIMES = {"once": 1, "twice": 2, "thrice": 3}
_TIMES_A = re.compile(r"\b(?:once|twice|thrice|times)\s\Z", re.IGNORECASE)
_PERIODS = {
    "hourly": (1, "hour"),
    "daily": (1, "day"),
    "nightly": (1, "day"),
    "weekly": (1, "week"),
    "monthly": (1, "month"),
    "yearly": (1, "year"),
    "annual": (1, "year"),
    "annually": (1, "year"),
    "fortnight": (14, "day"),
    "fortnightly": (14, "day"),
    "biweekly": (14, "day"),
    "quarter": (3, "month"),
    "quarterly": (3, "month"),
    "semester": (6, "month"),
    "decade": (10, "year"),
    "centurie": (100, "year"),
    "century": (100, "year"),
}
_PERIOD = re.compile(rf"\b({'|'.join(sorted(_PERIODS, key=len, reverse=True))})s?\b", re.IGNORECASE)
_SPAN = re.compile(
    r"(?<![\d:.,])(?P<first>\d{1,3})(?:"
    r":(?P<second>[0-5]\d)(?::[0-5]\d)?[\s-]?(?P<unit>h|hrs?|hours?|min|mins|minutes)\b"
    r"|\s?h(?:rs?|ours?)?\s?(?P<minutes>[0-5]?\d)(?:\s?m(?:in)?)?\b)",
    re.IGNORECASE,
)
_GLUE = re.compile(r"[\s,]*(?:(?:and|&)\s*)?", re.IGNORECASE)
_TO = re.compile(r"[^.\n]{0,30}?(?:\bto\b|\buntil\b|\btill\b|\band\b|\bthrough\b|[-–—])[^.\n]{0,12}", re.IGNORECASE)
_FROM_DAY = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th|\.)?\s*(?:to|until|till|and|through|[-–—])\s*\Z", re.IGNORECASE)


@lru_cache(KEPT)
def implied(text: str) -> tuple[Quantity, ...]:
    """Return the quantities that words, clocks, dates and compounds of `text` imply.

    >>> [(str(max(q.values)), q.unit) for q in implied("half an hour")]
    [('1/2', 'hour'), ('1', 'hour')]
    """
    words = [*_fractions(text), *_ones(text), *_periods(text), *_frequencies(text)]
    # "60 requests a minute" does not say "once a minute".
    rated = {each.rate for each in read_quantities(text) if each.rate}
    found = [each for each in words if each.unit or each.rate not in rated]
    gaps = [*_between_clocks(text), *_between_dates(text)]
    return tuple(dict.fromkeys([*found, *_spans(text), *gaps, *(total for _, _, total in compounds(text))]))


def compounds(text: str) -> list[tuple[int, int, Quantity]]:
    """Return what stands in two units, as `1 h 30 min` does, in the smaller one, each with its start and end."""
    found: list[tuple[int, int, Quantity]] = [
        (match.start(), match.end(), _span(match)) for match in _SPAN.finditer(text)
    ]
    last: tuple[int, int, Fraction, str] | None = None
    for number in read_numbers(text):
        unit, end = unit_after(text, number.end)
        if not unit or not number.likely:
            last = None
            continue
        value, start = max(number.likely), number.start
        if last and _GLUE.fullmatch(text, last[1], start):
            smaller = next(conversions(Fraction(1), last[3], unit), Fraction(0))
            if smaller > 1 and value < smaller:
                value, start = last[2] * smaller + value, last[0]
                found.append((start, end, _of(value, unit)))
        last = (start, end, value, unit)
    return found


def _of(value: Fraction, unit: str, rate: str = "") -> Quantity:
    return Quantity(frozenset({value}), frozenset({value}), Fraction(1, 2), unit=unit, rate=rate)


def _fractions(text: str) -> Iterator[Quantity]:
    for value, _, at in read_fractions(text):
        joined = _OF_A.match(text, at)
        unit, _ = unit_after(text, joined.end() if joined else at)
        if unit:
            yield _of(value, unit)


def _ones(text: str) -> Iterator[Quantity]:
    """Yield one of each unit that stands with an article, and once in that time."""
    for match in _ONE.finditer(text):
        unit, end = unit_after(text, match.end())
        if not unit or _TIMES_A.search(text, max(0, match.start() - 7), match.start()):
            continue  # "twice a day" is every 12 hours, not every 24
        rest = fraction_after(text, end)
        yield _of(1 + rest[0] if rest else Fraction(1), unit)
        if match["word"] is None or match["word"].lower() in ("a", "an", "per", "each", "every"):
            yield _of(Fraction(1), "", unit)


def _periods(text: str) -> Iterator[Quantity]:
    before = {number.end: max(number.likely) for number in read_numbers(text) if number.likely}
    for match in _PERIOD.finditer(text):
        value, unit = _PERIODS[match[1].lower()]
        many = before.get(match.start() - 1, Fraction(1))
        yield _of(many * value, unit)
        yield _of(Fraction(1, value), "", unit)


def _frequencies(text: str) -> Iterator[Quantity]:
    """Yield how long it is from one time to the next for `twice a day`, and how often for `every 8 hours`."""
    before = {number.end: max(number.likely) for number in read_numbers(text) if number.likely}
    for match in _OFTEN.finditer(text):
        times = Fraction(_TIMES[match["word"].lower()]) if match["word"] else before.get(match.start() - 1)
        unit, _ = unit_after(text, match.end())
        if times and unit:
            yield _of(1 / times, unit)
            yield _of(times, "", unit)
    for match in _OTHER.finditer(text):
        unit, _ = unit_after(text, match.end())
        if unit:
            yield _of(Fraction(2), unit)
    for number in read_numbers(text):
        unit, _ = unit_after(text, number.end)
        if (
            unit
            and number.likely
            and max(number.likely)
            and _EVERY.search(text, max(0, number.start - 7), number.start)
        ):
            yield _of(1 / max(number.likely), "", unit)


def _spans(text: str) -> Iterator[Quantity]:
    yield from (_span(match) for match in _SPAN.finditer(text))


def _span(match: re.Match[str]) -> Quantity:
    unit = "second" if (match["unit"] or "h").lower().startswith("m") else "minute"
    return _of(Fraction(60 * int(match["first"]) + int(match["second"] or match["minutes"])), unit)


def _between_clocks(text: str) -> Iterator[Quantity]:
    for one, other in pairwise(read_clocks(text)):
        if _TO.fullmatch(text, one.end, other.start):
            apart = {Fraction((b - a) % 1440) for a in one.minutes for b in other.minutes}
            yield from (_of(minutes, "minute") for minutes in sorted(apart))


def _between_dates(text: str) -> Iterator[Quantity]:
    dates = read_dates(text)
    for one, other in pairwise(dates):
        if _TO.fullmatch(text, one.end, other.start):
            yield from _apart(one, other)
    for each in dates:
        first = _FROM_DAY.search(text, max(0, each.start - 12), each.start)
        if first and each.day is not None:
            days = abs(each.day - int(first[1]))
            yield from (_of(Fraction(n), "day") for n in (days, days + 1))


def _apart(one: Date, other: Date) -> Iterator[Quantity]:
    """Yield the days or months from one date to the other, with and without the last."""
    first, last = one.year or other.year, other.year or one.year
    if one.month is None or other.month is None or first is None or last is None:
        return
    if one.day is None or other.day is None:
        months = abs(12 * (last - first) + other.month - one.month)
        yield from (_of(Fraction(n), "month") for n in (months, months + 1))
        return
    try:
        days = abs((date(last, other.month, other.day) - date(first, one.month, one.day)).days)
    except ValueError:
        return
    yield from (_of(Fraction(n), "day") for n in (days, days + 1))


def told(text: str) -> tuple[Quantity, ...]:
    """Return the quantities of `text`, those in numbers and those implied."""
    return (*read_quantities(text), *implied(text))
