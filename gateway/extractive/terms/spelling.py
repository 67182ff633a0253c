"""Whether two words are one word, written differently: a slip of the pen, or a forename and its initial."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

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


def spelled(term: str, vocabulary: Collection[str]) -> str:
    """Return the word of `vocabulary` that `term` is, a slip or an inflection aside; `term` itself if there is none."""
    if term in vocabulary:
        return term
    return min((word for word in vocabulary if alike(term, word) or inflects(term, word)), default=term)
