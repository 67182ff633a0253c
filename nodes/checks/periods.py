"""Dates and times of day that a text tells in words: `the end of 2026`, `Q1 2026`, `the first of May`, `noon`.

For the sources only: a claim may say them in numbers. In a claim such words are left to a judge.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from functools import lru_cache

from nodes.checks.dates import MONTH_NAMES, Date, month_of
from nodes.checks.number_words import SMALL
from nodes.checks.numbers import KEPT

_MONTH = rf"(?:(?P<name>{MONTH_NAMES})\.?,?\s+)?(?:of\s+)?"
_EDGE = re.compile(
    r"\b(?P<edge>end|close|start|beginning|first day|last day|until|till|through|from|since|as of|by|effective|ending"
    r"|starting|beginning)(?:\s+(?:of|in|on))?(?:\s+(?:the\s+)?(?:year|month)\s+(?:of\s+)?)?(?:\s+|-)"
    rf"{_MONTH}(?P<year>(?:19|20)\d\d)?\b",
    re.IGNORECASE,
)
_FIRST = frozenset(("start", "beginning", "first day", "from", "since", "as of", "effective", "starting"))
_WHOLE = re.compile(
    r"\b(?:all|(?:the\s+)?(?:whole|entire|full)|throughout|during|for|within)(?:\s+of)?"
    r"(?:\s+(?:the\s+)?(?:(?:calendar\s+)?year|month)(?:\s+of)?)?\s+"
    rf"(?:(?P<name>{MONTH_NAMES})\s+)?(?P<year>(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_LATE = re.compile(r"\byear[\s-]?end\s+(?P<year>(?:19|20)\d\d)\b", re.IGNORECASE)
_PART_WORDS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4}
_PART = re.compile(
    r"\b(?:(?P<word>first|second|third|fourth|last|[1-4](?:st|nd|rd|th))\s+(?P<part>quarter|half)(?:\s+of)?"
    r"|(?P<letter>[QH])(?P<number>[1-4]))[\s,/-]*(?:the\s+year\s+)?(?P<year>(?:19|20)\d\d)\b"
    r"|\b(?P<year2>(?:19|20)\d\d)[\s/-]*(?P<letter2>[QH])(?P<number2>[1-4])\b",
    re.IGNORECASE,
)
_SEASONS = {"spring": (3, 6), "summer": (6, 9), "autumn": (9, 12), "fall": (9, 12), "winter": (12, 15)}
_SEASON = re.compile(rf"\b(?P<season>{'|'.join(_SEASONS)})\s+(?:of\s+)?(?P<year>(?:19|20)\d\d)\b", re.IGNORECASE)
_MID = re.compile(r"\b(?:mid|middle\s+of)[\s-]+(?P<year>(?:19|20)\d\d)\b", re.IGNORECASE)
_ORDINAL_WORDS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
    sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth
    twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first
"""
_DAYS = {word: n for n, word in enumerate(_ORDINAL_WORDS.split(), 1)}
_DAY = "|".join(sorted(_DAYS, key=len, reverse=True))
_SPELLED_DAY = re.compile(
    rf"\b(?:(?P<day>{_DAY})(?:\s+day)?\s+(?:of\s+)?(?P<name>{MONTH_NAMES})"
    rf"|(?P<name2>{MONTH_NAMES})\s+(?:the\s+)?(?P<day2>{_DAY}))\b(?:,?\s+(?P<year>(?:19|20)\d\d)\b)?",
    re.IGNORECASE,
)
_HOLIDAYS = (("new year's day", 1, 1), ("new year's eve", 12, 31), ("christmas day", 12, 25), ("christmas eve", 12, 24))
_HOURS = {word: n for word, n in SMALL.items() if 1 <= n <= 12}
_HOUR = rf"(?P<hour>\d{{1,2}}|{'|'.join(sorted(_HOURS, key=len, reverse=True))})"
_OCLOCK = re.compile(
    rf"\b(?:(?P<shift>half|quarter|\d{{1,2}}|five|ten|twenty|twenty-five)(?:\s+minutes)?\s+(?P<way>past|to)\s+)?{_HOUR}\b"
    r"(?P<clock>\s*o['’]?\s?clock|\s*[ap]\.?m\b)?",
    re.IGNORECASE,
)
_SHIFTS = {"half": 30, "quarter": 15, "five": 5, "ten": 10, "twenty": 20, "twenty-five": 25}
_NAMED_TIMES = {"noon": (720,), "midday": (720,), "midnight": (0,)}


