"""Headings: by the outline (bookmarks) of a file, or by the size of the letters in a file without one."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple

import pypdfium2

from retrieval.loaders.pdf.pages import Line

_MOST_BOOKMARKS = 50_000

_LARGER = 1.15
"""A heading is larger than the usual text by this factor, or more. A chosen value: headings of 11.5 to 10 points."""

_MOST_SHARE, _FEW_CHARS = 0.15, 500
"""A size that more than this share of the text has is no size of headings, unless it is a short text. Chosen values."""

_MOST_LINES, _MOST_CHARS = 3, 200
_LEVELS = 6
_REPEATED = 3
"""A line that begins or ends this many pages is a running title, not a heading."""

_NUMBER = re.compile(
    r"\A\s*(?:(?:chapter|section|part|appendix)\s+)?(?:[A-Z]|[IVXLC]+|\d+)?(?:\.\d+)*[.:)]?\s+", re.IGNORECASE
)
"""The number before a heading, which its bookmark may lack."""


class Found(NamedTuple):
    """A heading that begins at a line of a page, both counted from 0; its level is counted from 1.

    It has no lines of its own where a bookmark names a section that begins without a heading.
    """

    page: int
    line: int
    level: int
    title: str
    lines: int = 1


class Bookmark(NamedTuple):
    """An entry of the outline: its level counted from 1, its page counted from 0, and its height on the page."""

    level: int
    title: str
    page: int
    y: float | None


def outline_of(pdf: pypdfium2.PdfDocument) -> list[Bookmark]:
    """Return the entries of the outline that name a page of the file."""
    pages = len(pdf)
    found = []
    for entry in islice(pdf.get_toc(), _MOST_BOOKMARKS):
        target, title = entry.get_dest(), " ".join(entry.get_title().replace("\0", "").split())
        page = None if target is None else target.get_index()
        if target is not None and title and page is not None and 0 <= page < pages:
            found.append(Bookmark(entry.level + 1, title, page, _height(*target.get_view())))
    return found


def _height(mode: int, place: Sequence[float]) -> float | None:
    """Return the height that a target names: the second number of `XYZ`, the first of `FitH` and `FitBH`."""
    at = {pypdfium2.raw.PDFDEST_VIEW_XYZ: 1, pypdfium2.raw.PDFDEST_VIEW_FITH: 0, pypdfium2.raw.PDFDEST_VIEW_FITBH: 0}
    index = at.get(mode)
    return place[index] if index is not None and index < len(place) else None


def by_outline(outline: Sequence[Bookmark], pages: Sequence[Sequence[Line]]) -> list[Found]:
    """Return the outline's entries as headings, each at the line that says the same, or else below its target."""
    found = []
    for page, marks in groupby(sorted(outline, key=lambda mark: mark.page), lambda mark: mark.page):
        places = _Places(pages[page])
        found += [Found(page, line, mark.level, mark.title, many) for mark in marks for line, many in places.of(mark)]
    return sorted(found, key=lambda each: each[:2])


class _Places:
    """Where the lines of a page are, by what they say and by their height. A bookmark is looked up in constant time."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._empty = not lines
        self._said: dict[str, tuple[int, int]] = {}
        letters = [_letters(line.text) for line in lines]
        unnumbered = [_letters(_NUMBER.sub("", line.text)) for line in lines]
        for many in range(1, _MOST_LINES + 1):
            for n in range(len(lines) - many + 1):
                more = "".join(letters[n + 1 : n + many])
                for first in (letters[n], unnumbered[n]):
                    self._said.setdefault(first + more, (n, many))
        self._heights = sorted((line.y, -n) for n, line in enumerate(lines))

    def of(self, mark: Bookmark) -> list[tuple[int, int]]:
        """Return the line at which the section begins, and the lines of its heading; nothing on a page without text."""
        if self._empty:
            return []
        said = self._said.get(_letters(mark.title)) or self._said.get(_letters(_NUMBER.sub("", mark.title)))
        if said is not None:
            return [said]
        below = 0 if mark.y is None else bisect_left(self._heights, (mark.y, 1 - len(self._heights)))
        return [(-self._heights[below - 1][1] if below else 0, 0)]


def by_size(pages: Sequence[Sequence[Line]]) -> list[Found]:
    """Return the lines in letters that are larger than the usual ones; the largest letters are level 1."""
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            if line.size:
                sizes[line.size] += len(line.text)
    if not sizes:
        return []
    usual, most = sizes.most_common(1)[0][0], max(_MOST_SHARE * sizes.total(), _FEW_CHARS)
    larger = {size for size, count in sizes.items() if size >= _LARGER * usual and count <= most}
    running = _running_titles(pages)
    blocks = [
        (block[0].size, Found(page, start, 1, " ".join(_texts(block)), len(block)))
        for page, lines in enumerate(pages)
        for start, block in _blocks(lines)
        if block[0].size in larger and _is_title(block) and _letters(block[0].text) not in running
    ]
    levels = {size: n for n, size in enumerate(sorted({size for size, _ in blocks}, reverse=True), 1)}
    return [found._replace(level=min(levels[size], _LEVELS)) for size, found in blocks]


def _blocks(lines: Sequence[Line]) -> Iterator[tuple[int, Sequence[Line]]]:
    """Yield each run of lines of one size, with the number of its first line."""
    start = 0
    for n in range(1, len(lines) + 1):
        if n == len(lines) or lines[n].size != lines[start].size:
            yield start, lines[start:n]
            start = n


def _is_title(block: Sequence[Line]) -> bool:
    title = " ".join(_texts(block))
    letters = sum(char.isalpha() for char in title)
    return len(block) <= _MOST_LINES and len(title) <= _MOST_CHARS and letters >= max(2, len(title) // 3)


def _running_titles(pages: Sequence[Sequence[Line]]) -> set[str]:
    edges = Counter(said for lines in pages for said in {_letters(line.text) for line in (*lines[:1], *lines[-1:])})
    return {said for said, count in edges.items() if count >= _REPEATED}


def _texts(lines: Sequence[Line]) -> list[str]:
    return [line.text for line in lines]


def _letters(text: str) -> str:
    """Return what two writings of one title have in common."""
    return "".join(filter(str.isalnum, text)).casefold()
