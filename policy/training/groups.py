"""Which hostile prompts belong together: variants of one attack, which are no tests of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from policy.normalise import fold
from policy.training.sources import Text

_SIZE = 5
_CHARS = 3000
_SHARED = 0.5
"""The share of the shorter one's runs of letters that two variants have in common."""

_SHORTEST = 0.15
"""A text that is shorter than this share of another one is a quotation in it at the most, no variant of it."""


def grouped(texts: Sequence[Text]) -> list[Text]:
    """Return the texts in their order, the hostile ones in the group of the first that is alike, through any others."""
    hostile = [at for at, text in enumerate(texts) if text.hostile]
    runs = {at: _runs(texts[at].text) for at in hostile}
    first = {at: at for at in hostile}
    for one, other in combinations(hostile, 2):
        if texts[one].group == texts[other].group or _alike(runs[one], runs[other]):
            low, high = sorted((_root(first, one), _root(first, other)))
            first[high] = low
    found = list(texts)
    for at in hostile:
        found[at] = replace(texts[at], group=texts[_root(first, at)].group)
    return found


def _root(first: dict[int, int], at: int) -> int:
    while first[at] != at:
        at = first[at]
    return at


def _runs(text: str) -> frozenset[str]:
    plain = " ".join(fold(text[:_CHARS]).text.split())
    return frozenset(plain[at : at + _SIZE] for at in range(max(1, len(plain) - _SIZE + 1)))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _SHORTEST * len(long) and len(short & long) >= _SHARED * len(short)
