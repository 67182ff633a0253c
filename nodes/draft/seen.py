"""What a reader sees of a Markdown text at given offsets, and which citation marks stand where."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from nodes.draft.blocks import BlockKind, Document
from nodes.draft.inline import VISIBLE, Kind, Piece
from nodes.draft.plain import BETWEEN_CELLS, plain_text
from nodes.draft.safety import NOTICE_PIECES, is_notice
from state.citation_marks import REPORT_MARK

Mark = tuple[int, int, int]
"""The start, the end and the number of a citation mark."""

_LEAVES = (BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.ROW, BlockKind.HEADER, BlockKind.CODE)


class PlainText:
    """The plain text and the citation marks of a published Markdown text, by offsets. A mark inside code is text.

    >>> text = PlainText("It is **so** [1]. And `[2]` too [3].")
    >>> text.of(0, 17), text.marks(0, 36)
    ('It is so.', [(12, 15, 1), (32, 35, 3)])
    """

    def __init__(self, markdown: str, mark: re.Pattern[str] = REPORT_MARK) -> None:
        document = Document(markdown, mark)
        self._leaves = [block for block in document.root.walk() if block.kind in _LEAVES]
        self._spans = [document.span(leaf) for leaf in self._leaves]
        self._cells = [[_without_notices(cell) for cell in leaf.cells] for leaf in self._leaves]
        pieces = (piece for leaf in self._leaves for piece in leaf.pieces)
        self._marks = [
            (piece.start, piece.end, int(number))
            for piece in pieces
            if piece.kind is Kind.MARK
            for number in re.findall(r"\d+", piece.raw)[:1]
        ]

    def of(self, start: int, end: int) -> str:
        """Return the plain text from `start` to `end`, on one line for each block; of code the text as it stands."""
        return "\n\n".join(filter(None, (self._shown(n, start, end) for n in self._between(start, end))))

    def marks(self, start: int, end: int) -> list[Mark]:
        """Return the citation marks from `start` to `end`."""
        first, last = (bisect_left(self._marks, (at, 0, 0)) for at in (start, end))
        return [mark for mark in self._marks[first:last] if mark[1] <= end]

    def outside(self, spans: Sequence[tuple[int, int]]) -> Iterator[str]:
        """Yield what each block shows outside of all `spans`: words, and signs, which may say no less."""
        ordered = sorted(spans)
        starts = [start for start, _ in ordered]
        for leaf, span, cells in zip(self._leaves, self._spans, self._cells, strict=True):
            if leaf.kind is BlockKind.CODE:
                words = leaf.code if not _within(ordered, starts, *span) else ""
            else:
                pieces = [piece for cell in cells for piece in cell if piece.kind in VISIBLE]
                words = "".join(each.plain for each in pieces if not _within(ordered, starts, each.start, each.end))
            if words:
                yield words

    def _shown(self, leaf: int, start: int, end: int) -> str:
        if self._leaves[leaf].kind is BlockKind.CODE:
            return self._leaves[leaf].code.rstrip("\n")
        return BETWEEN_CELLS.join(plain_text(_inside(cell, start, end)) for cell in self._cells[leaf]).strip()

    def _between(self, start: int, end: int) -> Iterator[int]:
        """Yield the indices of the blocks that reach into a span. Blocks do not overlap."""
        at = bisect_left(self._spans, (start, start))
        at -= 1 if at and self._spans[at - 1][1] > start else 0
        while at < len(self._spans) and self._spans[at][0] < end:
            yield at
            at += 1


def _within(spans: Sequence[tuple[int, int]], starts: Sequence[int], start: int, end: int) -> bool:
    at = bisect_left(starts, start + 1) - 1
    return at >= 0 and end <= spans[at][1]


def _inside(pieces: Sequence[Piece], start: int, end: int) -> list[Piece]:
    """Return the pieces from `start` to `end`, words cut where the span cuts them."""
    first = bisect_left(pieces, start, key=lambda piece: piece.end)
    last = bisect_left(pieces, end, lo=first, key=lambda piece: piece.start)
    found: list[Piece] = []
    for piece in pieces[first:last]:
        if start <= piece.start and piece.end <= end:
            found.append(piece)
        elif piece.kind is Kind.TEXT and piece.raw == piece.plain:
            found.append(piece._replace(plain=piece.plain[max(start - piece.start, 0) : end - piece.start]))
    return found


def _without_notices(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces without the notices that nobody verified a claim, which code writes."""
    kept: list[Piece] = []
    skip = 0
    for at, piece in enumerate(pieces):
        skip = NOTICE_PIECES if is_notice(pieces, at) else max(skip - 1, 0)
        if not skip:
            kept.append(piece)
    return kept
