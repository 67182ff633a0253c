"""Numbers of a workbook as a person sees them: percentages, dates, times and durations by their format code.

Other numbers are shown without the noise of binary fractions and without the separators of their format, as a search
for them is written.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from openpyxl.styles.numbers import is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

_ASIDE = re.compile(r"\[(?!h+\]|m+\]|s+\])[^\]]*\]|[_*].", re.IGNORECASE)
"""Colours and locales in square brackets, and the widths and fillers of cells."""
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|(AM/PM|A/P|\[?h+\]?|\[?m+\]?|\[?s+\]?|y+|d+|\.0+)|(.)', re.IGNORECASE)
_PERCENT = re.compile(r"[0#?](?:\.([0#?]+))?\s*%")
_QUOTED = re.compile(r'"[^"]*"|\\.')
_DIGITS = ".11g"  # as many as a cell of the format General shows
_LOCAL_DATES = {14: "yyyy-mm-dd", 22: "yyyy-mm-dd hh:mm"}
"""Built-in formats whose order of day and month depends on the reader's country."""


def format_of(number: int, code: str | None) -> str:
    """Return the format code to use for the format `number` of a workbook."""
    return _LOCAL_DATES.get(number, code or "General")


def shown(value: float, code: str, *, since_1904: bool = False) -> str:
    """Return a number in the format `code`."""
    if is_date_format(code) and (value >= 0 or is_timedelta_format(code)):
        epoch = CALENDAR_MAC_1904 if since_1904 else CALENDAR_WINDOWS_1900
        try:
            moment = from_excel(value, epoch, timedelta=is_timedelta_format(code))
        except (OverflowError, ValueError):  # a number of days beyond the year 9999
            return _plain(value)
        return _moment(moment, _ASIDE.sub("", code.split(";")[0])) if moment is not None else _plain(value)
    percent = _PERCENT.search(_QUOTED.sub("", _ASIDE.sub("", code.split(";")[0])))
    return f"{100 * value:.{len(percent[1] or '')}f}%" if percent else _plain(value)


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(value, _DIGITS)


def _moment(moment: datetime | date | time | timedelta, code: str) -> str:
    tokens = [match.groups() for match in _TOKEN.finditer(code)]
    units = [(unit or "").lower().strip("[]") for _, _, unit, _ in tokens]
    half_day = any(unit in ("am/pm", "a/p") for unit in units)
    found = []
    for at, (quoted, escaped, unit, other) in enumerate(tokens):
        if unit is None:
            found.append(next(each for each in (quoted, escaped, other) if each is not None))
        else:
            found.append(_unit(moment, unit.lower(), _is_minutes(units, at), half_day))
    return "".join(found).strip()


def _is_minutes(units: list[str], at: int) -> bool:
    """Return whether `m` stands for minutes: after hours or before seconds."""
    before = next((unit for unit in reversed(units[:at]) if unit), "")
    after = next((unit for unit in units[at + 1 :] if unit), "")
    return before.startswith("h") or after.startswith("s")


def _unit(moment: datetime | date | time | timedelta, unit: str, is_minutes: bool, half_day: bool) -> str:
    width, letter = len(unit.strip("[]")), unit.strip("[]")[0]
    if isinstance(moment, timedelta):
        seconds = round(moment.total_seconds())
        whole = {"h": seconds // 3600, "m": seconds // 60, "s": seconds}
        part = {"h": seconds // 3600, "m": seconds // 60 % 60, "s": seconds % 60}
        return f"{(whole if '[' in unit else part).get(letter, 0):0{min(width, 2)}d}" if letter in whole else ""
    at = moment if isinstance(moment, datetime) else _as_datetime(moment)
    if letter == "m" and is_minutes:
        return f"{at.minute:0{width}d}"
    if letter == "h":
        return f"{(at.hour % 12 or 12) if half_day else at.hour:0{width}d}"
    named = {
        "y": f"{at.year:04d}" if width > 2 else f"{at.year % 100:02d}",
        "m": (str(at.month), f"{at.month:02d}", f"{at:%b}", f"{at:%B}", f"{at:%b}"[:1])[min(width, 5) - 1],
        "d": (str(at.day), f"{at.day:02d}", f"{at:%a}", f"{at:%A}")[min(width, 4) - 1],
        "s": f"{at.second:0{width}d}",
        "a": f"{at:%p}"[:width],
        ".": f".{at.microsecond // 1000:03d}"[:width],
    }
    return named[letter]


def _as_datetime(moment: date | time) -> datetime:
    if isinstance(moment, time):
        return datetime.combine(date(1900, 1, 1), moment)
    return datetime.combine(moment, time())
