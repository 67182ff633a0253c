"""Long texts in pieces: what a recogniser costs then grows with the length of a text, whatever stands in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from state.values import Mask

PIECE = 2_000
"""Characters of a piece. Patterns with a cost above linear (Presidio's of e-mail and IP addresses) stay below 10 ms for
1,000 characters of the worst text known."""

MARGIN = 320
"""What is read before and after a piece. No personal data is longer: an e-mail address has at most 320 characters."""

Recogniser = Callable[[str], list[Mask]]


def in_pieces(finders: Sequence[Recogniser], text: str, given_up: threading.Event | None = None) -> list[Mask]:
    """Return what `finders` find in `text`; after `given_up` is set, they read no further piece.

    A match counts in the piece in which it starts. One that reaches the end of what is read there goes on behind it, so
    it is longer than any personal data, or was cut out of something else.
    """
    masks: list[Mask] = []
    for at, first, last, read in pieces(text):
        if given_up is not None and given_up.is_set():
            break
        masks += [
            Mask(start=at + found.start, end=at + found.end, kind=found.kind)
            for find in finders
            for found in find(read)
            if first <= at + found.start < last and (at + found.end < at + len(read) or at + len(read) == len(text))
        ]
    return masks


def pieces(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Yield where each piece of `text` is read from, where it starts and ends, and what is read."""
    first = 0
    while first < len(text):
        last = len(text) if len(text) - first <= PIECE + MARGIN else first + PIECE
        at = max(0, first - MARGIN)
        yield at, first, last, text[at : last + MARGIN]
        first = last
