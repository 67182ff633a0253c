"""Whether a sentence says of the same thing what a claim says: only then does a difference contradict the claim.

A claim with a foreign number, date or name is not supported. It is contradicted only if a sentence says the same with
another one: that something else in a passage has another number says nothing about it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nodes.checks.dates import without_dates
from nodes.checks.directions import direction, direction_of
from nodes.checks.number_words import SPELLED
from nodes.checks.polarity import conditions, limits, said
from nodes.checks.words import FUNCTION_WORDS, stem_of, stems

_SAME = 0.66
"""Share of a claim's stems, its numbers aside, that an aligned sentence has. A chosen value."""

_NEAR = 3  # words
_BESIDE = 0.6
"""Share of the words beside a direction that an aligned sentence has beside its own.

Chosen among six on SciFact's claims, train with dev beside it: of 9 training claims against which a sentence then
points, 9 are refuted. With a share of 0.34 it were 10 of 11, without any 13 of 15.
"""

_EDGES = re.compile(r"^\W+|(?:['’]s)?\W*$")
_COMPARES = frozenset(
    ["than", "versus", "compared", "comparison", "unlike", "whereas", "while", "although", "but", "however"]
)


def aligned(claim: str, sentence: str) -> bool:
    """Return whether `sentence` says nearly all that `claim` does, but for its numbers, and names what it names.

    >>> aligned("The free tier allows 90 requests.", "The free tier allows 60 requests a minute.")
    True
    >>> aligned("The free tier allows 90 requests.", "60 requests were sent.")
    False
    """
    claim, about = without_dates(claim), _about(sentence)
    return _share(_about(claim), about) >= _SAME and names(claim) <= about


def points_otherwise(claim: str, sentence: str) -> bool:
    """Return whether an aligned `sentence` points up where `claim` points down, or the other way round.

    Only without `not`, `than` and `but`, and if both hold under the same conditions: there two ways may be meant.
    """
    if direction(claim) * direction(sentence) >= 0:
        return False
    ours, theirs = said(claim), said(sentence)
    if ours.negations or theirs.negations or not _COMPARES.isdisjoint([*ours.words, *theirs.words]):
        return False
    if not limits(claim) <= limits(sentence) or not conditions(claim) <= conditions(sentence):
        return False
    if _share(_beside(ours.words), _beside(theirs.words)) < _BESIDE:
        return False
    return _share(set(ours.stems), set(theirs.stems)) >= _SAME


def _beside(words: Sequence[str]) -> set[str]:
    """Return the stems beside the words that point somewhere: what goes up or down."""
    told = [word for word in words if word not in FUNCTION_WORDS]
    at = [n for n, word in enumerate(told) if direction_of([word])]
    return {stem_of(word) for n in at for word in told[max(0, n - _NEAR) : n + _NEAR + 1] if not direction_of([word])}


def otherwise(claim: str, sentences: Sequence[str]) -> bool:
    """Return whether a sentence points the other way than `claim`, and none that says as much points the same way."""
    way = direction(claim)
    if not way or not any(points_otherwise(claim, each) for each in sentences):
        return False
    return not any(direction(each) == way and _share(_about(claim), _about(each)) >= _SAME for each in sentences)


def names(text: str) -> set[str]:
    """Return the stems of the names in `text`: words with a capital letter that do not begin it.

    >>> sorted(names("The model was trained by Cohere in Toronto."))
    ['cohere', 'toront']
    """
    found = (_EDGES.sub("", word) for word in text.split()[1:])
    return {stem_of(word) for word in found if word[:1].isupper() and word.casefold() not in FUNCTION_WORDS}


def _about(text: str) -> set[str]:
    return {stem for stem in stems(text) if not any(map(str.isdigit, stem)) and stem not in SPELLED}


def _share(some: set[str], others: set[str]) -> float:
    return len(some & others) / len(some) if some else 0.0