@lru_cache(KEPT)
def dates_in_words(text: str) -> tuple[Date, ...]:
    """Return the dates that words of `text` tell: both ends of a quarter, half or season and the months in it.

    >>> [(each.year, each.month, each.day) for each in dates_in_words("until the end of 2026")]
    [(2026, 12, 31)]
    """
    spelled = text.replace("’", "'")
    return (*_edges(spelled), *_parts(spelled), *_spelled_days(spelled), *_holidays(spelled))


@lru_cache(KEPT)
def minutes_in_words(text: str) -> frozenset[int]:
    """Return the times of day, in minutes since midnight, that words of `text` tell: `noon`, `half past two`."""
    found = {m for word, minutes in _NAMED_TIMES.items() if word in text.casefold() for m in minutes}
    for match in _OCLOCK.finditer(text):
        hour = int(match["hour"]) if match["hour"].isdigit() else _HOURS[match["hour"].lower()]
        if hour > 24 or not (match["shift"] or match["clock"]):
            continue
        shift = match["shift"].lower() if match["shift"] else "0"
        minutes = _SHIFTS[shift] if shift in _SHIFTS else int(shift)
        at = 60 * hour + (-minutes if (match["way"] or "").lower() == "to" else minutes)
        found |= {at % 1440, (at + 720) % 1440}
    return frozenset(found)


def _edges(text: str) -> Iterator[Date]:
    for match in _EDGE.finditer(text):
        year = int(match["year"]) if match["year"] else None
        if year is None and match["name"] is None:
            continue
        first = match["edge"].lower() in _FIRST
        month = month_of(match["name"]) if match["name"] else 1 if first else 12
        yield _edge(year, month, first, match)
    for match in _WHOLE.finditer(text):
        for first in (True, False):
            month = month_of(match["name"]) if match["name"] else 1 if first else 12
            yield _edge(int(match["year"]), month, first, match)
    for match in _LATE.finditer(text):
        yield Date(int(match["year"]), 12, 31, *match.span())


def _edge(year: int | None, month: int, first: bool, match: re.Match[str]) -> Date:
    # Without the year, February may have 29 days; a claim with the 28th is then left to the other readings.
    return Date(year, month, 1 if first else monthrange(year or 2024, month)[1], *match.span())


def _parts(text: str) -> Iterator[Date]:
    for match in _PART.finditer(text):
        year = int(match["year"] or match["year2"])
        letter = (match["part"] or match["letter"] or match["letter2"])[0].lower()
        said = (match["word"] or match["number"] or match["number2"]).lower()
        number = _PART_WORDS.get(said) or int(said[0])
        length = 3 if letter == "q" else 6
        number = min(number, 12 // length)
        yield from _months(year, range(length * (number - 1) + 1, length * number + 1), match)
    for match in _SEASON.finditer(text):
        first, last = _SEASONS[match["season"].lower()]
        yield from _months(int(match["year"]), range(first, last + 1), match)
    for match in _MID.finditer(text):
        yield from _months(int(match["year"]), range(5, 9), match)


def _months(year: int, months: range, match: re.Match[str]) -> Iterator[Date]:
    for n in months:
        yield Date(year + (n - 1) // 12, (n - 1) % 12 + 1, None, *match.span())
    last = (months[-1] - 1) % 12 + 1
    yield Date(year, (months[0] - 1) % 12 + 1, 1, *match.span())
    yield Date(year + (months[-1] - 1) // 12, last, monthrange(year, last)[1], *match.span())


def _spelled_days(text: str) -> Iterator[Date]:
    for match in _SPELLED_DAY.finditer(text):
        day = _DAYS[(match["day"] or match["day2"]).lower()]
        year = int(match["year"]) if match["year"] else None
        yield Date(year, month_of(match["name"] or match["name2"]), day, *match.span())


def _holidays(text: str) -> Iterator[Date]:
    folded = text.casefold()
    return (Date(None, month, day, 0, 0) for name, month, day in _HOLIDAYS if name in folded)
