"""Columns of a page whose lines are drawn across them, as some programs do: line 1 of both, then line 2 of both.

pdfium returns the text in the order in which it is drawn. For most files that is the order of reading, and such a page
stays as it is. Only where the drawing goes back and forth across a gutter is the text taken column by column, and only
where both sides are lines of prose: the cells of a table stay in their rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

FEWEST_LINES = 3
"""Fewer lines beside each other are not taken for columns. A chosen value."""

_STEP = 3.0
"""Gutters are looked for at every third point; the narrowest common gutter has about ten."""

_WIDEST = 14_400.0
"""The widest page that PDF allows, in points."""

_FEWEST_CHARS = 20
_MOST_PITCH = 1.9
_FULL = 0.8
"""Lines of prose hold 20 characters or more, stand at most 1.9 times their height apart, and fill 80 % of their column.

Chosen values: cells of tables are shorter, or further apart, or end unevenly.
"""


class Box(NamedTuple):
    """A piece of a line, in points from the bottom left of the page."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> float:
        """Half the way from the bottom to the top."""
        return (self.bottom + self.top) / 2

    @property
    def height(self) -> float:
        """The height, never zero."""
        return max(self.top - self.bottom, 0.1)


class Band(NamedTuple):
    """A part of a page that has columns: its height, and where one column ends and the next begins."""

    bottom: float
    top: float
    gutters: tuple[float, ...]

    def column(self, x: float) -> int:
        """Return the column that holds `x`, counted from 0."""
        return bisect_right(self.gutters, x)


def bands_of(rectangles: Sequence[Box]) -> list[Band]:
    """Return the bands of a page, from top to bottom, that are drawn across their columns; mostly none."""
    pieces = _joined(rectangles)
    if len(pieces) < 2 * FEWEST_LINES:
        return []
    usual = median(piece.height for piece in pieces)
    # Text that is turned by 90 degrees stands beside the columns.
    return _bands([piece for piece in pieces if piece.height < 3 * usual])


def _joined(rectangles: Sequence[Box]) -> list[Box]:
    """Return the rectangles, with those joined that follow each other on a line: in some files, each word is one."""
    pieces: list[Box] = []
    for each in rectangles:
        last = pieces[-1] if pieces else None
        if last and last.bottom < each.middle < last.top and abs(each.left - last.right) < max(last.height, 4.0):
            pieces[-1] = Box(
                min(last.left, each.left),
                min(last.bottom, each.bottom),
                max(last.right, each.right),
                max(last.top, each.top),
            )
        else:
            pieces.append(each)
    return pieces


def _bands(pieces: Sequence[Box]) -> list[Band]:
    gutter = _gutter(pieces)
    if gutter is None:
        return []
    found: list[Band] = []
    run: list[Box] = []
    # A piece that crosses the gutter, such as a title, ends a band.
    for piece in sorted(pieces, key=lambda each: -each.middle):
        if piece.left < gutter < piece.right:
            found += _band(pieces, run, gutter)
            run = []
        else:
            run.append(piece)
    return found + _band(pieces, run, gutter)


def _gutter(pieces: Sequence[Box]) -> float | None:
    """Return the place that the fewest pieces cross, of those with lines on both sides."""
    lefts, rights = sorted(piece.left for piece in pieces), sorted(piece.right for piece in pieces)
    fewest, places = len(pieces), list[float]()
    for n in range(1, int(min(rights[-1] - lefts[0], _WIDEST) / _STEP)):
        at = lefts[0] + n * _STEP
        before, after = bisect_right(rights, at), len(pieces) - bisect_left(lefts, at)
        crossing = len(pieces) - before - after
        if min(before, after) < FEWEST_LINES or crossing > fewest:
            continue
        if crossing < fewest:
            fewest, places = crossing, []
        places.append(at)
    return places[len(places) // 2] if places else None


def _band(pieces: Sequence[Box], run: list[Box], gutter: float) -> list[Band]:
    """Return the band of the pieces in `run` if they are columns that are drawn back and forth."""
    inside = set(map(id, run))
    drawn = [piece for piece in pieces if id(piece) in inside]
    sides = [piece.left >= gutter for piece in drawn]
    left = [piece for piece, right in zip(drawn, sides, strict=True) if not right]
    right = [piece for piece, right in zip(drawn, sides, strict=True) if right]
    switches = sum(one != other for one, other in pairwise(sides))
    if min(len(left), len(right)) < FEWEST_LINES or switches < min(len(left), len(right)):
        return []
    within = [inner.gutters for side in (left, right) if len(side) >= 2 * FEWEST_LINES for inner in _bands(side)[:1]]
    gutters = tuple(sorted({gutter, *(at for more in within for at in more)}))
    band = Band(min(piece.bottom for piece in drawn), max(piece.top for piece in drawn), gutters)
    columns: list[list[Box]] = [[] for _ in range(len(gutters) + 1)]
    for piece in drawn:
        columns[band.column(piece.left)].append(piece)
    return [band] if all(_is_prose(column) for column in columns) else []


def _is_prose(column: Sequence[Box]) -> bool:
    if len(column) < FEWEST_LINES:
        return False
    height = median(piece.height for piece in column)
    width = max(piece.right for piece in column) - min(piece.left for piece in column)
    usual = median(piece.right - piece.left for piece in column)
    heights = sorted({round(piece.middle) for piece in column}, reverse=True)
    pitch = median(above - below for above, below in pairwise(heights)) if heights[1:] else 0.0
    # A character is about half as wide as the line is high.
    return usual >= _FEWEST_CHARS * height / 2 and usual >= _FULL * width and pitch <= _MOST_PITCH * height
