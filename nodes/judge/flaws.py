"""What forbids to call a likely claim supported without a judge: small words that turn its meaning around.

A claim in its source's own words with another `before`, without the source's `if`, or without the `critics say` around
it scores as high as a true one. So `supported` needs the same small words in the statement that carries it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nodes.checks.numbers import agree, read_numbers, standing
from nodes.checks.polarity import OPPOSITES_OF, conditions, limits, said
from nodes.checks.words import stems

_REPORTS = re.compile(
    r"\b(?:claim|report|say|said|state|mention|add|tell|told|believ|alleg|assert|argu|suggest|propos|hypothes|assum"
    r"|speculat|rumou?r|accord|expect|plan|intend|aim|whether|hop|pretend|quot|sentence|question|myth)",
    re.IGNORECASE,
)
"""Beginnings of words that may say who holds something, or ask whether it holds, and not that it does."""

_BINDING_WORDS = "if unless until till except without before after once when whenever while"
_BINDING = frozenset(_BINDING_WORDS.split())
"""Conditions that a claim may not leave out. The others, such as `with` and `during`, it may not add."""

_FAR_WORDS = "all any every each some always both"
_FAR = frozenset(_FAR_WORDS.split())
"""Words that tell how far a statement reaches. A claim that leaves them out says less, one that adds them more."""

_QUOTED = re.compile(r"[\"“”„«»]")


def flawed(claim: str, carriers: Sequence[str]) -> bool:
    """Return whether a small word may make `claim` say another thing than `carriers`, the nearest of which is first."""
    return any(_flaws(claim, carriers))


def _flaws(claim: str, carriers: Sequence[str]) -> Iterator[bool]:
    nearest = carriers[0]
    yield _turned(claim, nearest)
    yield said(claim).negations != said(nearest).negations
    stand = standing(nearest)
    numbers = read_numbers(claim)
    yield any(not agree(number.values, stand) for number in numbers)
    # The statement that has the number must be the one that says of what: another one has another number.
    others = {stem for each in carriers[1:] for stem in stems(each)}
    yield bool(numbers and set(stems(claim)) & others - set(stems(nearest)))
    ours, theirs = conditions(claim), conditions(nearest)
    yield not ours <= theirs or not theirs & _BINDING <= ours
    limited, limiting = set(limits(claim)), set(limits(nearest))
    yield not limited <= limiting or not limiting - _FAR <= limited
    yield not _reports(carriers) <= _reports([claim])
    yield bool(_QUOTED.search(nearest)) and not _QUOTED.search(claim)


def _reports(texts: Sequence[str]) -> set[str]:
    return {found.casefold() for text in texts for found in _REPORTS.findall(text)}


def _turned(claim: str, nearest: str) -> bool:
    """Whether the claim has a word and the nearest statement has only the opposite: `first` where it says `last`."""
    ours = said(claim).words
    theirs = said(nearest).words

    def has(words: Sequence[str], beginning: str) -> bool:
        return any(word.startswith(beginning) for word in words)

    new = (word for word in OPPOSITES_OF if has(ours, word) and not has(theirs, word))
    return any(has(theirs, other) for word in new for other in OPPOSITES_OF[word])
