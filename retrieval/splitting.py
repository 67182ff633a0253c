"""Splitting canonical text into passages with exact offsets.

A passage is a part of one section, or several small sections under their common path. Headings stay with what follows
them, and so do words that end with a colon above a list, code or a table. Code and tables are cut only where they are
larger than a passage, and then between lines; a list is cut where it is larger, and then between items.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import NamedTuple

from retrieval.documents import Block, Heading, LoadedDocument, Span
from state.values import Kind

# From the widest break to the narrowest: page, paragraph, line, sentence, clause, word.
SEPARATORS = ("\f", "\n\n", "\n", ". ", "? ", "! ", "; ", ", ", " ")

_SMALL = 4
"""A section shorter than this part of a passage is joined with its neighbours, and a break at a wide separator leaves
at least this part. A chosen value."""

_MARKUP_CHARS = 40  # what may stand beside the title of a heading in its line
_LONGEST_LEAD = 400  # characters of a paragraph that stays with what it introduces; of a longer one, the last sentence
_IN_ITEM = " " * 6  # before code that stands in an item of a list
_COLON = re.compile(r"[:：]\s*\Z")
_VISIBLE = re.compile(r"\S")

Path = tuple[str, ...]


class _Section(NamedTuple):
    """The text below one heading, up to the next one. `body` is where the heading's own text ends."""

    start: int
    body: int
    end: int
    path: Path


def split_document(document: LoadedDocument, *, chunk_chars: int, overlap: int) -> list[Span]:
    """Return the passages of `document` in order. None is longer than `chunk_chars`, and none is only a heading.

    Every character that is not white space is part of at least one passage.
    """
    # LangChain's splitters know no blocks, and hold all pieces of a large text several times.
    parts = _Parts(document)
    pages = document.page_starts
    spans: list[Span] = []
    for group in _groups(_sections(document, parts), document.text, chunk_chars):
        for start, end in _Cutter(parts, group, chunk_chars, overlap).pieces():
            span = Span(
                start=start,
                end=end,
                page=_page(pages, start),
                page_end=_page(pages, end - 1),
                heading_path=group.path(start, end),
                kind=parts.kind(start, end),
            )
            spans.append(span)
    return spans


class _Parts:
    """The text of a document and its blocks; each heading is one, whether the loader has marked it or not."""

    def __init__(self, document: LoadedDocument) -> None:
        self.text = document.text
        marked = {block.start for block in document.blocks}
        found = [_line_of(document.text, each) for each in document.headings if each.start not in marked]
        self._all = sorted([*document.blocks, *filter(None, found)], key=lambda block: block.start)
        self._starts = [block.start for block in self._all]

    def at(self, place: int) -> Block | None:
        """Return the block that contains `place`."""
        before = bisect_right(self._starts, place) - 1
        found = self._all[before] if before >= 0 else None
        return found if found is not None and place < found.end else None

    def solid(self, place: int) -> Block | None:
        """Return the code or the table that begins before `place` and ends after it."""
        found = self.at(place)
        return found if found is not None and found.kind in ("code", "table") and found.start < place else None

    def after_solid(self, start: int, end: int) -> int:
        """Return the end of the last code or table that ends between `start` and `end`, or `start`."""
        for n in range(bisect_right(self._starts, end) - 1, -1, -1):
            block = self._all[n]
            if block.end <= start:
                return start
            if block.kind in ("code", "table") and block.end <= end:
                return block.end
        return start

    def before_headings(self, place: int, least: int) -> int:
        """Return where the headings begin that end right before `place`, after `least`; or `place` itself."""
        n = bisect_left(self._starts, place) - 1
        while (
            n >= 0
            and self._starts[n] > least
            and self._all[n].kind == "heading"
            and self.is_blank(self._all[n].end, place)
        ):
            place = self._all[n].start
            n -= 1
        return place

    def before_lead(self, place: int, least: int, most: int) -> int:
        """Return where the words begin that introduce the list, code or table at `place`, after `least`.

        It is `place` itself if there are none, or if both together are longer than `most`.
        """
        n = bisect_left(self._starts, place)
        introduced = n < len(self._all) and self._all[n].kind in ("list", "code", "table")
        if not introduced or not self.is_blank(place, self._starts[n]):
            return place
        before = self.text[least:place]
        if not _COLON.search(before):
            return place
        lead = before.rstrip()
        start = lead.rfind("\n\n") + 2
        if start < 2 or len(lead) - start > _LONGEST_LEAD:
            start = lead.rfind(". ", max(len(lead) - _LONGEST_LEAD, 0)) + 2
        fits = start >= 2 and self._all[n].end - (least + start) <= most
        return least + start if fits and start else place

    def list_around(self, place: int, least: int, most: int) -> int:
        """Return where the list begins that goes on at `place`, after `least`; `place` if it is longer than `most`."""
        n = bisect_left(self._starts, place)
        first = last = n - 1
        cut = n > 0 and (place < self._all[first].end or (self._is_in_list(n) and self._follows(n)))
        if not cut or not self._is_in_list(first):
            return place
        while self._is_in_list(last + 1) and self._follows(last + 1) and self._all[last].end - place <= most:
            last += 1
        while self._is_in_list(first - 1) and self._follows(first) and place - self._all[first].start <= most:
            first -= 1
        start = self._all[first].start
        whole = self._all[first].kind == "list" and self._all[last].end - start <= most
        return start if whole and start > least else place

    def _is_in_list(self, n: int) -> bool:
        """Whether there is a block `n`, and it is an item of a list or stands in one."""
        if not 0 <= n < len(self._all):
            return False
        block = self._all[n]
        return block.kind == "list" or (block.kind == "code" and self.text.startswith(_IN_ITEM, block.start))

    def _follows(self, n: int) -> bool:
        """Whether nothing stands between a block and the one before it."""
        return n > 0 and self.is_blank(self._all[n - 1].end, self._all[n].start)

    def after_headings(self, place: int, end: int) -> int:
        """Return where the text begins below the headings that begin at `place`."""
        n = bisect_left(self._starts, place)
        while n < len(self._all) and self._starts[n] < end and self._all[n].kind == "heading":
            if not self.is_blank(place, self._starts[n]):
                break
            place = self._all[n].end
            n += 1
        return place

    def kind(self, start: int, end: int) -> Kind:
        """Return the kind of the text between two offsets, headings aside; `prose` if it is mixed."""
        kinds: set[Kind] = set()
        at = start
        for n in range(max(bisect_right(self._starts, start) - 1, 0), len(self._all)):
            block = self._all[n]
            if block.start >= end:
                break
            if block.end > start:
                kinds |= set() if self.is_blank(at, block.start) else {"prose"}
                kinds.add(block.kind)
                at = block.end
        kinds |= set() if self.is_blank(at, end) else {"prose"}
        if len(kinds) > 1:
            kinds.discard("heading")
        return kinds.pop() if len(kinds) == 1 else "prose"

    def is_blank(self, start: int, end: int) -> bool:
        """Return whether there is nothing but white space between two offsets."""
        return not self.text[start:end].strip() if start < end else True


