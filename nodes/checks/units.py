"""Units of measure, money and time, and how values convert between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

_TABLE = """
time | ns 1/1000000000 | nanosecond nanoseconds ns
time | us 1/1000000 | microsecond microseconds µs μs
time | ms 1/1000 | millisecond milliseconds ms msec
time | second 1 | second seconds sec secs s
time | minute 60 | minute minutes min mins
time | hour 3600 | hour hours hr hrs h
time | day 86400 | day days
time | week 604800 | week weeks
time | month 2629746 | month months
time | year 31556952 | year years yr yrs annum
data | bit 1/8 | bit bits
data | kbit 125 | kbit kbits kilobit kilobits
data | mbit 125000 | mbit mbits megabit megabits
data | gbit 125000000 | gbit gbits gigabit gigabits
data | byte 1 | byte bytes
data | kb 1000 | kb kib kilobyte kilobytes kbyte kbytes
data | mb 1000000 | mb mib megabyte megabytes mbyte mbytes
data | gb 1000000000 | gb gib gigabyte gigabytes gbyte gbytes
data | tb 1000000000000 | tb tib terabyte terabytes
data | pb 1000000000000000 | pb pib petabyte petabytes
part | percent 1 | percent percents pct % percentage
money | usd 1 | dollar dollars usd us$ $
money | cent 1/100 | cent cents ¢
money | eur 1 | euro euros eur €
money | gbp 1 | gbp £ sterling
money | jpy 1 | jpy yen ¥
money | chf 1 | chf
length | mm 1/1000 | mm millimetre millimetres millimeter millimeters
length | cm 1/100 | cm centimetre centimetres centimeter centimeters
length | metre 1 | metre metres meter meters
length | km 1000 | km kilometre kilometres kilometer kilometers
length | inch 254/10000 | inch inches
length | foot 3048/10000 | foot feet ft
length | mile 1609344/1000 | mile miles mi
mass | mg 1/1000 | mg milligram milligrams
mass | gram 1 | gram grams g
mass | kg 1000 | kg kilogram kilograms kilo kilos
mass | pound 45359237/100000 | pound pounds lb lbs
mass | ounce 28349523125/1000000000 | ounce ounces oz
mass | ton 1000000 | tonne tonnes ton tons
volume | ml 1/1000 | ml millilitre millilitres milliliter milliliters
volume | litre 1 | litre litres liter liters l
heat | celsius 1 | °c celsius
heat | fahrenheit 1 | °f fahrenheit
"""
_CLASS: dict[str, str] = {}
_FACTOR: dict[str, Fraction] = {}
_NAMES: dict[str, str] = {}
for _line in _TABLE.strip().splitlines():
    _kind, _unit, _names = (part.strip() for part in _line.split("|"))
    _name, _factor = _unit.split()
    _CLASS[_name], _FACTOR[_name] = _kind, Fraction(_factor)
    _NAMES.update(dict.fromkeys(_names.split(), _name))

_STEMS = {name.removesuffix("s")[:6] for name in _NAMES} | {"hourly", "daily", "weekly", "monthl", "yearly", "annual"}

_MONEY = r"us\$|usd|eur|gbp|jpy|chf|[$€£¥]"
_PREFIX = re.compile(rf"(?:(?<!\w)({_MONEY})|([$€£¥]))\s?\Z", re.IGNORECASE)
_SUFFIX = re.compile(
    r"[\s-]?(%|°\s?[cf]|us\$|[$€£¥¢]|(?:us\s+)?(?:"
    + "|".join(sorted((name for name in _NAMES if name.isalpha()), key=len, reverse=True))
    + r")|per\s+cent)(?![^\W_])",
    re.IGNORECASE,
)
_TIMES = "second|minute|hour|day|week|month|quarter|year"
_RATE = re.compile(
    rf"(?:\s*[\w'-]+(?<!per)){{0,3}}?\s*(?:\b(?:per|an?|each|every)\s+|/\s?)(?P<time>{_TIMES}|min|sec|hr|s|h)\b"
    rf"|(?:\s*[\w'-]+){{0,3}}?\s*\b(?P<adverb>hourly|daily|weekly|monthly|yearly|annually|annual)\b",
    re.IGNORECASE,
)
_ADVERBS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month"}
_LOOSE = Fraction(4, 100)  # months and years differ in length, and 1,024 is called a thousand


def unit_before(text: str, at: int) -> str:
    """Return the currency that stands right before `at`, empty if there is none."""
    found = _PREFIX.search(text, max(0, at - 5), at)
    return _NAMES[(found[1] or found[2]).lower()] if found else ""


def unit_after(text: str, at: int) -> tuple[str, int]:
    """Return the unit that follows `at` and where it ends, or an empty name and `at`."""
    found = _SUFFIX.match(text, at)
    if not found:
        return "", at
    name = re.sub(r"^us\s+", "", found[1].lower())
    name = "percent" if name.startswith("per") else re.sub(r"\s", "", name)
    return _NAMES[name], found.end()


def rate_after(text: str, at: int) -> str:
    """Return the time unit of a rate that follows: `minute` for `requests a minute`; empty if there is none."""
    found = _RATE.match(text, at)
    if not found:
        return ""
    name = found["time"].lower() if found["time"] else _ADVERBS.get(found["adverb"].lower(), "year")
    return _NAMES.get(name, name)


def same_kind(unit: str, other: str) -> bool:
    """Return whether the two units measure the same: only then does a difference of unit mean something."""
    return bool(unit) and bool(other) and _CLASS.get(unit, unit) == _CLASS.get(other, other)


def is_unit(word: str) -> bool:
    """Return whether `word`, or what its first six letters stand for, is the name of a unit."""
    return word in _STEMS


def is_money(unit: str) -> bool:
    """Return whether `unit` is a currency."""
    return _CLASS.get(unit) == "money"


def conversions(value: Fraction, unit: str, other: str) -> Iterator[Fraction]:
    """Yield `value` of `unit` in `other`. Currencies do not convert, except cents."""
    if not same_kind(unit, other) or unit == other:
        return
    if _CLASS[unit] == "heat":
        yield value * 9 / 5 + 32 if unit == "celsius" else (value - 32) * 5 / 9
        return
    if _CLASS[unit] == "money" and "cent" not in (unit, other):
        return
    yield value * _FACTOR[unit] / _FACTOR[other]


def converts(value: Fraction, unit: str, wanted: Fraction, other: str) -> bool:
    """Return whether `value` of `unit` is about `wanted` of `other`."""
    return any(near(each, wanted) for each in conversions(value, unit, other))


def rate_converts(value: Fraction, rate: str, wanted: Fraction, other: str) -> bool:
    """Return whether `value` per `rate` is about `wanted` per `other`."""
    if not (rate in _FACTOR and other in _FACTOR) or rate == other:
        return False
    return near(value * _FACTOR[other] / _FACTOR[rate], wanted)


def near(value: Fraction, wanted: Fraction) -> bool:
    """Return whether the two differ by no more than rounding and conversion do."""
    return abs(value - wanted) <= max(_LOOSE * abs(value), Fraction(1, 2) if wanted >= 10 else 0)
