"""Numbers that a text spells out: `two hundred and five`, and where one ends and the next begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

_UNITS_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen
"""
UNITS = _UNITS_WORDS.split()
"""The words from zero to nineteen, in order."""

_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SMALL = {word: n for n, word in enumerate(UNITS)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
"""The words below a hundred, and their values."""

_LARGE = {"thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
POWERS = {"hundred": 100, **_LARGE, "dozen": 12}
"""The words that multiply what stands before them."""

SPELLED = frozenset(word[:6] for word in (*SMALL, *POWERS))
"""The number words, as `stems` has them."""

_WORDS = "|".join(sorted([*SMALL, *POWERS], key=len, reverse=True))  # "seventy" before "seven"
_JOINT = r"(?:\s*-\s*|\s+)"
_AND = rf"{_JOINT}(?:and\s+)?"
_BELOW_HUNDRED = rf"(?:(?:{'|'.join(_TENS)})(?:{_JOINT}(?:{'|'.join(UNITS[1:10])}))?|{'|'.join(reversed(UNITS))})\b"
_BELOW_THOUSAND = (
    rf"(?:(?:{_BELOW_HUNDRED}{_JOINT}|an?\s+)?(?:hundred\b(?:{_AND}{_BELOW_HUNDRED})?|dozen\b)|{_BELOW_HUNDRED})"
)


def _grammar() -> str:
    """Return the pattern of a number: groups below a thousand, each with a smaller power than the one before."""
    number = _BELOW_THOUSAND
    for power in _LARGE:
        number = rf"(?:(?:{_BELOW_THOUSAND}{_JOINT}|an?\s+)?{power}\b(?:{_AND}{number})?|{number})"
    return number


# "Four and sixteen" are two numbers, and so are "one hundred and two hundred": no power may follow what is taken.
_ENDS = rf"(?!{_JOINT}(?:hundred|dozen|{'|'.join(_LARGE)})\b)"
_BETWEEN = re.compile(r"\bbetween\s\Z", re.IGNORECASE)
_JOINED = re.compile(r"\s+and\s+", re.IGNORECASE)


@cache
def number_pattern() -> re.Pattern[str]:
    """Return the pattern of a number. It has 28 kB: it is compiled when it is first needed, in 50 ms."""
    return re.compile(
        rf"\b(?:(?P<century>{'|'.join([*UNITS[15:], 'twenty'])}){_JOINT}"
        rf"(?P<year>(?:{'|'.join(_TENS)})(?:-(?:{'|'.join(UNITS[1:10])}))?|{'|'.join(UNITS[10:])})\b{_ENDS}"
        rf"|(?:half\s+)?{_grammar()}{_ENDS})",
        re.IGNORECASE,
    )


@dataclass(frozen=True)
class Spelled:
    """A number in words and its place. `values` are several if it may be a year or two numbers: `twenty twenty`."""

    values: frozenset[Fraction]
    start: int
    end: int


def spelled_numbers(text: str) -> Iterator[Spelled]:
    """Yield the numbers that `text` spells out, in order.

    >>> [sorted(map(int, each.values)) for each in spelled_numbers("four and sixteen, two hundred and five thousand")]
    [[4], [16], [205000]]
    """
    at = 0
    while found := number_pattern().search(text, at):
        start, at = found.span()
        joints = list(_JOINED.finditer(text, start, at))
        # In "between one hundred and fifty" the "and" joins two numbers, with a second "and" the last one does.
        if joints and _BETWEEN.search(text, max(0, start - 9), start) and not _JOINED.match(text, at):
            at = joints[-1].start()
        yield Spelled(_values(text[start:at], found), start, at)


def _values(said: str, found: re.Match[str]) -> frozenset[Fraction]:
    if found["century"]:
        parts = [_value(found["century"]), _value(found["year"])]
        return frozenset({100 * parts[0] + parts[1], *parts})
    return frozenset({_value(said)})


def _value(said: str) -> Fraction:
    total, group = 0, 0
    found = re.findall(rf"half|{_WORDS}", said.lower())
    halved = found[0] == "half"
    for word in found[1:] if halved else found:
        if word in SMALL:
            group += SMALL[word]
        elif word in ("hundred", "dozen"):
            group = max(group, 1) * POWERS[word]
        else:
            total += max(group, 1) * POWERS[word]
            group = 0
    return Fraction(total + group, 2 if halved else 1)