def _line_of(text: str, heading: Heading) -> Block | None:
    """Return the line of a heading, if it stands there: some loaders name a place that has no heading of its own."""
    line = text[heading.start : heading.start + 2 * len(heading.title) + _MARKUP_CHARS].partition("\n")[0]
    stands = heading.title and heading.title.casefold() in " ".join(line.split()).casefold()
    return Block(start=heading.start, end=heading.start + len(line), kind="heading") if stands else None


def _sections(document: LoadedDocument, parts: _Parts) -> Iterator[_Section]:
    """Yield the sections that hold text; text before the first heading has an empty path."""
    open_headings: list[Heading] = []
    starts = [heading.start for heading in document.headings]
    found: list[tuple[int, int, Path]] = []
    if not starts or starts[0] > 0:
        found.append((0, starts[0] if starts else len(document.text), ()))
    for heading, end in zip(document.headings, [*starts[1:], len(document.text)], strict=False):
        open_headings = [outer for outer in open_headings if outer.level < heading.level] + [heading]
        found.append((heading.start, end, tuple(outer.title for outer in open_headings)))
    for start, end, path in found:
        begin, finish = _trimmed(parts, start, end)
        if begin < finish:
            yield _Section(begin, min(parts.after_headings(begin, finish), finish), finish, path)


class _Group:
    """Sections that are joined. `is_bare` says that they are nothing but headings."""

    def __init__(self, section: _Section) -> None:
        self.sections = [section]
        self.start, self.end = section.start, section.end
        self.is_bare = section.body >= section.end
        self._common, self._deepest = section.path, len(section.path)
        self._starts = [section.start]

    def add(self, section: _Section) -> None:
        """Join `section`, which follows the others."""
        bare = section.body >= section.end
        # Headings without text do not count for the path.
        if self.is_bare:
            self._common, self._deepest = section.path, len(section.path)
        elif not bare:
            self._common = _common(self._common, section.path)
            self._deepest = max(self._deepest, len(section.path))
        self.is_bare = self.is_bare and bare
        self.end = section.end
        self.sections.append(section)
        self._starts.append(section.start)

    def takes(self, section: _Section, text: str, most: int) -> bool:
        """Return whether `section`, which follows, belongs to this group."""
        if self.is_bare:
            return True
        small = min(self.end - self.start, section.end - section.start) * _SMALL < most
        if section.end - self.start > most or not small or "\f" in text[self.end : section.start]:
            return False
        # Siblings are joined, and a section with those below it; not the last one of a chapter with the next chapter.
        return len(_common(self._common, section.path)) >= max(self._deepest, len(section.path)) - 1

    def path(self, start: int, end: int) -> Path:
        """Return the common path of the sections whose text lies between two offsets."""
        first = max(bisect_right(self._starts, start) - 1, 0)
        met = self.sections[first : bisect_left(self._starts, end)]
        told = [each.path for each in met if max(each.body, start) < min(each.end, end)]
        return reduce(_common, told or [each.path for each in met])


