"""Numbers in a text: digits with any separators, scales (`k`, `million`), fractions, and number words.

What a number means may be open: `1,500` is 1500 or 1.5. So a number has a set of readings, and two numbers agree if any
reading of one is a reading of the other: a check that fails a true sentence is worse than one that lets a model decide.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate

from nodes.checks.number_words import POWERS, SMALL, UNITS, Spelled, spelled_numbers

Values = frozenset[Fraction]

_SCALES = {
    **POWERS,
    "mio": 10**6,
    "mln": 10**6,
    "mn": 10**6,
    "bn": 10**9,
    "mrd": 10**9,
    "lakh": 10**5,
    "crore": 10**7,
}
_LETTERS = {"k": (1000, 1024), "m": (10**6, 1024**2), "b": (10**9,), "t": (10**12,)}  # or a unit: metres, bytes
_PARTS = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
_GLYPHS = {"½": Fraction(1, 2), "¼": Fraction(1, 4), "¾": Fraction(3, 4), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3)}
_SPACES = "\u00a0\u202f\u2009"
KEPT = 256
"""Texts whose numbers are kept: the claims of a draft cite the same passages again and again. A chosen value."""

_MOST_DIGITS = 40  # longer rows of digits are keys and hashes; converting them takes long

_DIGITS = re.compile(rf"\d{{1,3}}(?:[ {_SPACES}]\d{{3}})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,'’{_SPACES}]\d+)*")
_SCALE = re.compile(rf"[\s-]?({'|'.join(_SCALES)}|[kmbt])s?(?![\w])", re.IGNORECASE)
_VAGUE_CHARS = 20
_LARGEST_SHARED = 20
_REST = re.compile(r"[\s-]and[\s-](?=[a-z])|[ -](?=\d/\d)| ?(?=[½¼¾⅓⅔])", re.IGNORECASE)
_PART_OF = re.compile(r"\s+of\b", re.IGNORECASE)
_SHARE_OF = rf"(?:{'|'.join(sorted(SMALL, key=len, reverse=True))}|\d{{1,7}})\b"
_SHARE = re.compile(
    rf"\b(?P<some>{_SHARE_OF})\s+(?:in|(?:out\s+)?of\s+every|out\s+of)\s+(?:every\s+)?(?P<of>{_SHARE_OF})(?![.,:]?\d)",
    re.IGNORECASE,
)
_VAGUE = re.compile(r"\b(?:several|few|many|some|couple of|couple)\s*\Z", re.IGNORECASE)
_FRACTION = re.compile(
    rf"\b(?:(?P<many>{'|'.join(UNITS)}|an?|\d+)[\s-]+)?(?P<part>{'|'.join(_PARTS)})s?\b"
    rf"(?!\s+an?\s+(?:{'|'.join(POWERS)}))|[{''.join(_GLYPHS)}]"
    r"|(?<![\d/.,])(?P<over>\d{1,9})/(?P<under>\d{1,9})(?![\d/])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Number:
    """A number and its place.

    `likely` are the readings to calculate with: `10,000` is ten thousand. `precise` is half of the last digit's place:
    what rounding to it may hide. A `share`, such as `one in five`, is a percentage.
    """

    values: Values
    likely: Values
    start: int
    end: int
    precise: Fraction = Fraction(1, 2)
    spelled: bool = False
    scaled: bool = False
    version: bool = False
    share: bool = False


def read_numbers(text: str) -> list[Number]:
    """Return the numbers of `text` in order; fractions (`two thirds`, `3/4`) are left out.

    >>> [sorted(map(float, number.values)) for number in read_numbers("Ten of 100,000 or 1.5 million")]
    [[10.0], [100.0, 100000.0], [1500000.0]]
    """
    digits = [_of_digits(match, text) for match in _DIGITS.finditer(text)]
    spelled = [
        _of_words(found)
        for found in spelled_numbers(text)
        if not _VAGUE.search(text[max(0, found.start - _VAGUE_CHARS) : found.start])
    ]
    shares = [share for match in _SHARE.finditer(text) if (share := _share(match))]
    fractions = [(start, end) for _, start, end in read_fractions(text)]
    scaled = [(number.start, number.end) for number in digits]  # `1.5 million` is one number
    whole = [*outside(digits, fractions), *outside(spelled, [*fractions, *scaled])]
    taken = [(number.start, number.end) for number in shares]
    free = [*shares, *_mixed(outside(whole, taken), text)]
    return sorted(free, key=lambda number: number.start)


def read_fractions(text: str) -> list[tuple[Fraction, int, int]]:
    """Return the fractions of `text`, such as `two thirds`, `3/4` and `½`, each with its start and end."""
    found = ((_fraction(match), *match.span()) for match in _FRACTION.finditer(text))
    return [(value, start, end) for value, start, end in found if value is not None]


def fraction_after(text: str, at: int) -> tuple[Fraction, int] | None:
    """Return the fraction that completes what ends at `at`, as in `a year and a half`, and its end."""
    match = _REST.match(text, at)
    part = _FRACTION.match(text, match.end()) if match else None
    fraction = _fraction(part) if part else None
    return (fraction, part.end()) if part and fraction and fraction < 1 else None


@lru_cache(KEPT)
def standing(text: str) -> Values:
    """Return every value that stands in `text` in any reading: within dates and names too, and fractions."""
    values = {value for match in _DIGITS.finditer(text) for value in _of_digits(match, text).values | _split(match[0])}
    values |= {value for found in spelled_numbers(text) for value in found.values}
    values |= {value for number in read_numbers(text) for value in number.values}  # mixed ones and shares
    values |= {value for fraction, *_ in read_fractions(text) for value in (fraction, 100 * fraction)}
    return frozenset(values)


def readings(digits: str) -> Values:
    """Return what a row of digits with separators can mean.

    >>> sorted(map(float, readings("1.234,5"))), sorted(map(float, readings("100 000")))
    ([1234.5], [100000.0])
    """
    plain = re.sub(rf"['’ {_SPACES}]", "", digits)
    marks = [char for char in plain if char in ".,"]
    if sum(map(str.isdigit, plain)) > _MOST_DIGITS:
        return frozenset()
    if not marks:
        return frozenset({Fraction(int(plain))})
    whole, _, rest = plain.rpartition(marks[-1])
    joined = Fraction(int(re.sub(r"[.,]", "", plain)))
    decimal = Fraction(f"{int(re.sub(r'[.,]', '', whole))}.{rest}")
    if len(set(marks)) == 2:
        return frozenset({decimal})
    if len(marks) > 1:
        return frozenset({joined})
    return frozenset({decimal, joined} if len(rest) == 3 and whole.strip("0") else {decimal})


def agree(some: Iterable[Fraction], others: Iterable[Fraction]) -> bool:
    """Return whether two numbers have a reading in common."""
    return not frozenset(some).isdisjoint(others)


def outside(numbers: list[Number], taken: list[tuple[int, int]]) -> list[Number]:
    """Return the numbers that overlap none of the spans `taken`, which may come in any order."""
    spans = sorted(taken)
    starts = [start for start, _ in spans]
    reached = [0, *accumulate((end for _, end in spans), max)]  # how far the first n spans reach
    return [number for number in numbers if reached[bisect_left(starts, number.end)] <= number.start]


def _of_digits(match: re.Match[str], text: str) -> Number:
    digits = match[0]
    values = readings(digits)
    scale = _SCALE.match(text, match.end())
    likely = frozenset({max(values)}) if values else values
    factors: tuple[int, ...] = (1,)
    if scale:
        factors = _LETTERS.get(scale[1].lower(), (_SCALES.get(scale[1].lower(), 1),))
        once = (1,) if scale[1].lower() in _LETTERS else ()
        values, likely = (
            frozenset(value * factor for value in each for factor in (*once, *factors)) for each in (values, likely)
        )
    groups = digits.split(".")
    version = len(groups) > 2 and "," not in digits and any(len(group) != 3 for group in groups[1:])
    places = 0 if len(values) > 1 or not re.search(r"[.,]", digits) else len(re.split(r"[.,]", digits)[-1])
    return Number(
        values,
        likely,
        match.start(),
        scale.end() if scale and scale[1].lower() not in _LETTERS else match.end(),
        precise=Fraction(factors[0] if len(values) == 1 else 1, 2 * 10**places),
        scaled=bool(scale),
        version=version,
    )


def _split(digits: str) -> Values:
    """Return the parts of what may be a list, as `1,2,3` or `5 100`."""
    parts = re.split(r"[, ]", digits)
    grouped = "," in digits and all(len(part) == 3 for part in parts[1:])
    return frozenset() if grouped else frozenset(value for part in parts for value in readings(part))


def _of_words(found: Spelled) -> Number:
    scaled = max(found.values) >= 100
    return Number(found.values, found.values, found.start, found.end, spelled=True, scaled=scaled)


def _share(match: re.Match[str]) -> Number | None:
    """Return `one in five` or `3 out of 4` as a percentage, unless the second number is no round one."""
    some, of = _small(match["some"]), _small(match["of"])
    if not 0 < some < of or (of > _LARGEST_SHARED and not re.fullmatch("10+", str(of))):
        return None
    value = frozenset({Fraction(100 * some, of)})
    return Number(value, value, *match.span(), precise=max(Fraction(1, 2), max(value) / 20), share=True)


def _small(said: str) -> int:
    return int(said) if said.isdigit() else SMALL[said.lower()]


def _mixed(numbers: list[Number], text: str) -> list[Number]:
    """Return `numbers`, those joined with the fraction that follows: `one and a half`, `2 1/2`, `3¾`."""
    found = []
    for number in numbers:
        rest = fraction_after(text, number.end)
        if rest and all(value.denominator == 1 for value in number.values):
            fraction, end = rest
            scale = _SCALE.match(text, end)
            factor = _SCALES.get(scale[1].lower(), 1) if scale else 1
            end = scale.end() if scale and factor > 1 else end
            likely = frozenset((value + fraction) * factor for value in number.likely)
            precise = Fraction(factor, 4 * fraction.denominator)
            # "60 and a half of the rest" are two: the number alone stays a reading.
            values = number.values | likely if _PART_OF.match(text, end) else likely
            number = Number(values, likely, number.start, end, precise, scaled=factor > 1)
        found.append(number)
    return found


def _fraction(match: re.Match[str]) -> Fraction | None:
    if match["over"]:
        return Fraction(int(match["over"]), int(match["under"])) if int(match["under"]) else None
    if not match["part"]:
        return _GLYPHS[match[0]]
    many = (match["many"] or "a").lower()
    count = int(many) if many.isdigit() else SMALL.get(many, 1)
    return Fraction(count, _PARTS[match["part"].lower()]) if count else None
