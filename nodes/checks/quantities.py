"""Quantities: numbers with what they count, their unit, their rate and how exactly they are meant."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from nodes.checks.dates import without_dates
from nodes.checks.numbers import KEPT, Number, Values, read_numbers
from nodes.checks.units import rate_after, unit_after, unit_before
from nodes.checks.words import FUNCTION_WORDS, stem_of

# What a writer numbers itself, or takes from a document's structure rather than from its text.
_LABEL = re.compile(
    r"\b(?:step|section|chapter|part|phase|pages?|figure|fig|table|appendix|option|point|item|example|footnote|note"
    r"|question|answer|stage)\.?\s*#?\s*\Z",
    re.IGNORECASE,
)
_MOST_LABEL = 99
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b|\.\s+(?=[a-zäöü])", re.IGNORECASE)
_TIMES = re.compile(r"(?:\s*-?\s*(?:times|fold)\b|\s?[x×](?![^\W_]))", re.IGNORECASE)
_CENTURY = re.compile(r"(?<!\d)(1[5-9]|20)\d{2}\s?[-–/]\s?\Z")  # `2018–19`
_IN_NAME = re.compile(r"[^\W\d]-?\Z")
_GOES_ON = re.compile(r"[^\W\d_]|-[^\W_]*\d")
_METRES = re.compile(r"\s?m\b")
_DECADE = re.compile(r"['’]?s\b")
_NOUN = re.compile(r"[\s-]+([^\W\d_][\w'’]*)")
_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+|\b[\w.+-]+@[\w-]+\.[\w.]+", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:about|around|approximately|approx\.?|roughly|nearly|almost|circa|ca\.?|some|close to|in the order of|~|≈|just"
    r"|barely|slightly|well)\s*(?:the\s+|a\s+)?\Z",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"(?:over|above|exceed(?:s|ed|ing)?|more than|greater than|larger than|higher than|longer than|beyond|>)\s*\Z",
    re.IGNORECASE,
)
_UNDER = re.compile(
    r"(?:under|below|less than|fewer than|lower than|smaller than|shorter than|well within|<)\s*\Z", re.IGNORECASE
)
# "Up to 60" is a limit that a source must name; "below 60" may be said of whatever is less.
_LIMIT = re.compile(
    r"(?:up to|at most|at least|within|no more than|not more than|a minimum of|a maximum of|max\.?|until|[<>]=|[≤≥])"
    r"\s*\Z",
    re.IGNORECASE,
)
# Two quantities with one rate: "60 requests and 100,000 characters a minute".
_JOINED = re.compile(r"[ -]*(?:[\w%]+ ){0,3}(?:and|or|und|et|y) (?:up to |about )?", re.IGNORECASE)
_VERB_WORDS = "allows applies comes costs makes needs pays remains takes uses"
_VERBS = frozenset(map(stem_of, _VERB_WORDS.split()))
_COUNT_UP_TO = 20


@dataclass(frozen=True)
class Quantity:
    """A number and what belongs to it; `nouns` are stems of the words that follow."""

    values: Values
    likely: Values
    precise: Fraction
    unit: str = ""
    rate: str = ""
    nouns: frozenset[str] = frozenset()
    bound: str = ""
    spelled: bool = False
    scaled: bool = False
    times: bool = False
    share: bool = False
    literal: str = ""

    @property
    def counts(self) -> bool:
        """Whether it may be the writer's own count of things: a small whole number without a unit."""
        small = all(value.denominator == 1 and value <= _COUNT_UP_TO for value in self.values)
        return small and not self.unit and not self.rate

    def about_the_same(self, other: Quantity) -> bool:
        """Return whether the other one measures or counts the same kind of thing."""
        return bool(self.nouns & other.nouns) or (bool(self.unit) and self.unit == other.unit)