def _groups(sections: Iterable[_Section], text: str, most: int) -> list[_Group]:
    groups: list[_Group] = []
    for section in sections:
        if groups and groups[-1].takes(section, text, most):
            groups[-1].add(section)
        else:
            groups.append(_Group(section))
    if len(groups) > 1 and groups[-1].is_bare:
        for section in groups.pop().sections:
            groups[-1].add(section)
    return groups


def _common(one: Path, other: Path) -> Path:
    same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:same]


class _Cutter:
    """Cuts a group of sections into passages of at most `most` characters."""

    def __init__(self, parts: _Parts, group: _Group, most: int, overlap: int) -> None:
        self._parts = parts
        self._text = parts.text
        self._start, self._end = group.start, group.end
        self._most = most
        self._reach = min(overlap, most // 2)
        self._size = most - self._reach
        self._body_end = parts.before_headings(self._end, self._start)
        while self._body_end > self._start and self._text[self._body_end - 1].isspace():
            self._body_end -= 1

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Yield the trimmed bounds of each passage; one may overlap that before it by whole words."""
        at = self._start
        while at < self._end:
            at = _begin(self._parts, at, self._end)
            stop = self._stop(at)
            start, end = _trimmed(self._parts, at, stop)
            if start < end:
                yield self._reached_back(start, end), end
            at = stop

    def _stop(self, at: int) -> int:
        """Return the end of the passage that begins at `at`."""
        if self._end - at <= self._most:
            return self._end
        limit = at + self._size
        least = self._parts.after_headings(at, limit)
        if least >= limit:
            return self._narrowest(at, limit)
        low = max(least, at + self._size // _SMALL)
        stop = self._parts.list_around(self._break(at, least, limit), low, self._most)
        stop = self._parts.before_headings(self._parts.before_lead(stop, low, self._most), least)
        if self._parts.is_blank(least, stop):
            # The passage would be only headings: they get as much of the text below them as fits.
            return self._narrowest(_begin(self._parts, least, limit), limit)
        if stop >= self._body_end < self._end and self._body_end - 1 > at:
            # Only headings would be left: they get the last words of the text before them.
            return self._narrowest(least, min(self._body_end - 1, stop))
        return stop

    def _break(self, at: int, least: int, limit: int) -> int:
        low = max(least, at + self._size // _SMALL)
        solid = self._parts.solid(limit)
        if solid is None:
            return self._narrowest(min(self._parts.after_solid(low, limit), limit - 1), limit)
        if solid.end - at <= self._most:
            return solid.end
        fits = solid.end - solid.start <= self._most
        if solid.start > (least if fits else low) and not self._parts.is_blank(least, solid.start):
            return solid.start
        low = max(solid.start, low)
        row = self._text.rfind("\n", low, limit) + 1 or self._text.rfind("\n", max(solid.start, least), limit) + 1
        return row if row > least else self._narrowest(low, limit)

    def _narrowest(self, low: int, limit: int) -> int:
        """Return the end of the last of the widest separators between two offsets."""
        found = ((self._text.rfind(each, low, limit), len(each)) for each in SEPARATORS)
        return next((place + length for place, length in found if place >= 0 and place + length > low), limit)

    def _reached_back(self, start: int, end: int) -> int:
        """Return the start of the first word within reach before `start`, or `start` itself."""
        reach = min(self._reach, self._most - (end - start))
        inside = self._parts.at(start)
        if reach <= 0 or start == self._start or (inside is not None and inside.kind in ("code", "table")):
            return start
        first = self._parts.after_solid(max(start - reach, self._start), start)
        words = (n for n in range(max(first, 1), start) if self._text[n - 1].isspace() and not self._text[n].isspace())
        return first if first == self._start else next(words, start)


def _trimmed(parts: _Parts, start: int, end: int) -> tuple[int, int]:
    """Return the bounds without white space around the text; code keeps the indentation of its first line."""
    piece = parts.text[start:end]
    begin = _begin(parts, start, end)
    return begin, max(end - (len(piece) - len(piece.rstrip())), begin)


def _begin(parts: _Parts, start: int, end: int) -> int:
    found = _VISIBLE.search(parts.text, start, end)
    begin = found.start() if found else end
    block = parts.at(begin)
    if block is not None and block.kind == "code":
        return max(parts.text.rfind("\n", start, begin) + 1, block.start, start)
    return begin


def _page(starts: Sequence[int], at: int) -> int | None:
    """Return the page, counted from 1, that contains the offset `at`."""
    return max(bisect_right(starts, at), 1) if starts else None
