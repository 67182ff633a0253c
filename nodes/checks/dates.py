"""Dates and times of day in a text, and whether those of a claim stand in its evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from nodes.checks.numbers import KEPT

_MONTHS = {
    1: "january januar janvier enero gennaio januari janeiro jan",
    2: "february februar février febrero febbraio februari fevereiro feb",
    3: "march märz mars marzo maart março mar",
    4: "april avril abril aprile apr",
    5: "may mai mayo maggio mei maio",
    6: "june juni juin junio giugno junho jun",
    7: "july juli juillet julio luglio julho jul",
    8: "august août agosto augustus aug",
    9: "september septembre septiembre settembre setembro sept sep",
    10: "october oktober octobre octubre ottobre outubro oct okt",
    11: "november novembre noviembre novembro nov",
    12: "december dezember décembre diciembre dicembre dezembro dec dez",
}
_MONTH_OF = {name: number for number, names in _MONTHS.items() for name in names.split()}
MONTH_NAMES = "|".join(sorted(_MONTH_OF, key=len, reverse=True))
"""The names of the months in several languages, as a pattern."""

_MONTH = re.compile(rf"\b(?:{MONTH_NAMES})\b", re.IGNORECASE)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\d-])(?P<year>\d{4})[-/.](?P<month>\d{2})[-/.](?P<day>\d{2})(?!\d)",
        rf"\b{_DAY}\s+(?:of\s+|de\s+)?(?P<name>{MONTH_NAMES})\b\.?,?(?:\s+(?:de\s+)?(?P<year>\d{{4}})\b)?",
        rf"\b(?P<name>{MONTH_NAMES})\b\.?\s+{_DAY}\b(?![\d.,]*\d*\s*(?:%|percent))(?:,?\s+(?P<year>\d{{4}})\b)?",
        rf"\b(?P<name>{MONTH_NAMES})\b\.?,?\s+(?:of\s+|de\s+)?(?P<year>\d{{4}})\b",
        r"(?<![\d./-])(?P<one>\d{1,2})[./](?P<two>\d{1,2})[./](?P<year>\d{4}|\d{2})(?![\d./]*\d)",
        r"(?<![\d-])(?P<year>(?:19|20)\d{2})-(?P<month>0[1-9]|1[0-2])(?![\d-])",
        r"(?<![\d-])(?P<month>0[1-9]|1[0-2])-(?P<year>(?:19|20)\d{2})(?![\d-])",
    )
)
_TIME = re.compile(
    r"(?<![\d:.])(?P<hour>[01]?\d|2[0-3]|24(?=[:.]00))[:.h](?P<minute>[0-5]\d)(?![\d%])(?:\s*(?P<half>[ap])\.?m\b\.?)?"
    r"|(?<![\d:.])(?P<bare>1[0-2]|0?[1-9])\s*(?P<half2>[ap])\.?m\b\.?",
    re.IGNORECASE,
)
_ZONE = re.compile(r"\b(?:UTC|GMT|CES?T|[ECMP][SD]T|Z|time zone|local time)\b")
_RELATIVE = re.compile(
    r"\b(?:yesterday|today|tomorrow|ago|earlier|later|since then"
    r"|(?:last|next|this|previous|following|past|current|same)"
    r"\s+(?:\w+\s+)?(?:day|week|month|quarter|year|spring|summer|autumn|fall|winter|\w+day))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Date:
    """A date and its place; `month` and `day` may be missing. `swapped`: day and month may be the other way round."""

    year: int | None
    month: int | None
    day: int | None
    start: int
    end: int
    swapped: bool = False

    def readings(self) -> list[tuple[int | None, int | None, int | None]]:
        """Return the year, month and day that it can mean."""
        found = [(self.year, self.month, self.day)]
        return [*found, (self.year, self.day, self.month)] if self.swapped else found


@dataclass(frozen=True)
class Clock:
    """A time of day and its place; `minutes` are the minutes since midnight that it can mean."""

    minutes: frozenset[int]
    start: int
    end: int


@lru_cache(KEPT)
def read_dates(text: str) -> tuple[Date, ...]:
    """Return the dates of `text`, longest reading first at each place. A month alone is none: `may` is a verb too.

    >>> [(each.year, each.month, each.day) for each in read_dates("12 March 2026, 2026-03-12, March 12")]
    [(2026, 3, 12), (2026, 3, 12), (None, 3, 12)]
    """
    found: list[Date] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            read = _date(match)
            if read and not any(read.start < other.end and other.start < read.end for other in found):
                found.append(read)
    return tuple(sorted(found, key=lambda each: each.start))


def names_zone(text: str) -> bool:
    """Return whether `text` names a time zone, in which the same time of day has other numbers."""
    return bool(_ZONE.search(text))


def read_clocks(text: str) -> list[Clock]:
    """Return the times of day in `text`. `2.30` is one only with `am` or `pm`."""
    return [
        clock for match in _TIME.finditer(text) if (match[0].count(":") or _half(match)) and (clock := _clock(match))
    ]


def month_of(name: str) -> int:
    """Return the number of the month of that name."""
    return _MONTH_OF[name.lower()]


def bare_months(text: str) -> set[int]:
    """Return the months that are named without a day or year; with a capital letter, since `may` is a verb."""
    return {month_of(name) for name in _MONTH.findall(without_dates(text)) if name[0].isupper()}


def is_relative(text: str) -> bool:
    """Return whether `text` places something in time by words such as `last month`, from which a date follows."""
    return bool(_RELATIVE.search(text))


@lru_cache(KEPT)
def without_dates(text: str) -> str:
    """Return `text` with its dates and times blanked; all offsets stay."""
    spans = [(each.start, each.end) for each in read_dates(text)]
    for start, end in [*spans, *((each.start, each.end) for each in read_clocks(text))]:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _date(match: re.Match[str]) -> Date | None:
    parts = match.groupdict()
    year = int(parts["year"]) if parts.get("year") else None
    if year is not None and year < 100:
        year += 2000 if year < 70 else 1900
    if parts.get("one"):
        one, two = int(parts["one"]), int(parts["two"])
        day, month = (two, one) if two > 12 else (one, two)
        valid = 1 <= month <= 12 and 1 <= day <= 31
        return Date(year, month, day, *match.span(), swapped=day <= 12) if valid else None
    named = _MONTH_OF[parts["name"].lower()] if parts.get("name") else int(parts["month"])
    numbered = int(parts["day"]) if parts.get("day") else None
    if not 1 <= named <= 12 or (numbered is not None and not 1 <= numbered <= 31):
        return None
    return Date(year, named, numbered, *match.span())


def _half(match: re.Match[str]) -> str:
    return (match["half"] or match["half2"] or "").lower()


def _clock(match: re.Match[str]) -> Clock:
    hour, minute = int(match["hour"] or match["bare"]), int(match["minute"] or 0)
    half = _half(match)
    if half:
        return Clock(frozenset({(hour % 12 + (12 if half == "p" else 0)) * 60 + minute}), *match.span())
    either = {hour * 60 + minute, (hour + 12) % 24 * 60 + minute}  # without `am` or `pm`, `2:30` may be both
    return Clock(frozenset(either if hour < 13 else {hour * 60 % 1440 + minute}), *match.span())
