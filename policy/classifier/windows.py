"""The parts of a text that are scored: its sentences, and windows of several."""

from __future__ import annotations

import re
from itertools import pairwise

SENTENCE_CHARS = 300
"""A longer sentence is cut: lists and tables without full stops would otherwise hide a short order."""

WINDOW_CHARS = 600
"""About the length up to which the examples of training are judged as a whole. Windows overlap by half."""

_BREAK = re.compile(r"\n[\s]*|(?<=[.!?。！？|])[\s\"')\]]+")

Span = tuple[int, int]


def sentences(text: str) -> list[Span]:
    """Return the spans of the sentences and lines of `text`, none longer than `SENTENCE_CHARS`.

    >>> sentences("One. Two")
    [(0, 4), (5, 8)]
    """
    cuts = [0, *(at for found in _BREAK.finditer(text) for at in found.span()), len(text)]
    spans = [span for start, end in pairwise(cuts) for span in _pieces(start, end)]
    return [(start, end) for start, end in spans if not text[start:end].isspace()]


def _pieces(start: int, end: int) -> list[Span]:
    """Return the span cut into overlapping pieces, if it is too long: the pieces cover every short order whole."""
    if end - start <= SENTENCE_CHARS:
        return [(start, end)] if end > start else []
    step = SENTENCE_CHARS // 2
    return [(at, min(end, at + SENTENCE_CHARS)) for at in range(start, end - step, step)]


def windows(spans: list[Span]) -> list[Span]:
    """Return windows of at most `WINDOW_CHARS` over consecutive `spans`, each starting half a window after the last."""
    found: list[Span] = []
    first = 0
    while first < len(spans):
        last = first
        while last + 1 < len(spans) and spans[last + 1][1] - spans[first][0] <= WINDOW_CHARS:
            last += 1
        found.append((spans[first][0], spans[last][1]))
        if last + 1 == len(spans):
            break
        half = spans[first][0] + WINDOW_CHARS // 2
        first = next((at for at in range(first + 1, last + 1) if spans[at][0] >= half), last + 1)
    return found
