"""Whether two words are one word, written differently: a slip of the pen, or a forename and its initial."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from gateway.extractive.ranking import fold

_INITIALS = re.compile(r"\b([^\W\d_])\.(?=[^\W\d_]\b)")
_TELLING = 5  # letters; a change in a shorter word makes another word too often (Iran, Iraq); a chosen value


def initials_apart(text: str) -> str:
    """Return `text` with the initials of a name as words of their own.

    >>> initials_apart("D.P. Varma")
    'D P. Varma'
    """
    return _INITIALS.sub(r"\1 ", text)


@lru_cache(maxsize=65536)
def alike(left: str, right: str) -> bool:
    """Return whether the folded words are equal, or one slip apart: a letter too many, too few, wrong or exchanged.

    The first letter must agree, and words with digits must be equal.

    >>> alike("brittish", "british"), alike("iran", "iraq"), alike("12345", "12346")
    (True, False, False)
    """
    if left == right:
        return True
    shorter, longer = sorted((left, right), key=len)
    if len(shorter) < _TELLING or len(longer) - len(shorter) > 1 or left[0] != right[0]:
        return False
    if not (left.isalpha() and right.isalpha()):
        return False
    at = next((index for index, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    if len(shorter) < len(longer):
        return shorter[at:] == longer[at + 1 :]
    exchanged = shorter[at : at + 2] == longer[at : at + 2][::-1] and shorter[at + 2 :] == longer[at + 2 :]
    return exchanged or shorter[at + 1 :] == longer[at + 1 :]


def abbreviates(left: str, right: str) -> bool:
    """Return whether one of the folded words is the initial of the other."""
    return (len(left) == 1) != (len(right) == 1) and left[0] == right[0] and (left + right).isalpha()


_STEM = 5  # letters that two forms of one word share at least
_SHARED = 0.7  # of the longer word; both are chosen values


@lru_cache(maxsize=65536)
def inflects(left: str, right: str) -> bool:
    """Return whether the folded words look like forms of one word: they begin alike for most of their length.

    >>> inflects("encrypt", "encryption"), inflects("internet", "international")
    (True, False)
    """
    longer = max(len(left), len(right))
    shared = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    return shared >= max(_STEM, _SHARED * longer) and left.isalpha() and right.isalpha()


_ASKING_WORDS = """
    about after before between could does during from have here should than that their there these they this those
    what when where which while whose with would your
"""
_ASKING = tuple(_ASKING_WORDS.split())
_RIGHT = frozenset((*_ASKING, "form", "hose", "them", "then", "were"))
"""These, and words that only look like slips of them."""

_WORD = re.compile(r"[^\W\d_]{4,}(?![\w'’.\-])")
_SHORTEST = 4  # letters of a word that asks, in which a slip is seen; a chosen value


def corrected(text: str, known: Mapping[str, int]) -> str:
    """Return `text` with its slips mended, if it has several: in words that ask, and in words of the documents.

    A single one may be a word that the documents do not have. An ending is no slip.

    Args:
        text: what somebody typed.
        known: how often each folded word stands in the documents; a word that stands there is right.

    >>> corrected("wich harbuor has a crane?", {"harbour": 3, "crane": 1})
    'which harbour has a crane?'
    """
    meant: dict[str, str] = {}
    for word in _WORD.findall(text):
        folded = fold(word)
        if folded not in known and folded not in _RIGHT and (word.islower() or word.istitle()):
            asks = [each for each in _ASKING if _slips(folded, each)]
            best = max(asks or _inside(folded, known), key=lambda each: (known.get(each, 0), each), default=folded)
            if best != folded:
                meant[word] = best.capitalize() if word.istitle() else best
    return _WORD.sub(lambda found: meant.get(found[0], found[0]), text) if len(meant) > 1 else text


def _inside(word: str, known: Iterable[str]) -> list[str]:
    """Return the words of `known` that are `word`, but for a slip before its ending."""
    return [each for each in known if alike(word, each) and (each[-1] == word[-1] or sorted(each) == sorted(word))]


def _slips(word: str, meant: str) -> bool:
    """Return whether a short `word` is `meant` with a letter too few or two exchanged: `wich`, `waht`."""
    if len(meant) < _SHORTEST or word[0] != meant[0]:
        return False
    if len(word) == len(meant):
        at = next((n for n, (a, b) in enumerate(zip(word, meant, strict=True)) if a != b), 0)
        return word[at : at + 2] == meant[at : at + 2][::-1] and word[at + 2 :] == meant[at + 2 :] != word[at:]
    return len(word) + 1 == len(meant) and any(meant[:n] + meant[n + 1 :] == word for n in range(len(meant)))


def spelled(term: str, vocabulary: Collection[str]) -> str:
    """Return the word of `vocabulary` that `term` is, a slip or an inflection aside; `term` itself if there is none."""
    if term in vocabulary:
        return term
    return min((word for word in vocabulary if alike(term, word) or inflects(term, word)), default=term)
