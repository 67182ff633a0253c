"""Whether a claim stands in a passage word for word: whole sentences, whole rows."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from nodes.checks.statements import Statement
from nodes.checks.words import Token, source_tokens, tokens

_FEWEST = 3  # words: fewer occur by chance
_BAR = re.compile(r"(?<!\\)\|")


def verbatim_span(claim: str, text: str, stated: Sequence[Statement]) -> tuple[int, int] | None:
    """Return the span of `text` that says `claim` in the same words, or `None`.

    The span begins and ends with a statement: the words "the data is encrypted" within "nobody claims that the data is
    encrypted" are no support. Nor is an item of a list whose introduction denies it.
    """
    said = tokens(claim)
    wanted, marked = [token.text for token in said], any(token.mark for token in said)
    # A writer may leave out the document's own citation marks; one that it shows must stand there.
    found = [token for token in source_tokens(text) if marked or not token.mark]
    stated = [each for each in stated if not each.row and not each.denied]
    if len(wanted) < _FEWEST:
        return None
    starts, ends = _borders(found, stated)
    for at in starts:
        last = at + len(wanted) - 1
        if last in ends and [token.text for token in found[at : last + 1]] == wanted:
            first = next(each.start for each in stated if each.start <= found[at].start < each.end)
            return first, next(each.end for each in stated if each.start <= found[last].start < each.end)
    return None


def verbatim_row(row: str, header: str, text: str, stated: Sequence[Statement]) -> tuple[int, int] | None:
    """Return the span of the table row that `row` copies cell by cell, under the same header, or `None`."""
    if not any(_cells(row)) or not any(_cells(header)):
        return None
    same = (each for each in stated if each.row and same_cells(row, text[each.start : each.end]))
    return next(((each.start, each.end) for each in same if same_cells(header, each.before)), None)


def same_cells(row: str, written: str) -> bool:
    """Return whether `row`, its cells joined by bars, says in each cell what the row `written` of a document says.

    >>> same_cells("Free | – | 60", "| Free | – | **60** |"), same_cells("Free | – | 60", "| Free | 60 | – |")
    (True, False)
    """
    said = _cells(row)
    marked = any(token.mark for cell in said for token in cell)
    bare = written.strip().removeprefix("|")
    there = [[token for token in source_tokens(cell) if marked or not token.mark] for cell in _BAR.split(bare)]
    return _words(said) == _words(there)


def _cells(row: str) -> list[list[Token]]:
    return [tokens(cell) for cell in _BAR.split(row)]


def _words(cells: list[list[Token]]) -> list[list[str]]:
    """Return the words by cell, without empty cells at the end: the bar after the last cell may be missing."""
    found = [[token.text for token in cell] for cell in cells]
    while found and not found[-1]:
        found.pop()
    return found


def _borders(found: list[Token], stated: Sequence[Statement]) -> tuple[list[int], set[int]]:
    """Return the positions of the first and of the last token of each statement."""
    starts: list[int] = []
    ends: set[int] = set()
    places = [token.start for token in found]
    for each in stated:
        first, after = bisect_left(places, each.start), bisect_left(places, each.end)
        if first < after:
            starts.append(first)
            ends.add(after - 1)
    return starts, ends
