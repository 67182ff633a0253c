"""Whether a number can be worked out from those of the evidence: a model may add, compare and convert what it reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, permutations

from nodes.checks.quantities import Quantity, rounds_to
from nodes.checks.units import converts, is_money, rate_converts

_MOST_PAIRED = 40  # quantities of which every pair is tried
_MOST_TRIPLED = 12  # and of which every three
_MANY = 10  # among so many nearly every number is the product of two; then only where the claim compares or sums up
_WORKED_OUT = re.compile(
    r"\b(?:total|totals|together|sum|sums|combined|altogether|overall|in all|average|mean)\b|[=×*÷]", re.IGNORECASE
)
_COMPARES = re.compile(
    r"\b(?:more|less|fewer|higher|lower|longer|shorter|than|times|percent|per cent|twice)\b|%", re.IGNORECASE
)
_TIMES = re.compile(r"\b(?:times|fold|ratio|factor|twice|double)\b|[x×/]", re.IGNORECASE)
# Words that multiply what stands in another place: 20 dollars are 40 where it says "doubled".
_FACTORS = (
    (re.compile(r"\b(?:doubl\w*|twice|two-?fold|both|pair\w*|halv\w*|half)\b", re.IGNORECASE), 2),
    (re.compile(r"\b(?:tripl\w*|trebl\w*|thrice|three-?fold)\b", re.IGNORECASE), 3),
    (re.compile(r"\b(?:quadrupl\w*|four-?fold)\b", re.IGNORECASE), 4),
)
_EACH = re.compile(r"\b(?:each|every|apiece|per)\b", re.IGNORECASE)
_AGES = re.compile(r"\b(?:age|aged|ages|old|die[ds]?|death|lived|birthday)\b", re.IGNORECASE)
_SHARES = re.compile(r"\b(?:per|each|every|rate|average|one in|out of)\b", re.IGNORECASE)


def derived(wanted: Quantity, claim: str, bases: Sequence[Quantity]) -> bool:
    """Return whether `wanted` follows from `bases` by one step of arithmetic.

    By two steps where the claim says that it works something out; an amount of money always, since a price is given for
    a number of things (`8,000 of 10,000 characters at 0.015`).
    """
    bases = [base for base in bases if any(base.likely)][:_MOST_PAIRED]
    works_out = bool(_WORKED_OUT.search(claim))
    free = works_out or len(bases) <= _MANY or bool(_COMPARES.search(claim))
    if any(_makes(a, b, wanted, claim, free=free) for a, b in combinations(bases, 2)):
        return True
    few = bases[:_MOST_TRIPLED]
    if _percent_left(wanted, few) or (is_money(wanted.unit) and _priced(wanted, few)):
        return True
    if not works_out:
        return False
    return any(
        _makes(result, c, wanted, claim, free=True)
        for a, b in combinations(few, 2)
        for c in few
        if c is not a and c is not b
        for result in _results(a, b)
    )


def gathered(wanted: Quantity, passages: Iterable[Sequence[Quantity]]) -> bool:
    """Whether `wanted` is the sum, mean or range of what a passage measures in one unit or counts as one kind."""
    for quantities in passages:
        for group in _groups(quantities, wanted):
            total, most, least = sum(group), max(group), min(group)
            if any(rounds_to(Fraction(each), wanted) for each in (total, total / len(group), most - least)):
                return True
            if any(a + b in wanted.values or abs(a - b) in wanted.values for a, b in combinations(group, 2)):
                return True
    return False


def converted(wanted: Quantity, others: Iterable[Quantity]) -> bool:
    """Return whether one of `others` is `wanted` in another unit or at another rate: 60 a minute is 1 a second."""
    return any(
        (other.unit != wanted.unit and converts(value, other.unit, sought, wanted.unit))
        or rate_converts(value, other.rate, sought, wanted.rate)
        for other in others
        for value in other.values
        for sought in wanted.values
    )


def multiplied(wanted: Quantity, claim: str, quotes: Sequence[str], bases: Iterable[Quantity]) -> bool:
    """Return whether `wanted` is one of `bases` times or by what a word such as `doubled` says, in quotes or claim.

    Or any multiple, where a claim sums up what a quote says of each of things that nobody counted.
    """
    said = "\n".join((claim, *quotes))
    factors = [factor for pattern, factor in _FACTORS if pattern.search(said)]
    sums = bool(_WORKED_OUT.search(claim)) and any(map(_EACH.search, quotes))
    same = (
        base
        for base in bases
        if base.unit == wanted.unit and (base.about_the_same(wanted) or _kindless(base) or _kindless(wanted))
    )
    return any(
        any(rounds_to(each, wanted) for factor in factors for each in (value * factor, value / factor))
        or (sums and any(shown > value > 0 and not shown % value for shown in wanted.values))
        for base in same
        for value in base.likely
    )


def aged(wanted: Quantity, claim: str, years: Sequence[int]) -> bool:
    """Return whether `wanted` is an age in a claim on a life from one of `years` to another one.

    The last birthday may not have been reached: from 1815 to 1852 somebody may grow 37 years old, or 36.
    """
    if wanted.unit not in ("", "year") or not _AGES.search(claim):
        return False
    return any(abs(a - b) - missed in wanted.values for a, b in combinations(years, 2) for missed in (0, 1))


def counted(text: str) -> set[Fraction]:
    """Return how many items, rows and enumerated things `text` lists: a claim may say their number."""
    lines = text.splitlines()
    items = sum(bool(re.match(r"\s*(?:[-*+•]|\d{1,3}[.)])\s", line)) for line in lines)
    rows = sum(line.lstrip().startswith("|") for line in lines)
    enumerated = {len(re.split(r",|;|\band\b|\bor\b", part)) for part in re.split(r"[.:\n]\s", text)}
    found = {items, rows, rows - 1, rows - 2, len(lines), *enumerated, *(number - 1 for number in enumerated)}
    return {Fraction(number) for number in found if number > 1}


def _makes(a: Quantity, b: Quantity, wanted: Quantity, claim: str, *, free: bool) -> bool:
    """Whether two quantities make `wanted`. Percentages and ratios count where the claim speaks of such."""
    pairs = [(x, y) for x in a.likely for y in b.likely if x and y]
    if _adds_up(a, b, wanted) and any(rounds_to(each, wanted) for x, y in pairs for each in (x + y, abs(x - y))):
        return True
    if wanted.unit == "percent" and any(rounds_to(abs(each), wanted) for x, y in pairs for each in _percents(x, y)):
        return not _differ(a.unit, b.unit)
    if "percent" in (a.unit, b.unit) and a.unit != b.unit:
        of = pairs if a.unit == "percent" else [(y, x) for x, y in pairs]
        return any(rounds_to(each, wanted) for percent, value in of for each in _parts(percent, value))
    if free and not a.about_the_same(b) and any(rounds_to(x * y, wanted) for x, y in pairs):
        return True
    return any(rounds_to(each, wanted) for each in _ratios(a, b, wanted, claim))


def _ratios(a: Quantity, b: Quantity, wanted: Quantity, claim: str) -> Iterator[Fraction]:
    """Yield one of the two by the other: how often it is the other, or how much of it there is for each."""
    often = (wanted.times or bool(_TIMES.search(claim))) and (a.about_the_same(b) or _kindless(a) or _kindless(b))
    shares = bool(wanted.rate) or bool(_SHARES.search(claim))
    for whole, many in ((a, b), (b, a)):
        each = (wanted.unit and whole.unit == wanted.unit and not many.unit) or (
            shares and (whole.about_the_same(wanted) or _kindless(whole))
        )
        if often or each:
            yield from (x / y for x in whole.likely for y in many.likely if y)


def _adds_up(a: Quantity, b: Quantity, wanted: Quantity) -> bool:
    """Whether a sum or difference of the two can be what is wanted: apples and pears make no dollars."""
    units = {each.unit for each in (a, b, wanted) if each.unit}
    if len(units) > 1 or (units and not wanted.unit and wanted.nouns):
        return False
    if units or not (a.nouns and b.nouns and wanted.nouns) or wanted.counts:
        return True
    return bool(wanted.nouns & (a.nouns | b.nouns))


def _percent_left(wanted: Quantity, bases: Sequence[Quantity]) -> bool:
    """Whether `wanted` is what a percentage leaves of a hundred, or a share as a percentage."""
    if wanted.unit != "percent":
        return False
    left = (100 - value for base in bases if base.unit == "percent" for value in base.likely)
    shares = (100 * value for base in bases if not base.unit for value in base.likely)
    return any(rounds_to(each, wanted) for each in (*left, *shares))


def _priced(wanted: Quantity, bases: Sequence[Quantity]) -> bool:
    """Whether `wanted` is a price times a number of things over another number of things."""
    prices = [base for base in bases if base.unit == wanted.unit]
    things = [base for base in bases if not is_money(base.unit) and base.unit != "percent"]
    return any(
        rounds_to(price * many / per, wanted)
        for base in prices
        for a, b in permutations(things, 2)
        if a.about_the_same(b) or _kindless(a) or _kindless(b)
        for price in base.likely
        for many in a.likely
        for per in b.likely
        if per
    )


def _percents(x: Fraction, y: Fraction) -> tuple[Fraction, ...]:
    return (100 * x / y, 100 * y / x, 100 * (x - y) / y, 100 * (y - x) / x)


def _kindless(quantity: Quantity) -> bool:
    return not quantity.unit and not quantity.nouns


def _parts(percent: Fraction, value: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    part = percent * value / 100
    return part, value - part, value + part


def _differ(unit: str, other: str) -> bool:
    return bool(unit) and bool(other) and unit != other


def _results(a: Quantity, b: Quantity) -> Iterator[Quantity]:
    """Yield what one step makes of two quantities, in their unit if they have the same."""
    unit = a.unit if not _differ(a.unit, b.unit) else ""
    for x in a.likely:
        for y in b.likely:
            if x and y:
                made = frozenset({x + y, abs(x - y), x * y})
                yield Quantity(made, made, a.precise, unit=unit or b.unit, nouns=a.nouns | b.nouns)


def _groups(quantities: Sequence[Quantity], wanted: Quantity) -> Iterator[list[Fraction]]:
    """Yield the values of each kind of quantity of which there are several, and which may be what is wanted."""
    own = {wanted.unit} if wanted.unit else wanted.nouns
    kinds = {kind for each in quantities for kind in (each.unit, *each.nouns) if kind and (kind in own or not own)}
    for kind in sorted(kinds):
        group = [max(each.likely) for each in quantities if each.likely and (each.unit == kind or kind in each.nouns)]
        if len(group) > 1:
            yield group
