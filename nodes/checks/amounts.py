"""Whether the numbers, units and rates of a claim can come from its evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from nodes.checks.aligned import aligned
from nodes.checks.arithmetic import aged, converted, counted, derived, gathered, multiplied
from nodes.checks.dates import is_relative, read_dates
from nodes.checks.implied import compounds, implied, told
from nodes.checks.number_words import SPELLED
from nodes.checks.numbers import Values, agree, standing
from nodes.checks.polarity import conditions
from nodes.checks.quantities import Quantity, placed_quantities, read_quantities, rounds_to
from nodes.checks.units import conversions, is_unit, same_kind
from nodes.checks.words import in_english, shared, stems

_DECADE = re.compile(r"\b((?:1[5-9]|20)\d)0['’]?s\b")
_YEARS = (1500, 2100)
_HEDGED = Fraction(1, 10)  # "about 60" may be 64
_SCALED = Fraction(4, 100)  # "1.5 k" may be 1,482
_FEWEST_STEMS = 3
# What a claim says of "it" or "the former" may be another thing than a sentence in the same words speaks of.
_POINTS = re.compile(
    r"\b(?:it|its|itself|he|she|they|their|theirs|them|this|these|those|such|both|here|there|then|each|either|others?"
    r"|another|same|former|latter|respectively|ones)\b",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_OF_TIME = re.compile(r"\b(?:in|since|from|until|till|by|before|after|during|through)\s+\Z", re.IGNORECASE)
_INFLECTED = 4  # letters from which on one stem may be the beginning of another: `allow` and `allowe`
_SAME_SENTENCE = 0.6  # share of the claim's stems that a sentence must have, for a small count in it to be the same one


@dataclass(frozen=True)
class Evidence:
    """What a claim may take a number from.

    Args:
        quotes: the quotes that may carry the claim, each with the sentence before it.
        passages: the cited passages, each with its title and headings.
        known: what the reader knows already: the question, and the text before the claim.
    """

    quotes: tuple[str, ...]
    passages: tuple[str, ...]
    known: tuple[str, ...] = ()

    @cached_property
    def stands(self) -> Values:
        """Every value in the passages and in what the reader knows."""
        return frozenset(value for text in (*self.passages, *self.known) for value in standing(text))

    @cached_property
    def quantities(self) -> list[tuple[Quantity, ...]]:
        """The quantities of each passage."""
        return [read_quantities(text) for text in self.passages]

    @cached_property
    def told(self) -> list[Quantity]:
        """The quantities of the passages and of what the reader knows, with those that words such as `daily` imply."""
        return [each for text in (*self.passages, *self.known) for each in told(text)]

    @cached_property
    def quoted(self) -> list[tuple[Quantity, ...]]:
        """The quantities of each quote."""
        return [read_quantities(text) for text in self.quotes]

    @cached_property
    def bases(self) -> list[Quantity]:
        """The quantities of the quotes, then those that the reader knows: what arithmetic may begin with."""
        texts = (*self.quotes, *self.known)
        return list(dict.fromkeys(each for text in texts for each in (*read_quantities(text), *_years(text))))

    @cached_property
    def years(self) -> list[int]:
        """The years among them."""
        first, last = _YEARS
        values = {value for each in self.bases if not each.unit for value in each.likely}
        return sorted(int(value) for value in values if value.denominator == 1 and first <= value <= last)


def wrong_number(claim: str, evidence: Evidence) -> bool | None:
    """Return `True` if a number of `claim` contradicts the evidence, `None` if it is merely foreign, else `False`.

    A number is wrong only if it stands in no cited passage, is not given by rounding, conversion or arithmetic, and the
    passages are in English, whose number words are known.
    """
    if not all(map(in_english, evidence.passages)):
        return False
    foreign = [quantity for quantity in _stated(claim, evidence) if _is_foreign(quantity, claim, evidence)]
    if foreign or _foreign_decade(claim, evidence):
        return True if any(_rival(quantity, claim, evidence) for quantity in foreign) else None
    return False


def exchanged_number(claim: str, evidence: Evidence, passages: Sequence[Sequence[str]]) -> bool:
    """Return whether a sentence of `passages` says what `claim` says, of the same things in another number.

    The claim's number may stand elsewhere: "the standard tier allows 6,000 requests" is wrong where the sentence on the
    standard tier says 600, though the one on the enterprise tier says 6,000. Only where the sentence says nothing more:
    "the limit is 6,000" may be said of another limit than "the limit of the free tier is 600", "since May it is 6,000"
    of another time, and two passages may disagree.
    """
    if _POINTS.search(claim):
        return False
    alike = [(text, n) for n, sentences in enumerate(passages) for text in sentences if _says_the_same(claim, text)]
    if not alike:
        return False
    same = tuple(text for text, _ in alike)
    near = Evidence(same, same, evidence.known)
    quantities = _stated(claim, near)
    for quantity in quantities:
        others = [each for each in quantities if each is not quantity]
        # A claim that has the sentence's number, too, joins it to one from elsewhere; one with two numbers that the
        # sentence lacks may speak of another time or case: "5 euros under 18", not "4 euros under 12".
        joins = any(each.about_the_same(quantity) or not agree(each.values, near.stands) for each in others)
        rivals = {n for text, n in alike if any(map(quantity.about_the_same, read_quantities(text)))}
        if joins or quantity.bound or quantity.counts or not rivals:
            continue
        if agree(quantity.values, near.stands) or _follows(quantity, claim, near, others):
            continue
        if not _stands_elsewhere(quantity, claim, passages, rivals):
            return True
    return False


def _says_the_same(claim: str, sentence: str) -> bool:
    """Whether `sentence` says all that `claim` does and, but for what it measures and counts, nothing more.

    At the same time, under the same conditions, and of the same version.
    """
    said = _about(claim)
    if len(said) < _FEWEST_STEMS or not said <= (about := _about(sentence)):
        return False
    if conditions(claim) != conditions(sentence) or _names(claim) != _names(sentence):
        return False
    counted_things = {noun for each in read_quantities(sentence) for noun in each.nouns}
    return all(stem in counted_things or is_unit(stem) for stem in about - said)


def _names(text: str) -> set[str]:
    """Return the numbers of `text` that measure and count nothing: those of dates, years, versions and names."""
    amounts = {at for at, each in placed_quantities(text) if each.unit or each.rate or each.nouns}
    return {
        match[0]
        for match in _DIGITS.finditer(text)
        if match.start() not in amounts or (match.start() and _OF_TIME.search(text[: match.start()]))
    }


def _stands_elsewhere(quantity: Quantity, claim: str, passages: Sequence[Sequence[str]], rivals: set[int]) -> bool:
    """Whether another sentence has the number and may say the claim: with all its words, or of "it".

    In a passage that has no sentence against the claim, with one of its words: there the sources may disagree.
    """
    said = _about(claim)
    for n, sentences in enumerate(passages):
        for text in sentences:
            if not any(agree(quantity.values, each.values) for each in read_quantities(text)):
                continue
            about = _about(text)
            found = {stem for stem in said if any(_inflects(stem, other) for other in about)}
            if found == said or _POINTS.search(text) or (n not in rivals and found - quantity.nouns):
                return True
    return False


def _inflects(stem: str, other: str) -> bool:
    shorter, longer = sorted((stem, other), key=len)
    return stem == other or (len(shorter) >= _INFLECTED and longer.startswith(shorter))


def _about(text: str) -> set[str]:
    """Return the stems of `text` without its numbers."""
    return {stem for stem in stems(text) if not any(map(str.isdigit, stem)) and stem not in SPELLED}


def _stated(claim: str, evidence: Evidence) -> list[Quantity]:
    """Return the quantities of `claim` without the parts of what the evidence has, too, in two units: `1 h 30 min`."""
    whole = [(start, end) for start, end, total in compounds(claim) if _restated(total, evidence.told)]
    placed = placed_quantities(claim)
    return [quantity for at, quantity in placed if not any(start <= at < end for start, end in whole)]


def _restated(quantity: Quantity, others: Iterable[Quantity]) -> bool:
    """Whether one of `others` is the same, in its unit or in another one."""
    same = (each for each in others if each.unit == quantity.unit and each.rate == quantity.rate)
    return any(agree(quantity.values, each.values) for each in same) or converted(quantity, others)


def wrong_unit(claim: str, evidence: Evidence) -> bool:
    """Return whether a number of `claim` stands in the passages, but always with another unit or at another rate."""
    known = [quantity for passage in evidence.quantities for quantity in passage]
    for quantity in read_quantities(claim):
        same = [each for each in known if agree(each.values, quantity.values)]
        if not same or agree(quantity.values, _known_values(evidence)) or _restated(quantity, evidence.told):
            continue
        if quantity.unit and all(each.unit != quantity.unit and same_kind(each.unit, quantity.unit) for each in same):
            return True
        if quantity.rate and all(each.rate and each.rate != quantity.rate for each in same):
            return True
    return False


def _is_foreign(quantity: Quantity, claim: str, evidence: Evidence) -> bool:
    if quantity.literal:
        return not any(quantity.literal in text for text in (*evidence.passages, *evidence.known))
    if agree(quantity.values, evidence.stands) or _may_be_relative(quantity, evidence):
        return False
    if _follows(quantity, claim, evidence):
        return False
    if quantity.counts:
        return _miscounted(quantity, claim, evidence)
    # A number with a unit measures: it is no count of what a passage lists.
    return bool(quantity.unit) or not any(agree(quantity.values, counted(text)) for text in evidence.passages)


def _follows(quantity: Quantity, claim: str, evidence: Evidence, others: Sequence[Quantity] = ()) -> bool:
    """Whether a number that does not stand there follows by conversion, rounding or arithmetic, also with `others`."""
    return (
        _restated(quantity, evidence.told)
        or _rounded(quantity, evidence)
        or gathered(quantity, evidence.quantities)
        or derived(quantity, claim, [*evidence.bases, *others])
        or multiplied(quantity, claim, evidence.quotes, evidence.bases)
        or aged(quantity, claim, evidence.years)
    )


def _miscounted(quantity: Quantity, claim: str, evidence: Evidence) -> bool:
    """Whether a quote that says nearly the same counts the same things, and otherwise."""
    said = set(stems(claim))
    return any(
        shared(said, set(stems(text))) >= _SAME_SENTENCE and any(quantity.nouns & other.nouns for other in quantities)
        for text, quantities in zip(evidence.quotes, evidence.quoted, strict=True)
    )


def _rounded(quantity: Quantity, evidence: Evidence) -> bool:
    """Whether the claim gives a quoted number less exactly: rounded, hedged, or as a bound."""
    near = _HEDGED if quantity.bound == "about" else _SCALED if quantity.scaled else Fraction(0)
    for value in (value for base in _near_bases(evidence) for value in _as_unit(base, quantity.unit)):
        if (near or value.denominator > 1 or quantity.share) and rounds_to(value, quantity, near):
            return True
        if _limits(quantity, value):
            return True
    return False


def _near_bases(evidence: Evidence) -> Iterable[Quantity]:
    return (*evidence.bases, *(each for text in evidence.quotes for each in implied(text)))


def _as_unit(base: Quantity, unit: str) -> Iterator[Fraction]:
    """Yield the readings of `base`, in `unit` where both are units of one kind."""
    if same_kind(base.unit, unit) and base.unit != unit:
        yield from (each for value in base.likely for each in conversions(value, base.unit, unit))
    yield from base.likely


def _limits(quantity: Quantity, value: Fraction) -> bool:
    """Whether `value` is within what the claim says with `at most`, `over` or `under`."""
    if quantity.bound == "limit":  # "fewer than 100" is "at most 99"
        return not quantity.unit and any(abs(value - shown) == 1 for shown in quantity.values)
    if quantity.bound == "over":
        return any(shown <= value for shown in quantity.values)
    return quantity.bound == "under" and any(value <= shown for shown in quantity.values)


def _rival(quantity: Quantity, claim: str, evidence: Evidence) -> bool:
    """Whether a quote says the claim with another number of the same."""
    return any(
        any(map(quantity.about_the_same, quoted)) and aligned(claim, text)
        for text, quoted in zip(evidence.quotes, evidence.quoted, strict=True)
    )


def _may_be_relative(quantity: Quantity, evidence: Evidence) -> bool:
    """Whether the claim may have worked out a year from words such as `last year`."""
    first, last = _YEARS
    year = any(value.denominator == 1 and first <= value <= last for value in quantity.values)
    return year and not quantity.unit and any(map(is_relative, evidence.quotes))


def _years(text: str) -> list[Quantity]:
    """Return the years of the dates in `text`, from which a claim may count."""
    years = [each.year for each in read_dates(text) if each.year is not None]
    values = (frozenset({Fraction(year)}) for year in years)
    return [Quantity(value, value, Fraction(1, 2)) for value in values]


def _foreign_decade(claim: str, evidence: Evidence) -> bool:
    decades = [int(found) * 10 for found in _DECADE.findall(claim)]
    return any(all(Fraction(first + n) not in evidence.stands for n in range(10)) for first in decades)


def _known_values(evidence: Evidence) -> Values:
    return frozenset(value for text in evidence.known for value in standing(text))