@lru_cache(KEPT)
def read_quantities(text: str) -> tuple[Quantity, ...]:
    """Return the quantities of `text` in order. Dates, times, ordinals, labels and numbers within names are left out.

    >>> [(q.unit, q.rate, sorted(q.nouns)) for q in read_quantities("60 requests a minute for $5 in step 2 of GPT-4")]
    [('', 'minute', ['reques']), ('usd', '', [])]
    """
    return tuple(quantity for _, quantity in placed_quantities(text))


def placed_quantities(text: str) -> tuple[tuple[int, Quantity], ...]:
    """Return the quantities of `text`, each with the place where it begins."""
    bare = _ADDRESS.sub(lambda found: " " * len(found[0]), without_dates(text))
    found: list[tuple[int, Quantity]] = []
    following: tuple[Number, Quantity] | None = None
    for number in reversed(read_numbers(bare)):
        quantity = _quantity(bare, number)
        if quantity is None:
            continue
        if following and not quantity.rate and _JOINED.fullmatch(bare, number.end, following[0].start):
            quantity = replace(quantity, rate=following[1].rate)
        found.append((number.start, quantity))
        following = (number, quantity)
    return tuple(reversed(found))


def _quantity(text: str, number: Number) -> Quantity | None:
    before, after = text[max(0, number.start - 30) : number.start], text[number.end : number.end + 80]
    if number.version:
        return Quantity(number.values, number.likely, number.precise, literal=text[number.start : number.end])
    if _is_one(number):
        return None
    unit, end = unit_after(text, number.end)
    if not number.spelled and _no_amount(before, after, number, unit):
        return None
    prefix = unit_before(text, number.start)
    if not unit and not prefix and number.scaled and _METRES.match(after):
        unit = "metre"  # or millions: the values are those of both
    century = _CENTURY.search(before) if len(text[number.start : number.end]) == 2 else None
    years = frozenset(value + 100 * int(century[1]) for value in number.values) if century else frozenset()
    return Quantity(
        number.values | years,
        number.likely,
        number.precise,
        unit="percent" if number.share else unit or prefix,
        rate=rate_after(text, end),
        nouns=_nouns(text, end),
        bound=_bound(before.removesuffix("$").removesuffix("€")),
        spelled=number.spelled,
        scaled=number.scaled,
        times=bool(_TIMES.match(after)),
        share=number.share,
    )


def _is_one(number: Number) -> bool:
    """Whether it is the word "one", which is a pronoun more often than a number."""
    return number.spelled and number.values == {Fraction(1)}


def _no_amount(before: str, after: str, number: Number, unit: str) -> bool:
    """Whether the digits are an ordinal, a label, a decade, or part of a name such as `GPT-4` or `23ai`."""
    whole = all(value.denominator == 1 and value <= _MOST_LABEL for value in number.values)
    labelled = whole and _LABEL.search(before) is not None
    named = _IN_NAME.search(before) is not None or (not unit and _GOES_ON.match(after) is not None)
    in_name = named and not _TIMES.match(after) and not number.scaled
    return labelled or in_name or bool(_ORDINAL.match(after)) or bool(_DECADE.match(after))


def _nouns(text: str, at: int) -> frozenset[str]:
    """Return the stems of the two words that follow, up to punctuation or a function word."""
    found: list[str] = []
    while len(found) < 2 and (match := _NOUN.match(text, at)):
        word = match[1].casefold()
        if stem_of(word) in _VERBS or (word in FUNCTION_WORDS and word != "of"):
            break
        if word != "of":
            found.append(stem_of(word))
        at = match.end()
    return frozenset(found)


def _bound(before: str) -> str:
    for name, pattern in (("limit", _LIMIT), ("over", _OVER), ("under", _UNDER), ("about", _ABOUT)):
        if pattern.search(before):
            return name
    return ""


def rounds_to(exact: Fraction, shown: Quantity, slack: Fraction = Fraction(0)) -> bool:
    """Return whether `exact`, rounded as far as `shown` shows digits, is `shown`; `slack` is a further share of it."""
    allowed = max(shown.precise, slack * abs(exact))
    return any(abs(exact - value) <= allowed for value in shown.values)
