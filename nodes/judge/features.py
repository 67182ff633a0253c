"""What can be read off a claim and the statements of its passages without a model: the features of the local scorer.

Only a few statements count, those that together say most of the claim: so a long passage gives a claim no more than the
sentences that carry it, and the features mean the same for a paragraph and for a page.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from math import log

from nodes.checks import Cited, stems
from nodes.checks.aligned import names
from nodes.checks.directions import direction
from nodes.checks.numbers import agree, read_numbers, standing
from nodes.checks.polarity import said
from nodes.checks.words import stem_of, words

FEATURES = ("covered", "together", "gap", "numbers_missing", "names_missing", "opposed", "negated", "reordered")
"""The names of the features, in the order of `features`."""

UNKNOWN = 1.3
"""The rarity of a stem that the table of common stems does not have; the rarest there has 1."""

_COMMONEST = 0.15
_MOST = 5  # statements that are chosen; a sixth added nothing in cross-validation
_CARRIERS = 3  # of them, for the share that they cover
_LEAST_NEWS = 0.03  # share of the claim that a further statement must add
_ALIKE = 0.5  # share of letter triples in common from which on two words are forms of one: `Norwegian` and `Norway`


@dataclass(frozen=True)
class Rarity:
    """How much a stem tells, from 0.15 for the commonest to 1.3 for one that the table does not have."""

    ranks: Mapping[str, int]

    def of(self, stem: str) -> float:
        """Return the weight of `stem`."""
        rank = self.ranks.get(stem)
        return UNKNOWN if rank is None else max(_COMMONEST, log(rank + 1) / log(len(self.ranks) + 1))


@dataclass(frozen=True)
class Reading:
    """The features of a claim, in the order of `FEATURES`, and the statements that carry it, the nearest first."""

    values: tuple[float, ...]
    carriers: tuple[str, ...]


def read(claim: str, cited: Sequence[Cited], rarity: Rarity) -> Reading | None:
    """Return what can be read off `claim`; `None` if it or its passages say nothing.

    Titles and headings state nothing: they only tell which names the statements below them speak of.
    """
    told = stems(claim)
    # What a document denies, such as the items of a list of myths, carries nothing.
    texts = [each.text[one.start : one.end] for each in cited for one in each.statements if not one.denied]
    if not told or not texts:
        return None
    weights = {stem: rarity.of(stem) for stem in told}
    known = [frozenset(stems(text)) for text in texts]

    def share(found: Set[str]) -> float:
        return sum(weight for stem, weight in weights.items() if stem in found) / sum(weights.values())

    chosen, shares = _chosen(known, share)
    carriers = [texts[n] for n in chosen]
    held = _held(claim, carriers)
    titled = _held(claim, [name for each in cited for name in each.names])
    together = max(share(frozenset().union(*known[max(0, n - 1) : n + 2])) for n in range(len(known)))
    ours, nearest = said(claim), said(carriers[0])
    values = (
        shares[min(len(shares), _CARRIERS) - 1],
        together,
        float(_longest_gap(told, held)),
        float(_missing_numbers(claim, "\n".join(carriers))),
        float(len(names(claim) - held - titled)),
        float(direction(claim) * direction(carriers[0]) < 0),
        float((ours.negations > 0) != (nearest.negations > 0)),
        1.0 - _in_order(told, stems(carriers[0])),
    )
    return Reading(values, tuple(carriers))


def _chosen(known: Sequence[Set[str]], share: Callable[[Set[str]], float]) -> tuple[list[int], list[float]]:
    """Return the statements that together say most of a claim, best first, and the share said after each of them."""
    alone = [share(each) for each in known]
    chosen: list[int] = []
    shares: list[float] = []
    have: frozenset[str] = frozenset()
    while len(chosen) < min(_MOST, len(known)):
        left = (n for n in range(len(known)) if n not in chosen)
        best = max(left, key=lambda n: (share(have | known[n]), alone[n]))
        if chosen and share(have | known[best]) - shares[-1] < _LEAST_NEWS:
            break
        chosen.append(best)
        have |= known[best]
        shares.append(share(have))
    return chosen, shares


def _held(claim: str, texts: Sequence[str]) -> set[str]:
    """Return the stems of the claim that stand in `texts`, or of which another form does."""
    found = {word for text in texts for word in words(text)}
    exact, shapes = {stem_of(word) for word in found}, [_triples(word) for word in found]
    held = set()
    for word in words(claim):
        stem, shape = stem_of(word), _triples(word)
        if stem in exact or any(2 * len(shape & other) >= _ALIKE * (len(shape) + len(other)) for other in shapes):
            held.add(stem)
    return held


@lru_cache(8192)
def _triples(word: str) -> frozenset[str]:
    framed = f"^{word}$"
    return frozenset(framed[at : at + 3] for at in range(len(framed) - 2))


def _longest_gap(told: Sequence[str], held: Set[str]) -> int:
    """Return how many stems of the claim in a row the statements lack: a clause of its own, rather than a synonym."""
    return max(map(len, "".join("." if stem in held else "x" for stem in told).split(".")))


def _in_order(told: Sequence[str], statement: Sequence[str]) -> float:
    """Return the share of the common stems that stand in one order: "A buys B" is not "B buys A"."""
    common = set(told) & set(statement)
    ours, theirs = (list(dict.fromkeys(stem for stem in each if stem in common)) for each in (told, statement))
    ends: list[int] = []  # the longest increasing run of places: at each length, the least place that ends one
    for place in map(theirs.index, ours):
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(ends) / len(ours) if ours else 1.0


def _missing_numbers(claim: str, text: str) -> int:
    stand = standing(text)
    return sum(not agree(number.values, stand) for number in read_numbers(claim))
