"""Hashed n-grams of characters and words, with their positions, computed in one pass over a whole text.

Every n-gram has a place in a table of weights. A window's score is a sum over the n-grams that lie inside it, so
running sums give the score of any window at once, and a long text costs no more a character than a short one.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

BITS = 16
SLOTS = 1 << BITS
"""Slots of one table. There are two: one for characters, one for words."""

CHARACTERS = (3, 4, 5)
WORDS = (1, 2, 3)

Array: TypeAlias = Any
"""A numpy array; its annotations say more than they help here."""

_TOKEN = re.compile(r"[^\W_]+|[?!:]")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_FINAL = np.uint64(0xBF58476D1CE4E5B9)
_WIDE = np.uint64(32)
_SPACE, _ZERO = 32, 48


@dataclass(frozen=True)
class Grams:
    """The n-grams of one size: the slot of each, in order, and the offsets at which each starts and ends."""

    slots: Array
    starts: Array
    ends: Array


def grams(text: str) -> tuple[list[Grams], list[Grams]]:
    """Return the n-grams of a folded text: those of its characters, one entry a size, and those of its words."""
    return _characters(text), _words(text)


def _characters(text: str) -> list[Grams]:
    codes, offsets = _plain(text)
    found = []
    for size in CHARACTERS:
        slots = _slots(codes, size)
        starts = offsets[: len(slots)]
        found.append(Grams(slots, starts, offsets[size - 1 :][: len(slots)] + 1))
    return found


def _plain(text: str) -> tuple[Array, Array]:
    """Return the characters' codes with the source offset of each: digits are alike, white space is one blank."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    codes = np.where((codes >= _ZERO) & (codes < _ZERO + 10), np.uint64(_ZERO), codes)
    blank = codes <= _SPACE
    codes = np.where(blank, np.uint64(_SPACE), codes)
    repeated = np.zeros(len(codes), dtype=bool)
    repeated[1:] = blank[1:] & blank[:-1]
    kept = np.flatnonzero(~repeated)
    return codes[kept], kept


def _words(text: str) -> list[Grams]:
    tokens = list(_TOKEN.finditer(text))
    codes = np.array([_word_code(token[0]) for token in tokens], dtype=np.uint64)
    starts = np.array([token.start() for token in tokens], dtype=np.int64)
    ends = np.array([token.end() for token in tokens], dtype=np.int64)
    found = []
    for size in WORDS:
        slots = _slots(codes, size, SLOTS)
        found.append(Grams(slots, starts[: len(slots)], ends[size - 1 :][: len(slots)]))
    return found


def _word_code(word: str) -> int:
    shown = "0" if word.isdigit() else word
    return zlib.crc32(shown.encode("utf-8", "surrogatepass"))


def _slots(codes: Array, size: int, first: int = 0) -> Array:
    """Return the slot of each run of `size` codes."""
    count = max(0, len(codes) - size + 1)
    with np.errstate(over="ignore"):
        mixed = np.full(count, size, dtype=np.uint64)
        for step in range(size):
            mixed = (mixed ^ codes[step : step + count]) * _FACTOR
            mixed ^= mixed >> _WIDE
        mixed *= _FINAL
        mixed ^= mixed >> _WIDE
    return (mixed >> np.uint64(64 - BITS)).astype(np.int64) + first
