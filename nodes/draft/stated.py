"""What the blocks of a draft state: sentences, rows of tables, code and headings, each with its own marks."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nodes.draft.blocks import Block, BlockKind, Document
from nodes.draft.inline import CLOSERS, OPENERS, Kind, Piece
from nodes.draft.plain import BETWEEN_CELLS, PlainRun, plain_run, plain_text, row_text
from state.sentences import sentences
from state.values import ClaimKind

CUT = -1
"""The owner of a piece that belongs to no claim."""

TITLE_LEVEL = 7
"""The level of a paragraph that is a heading in all but syntax: below every heading."""

_TITLE_CHARS = 80
"""Longest paragraph in bold that counts as a heading. A chosen value."""

_ROWS_BELOW = 3
"""Rows that a judge sees with the header of their table. A chosen value: enough to tell what a column holds."""

_STOPPED = re.compile(r"[.!?…。！？｡:：;；,，][\"'”’»)\]）」』]*\Z")
_CITED = re.compile(r"E?\d{1,4}")
_NEUTRALISED = re.compile("⟦[^⟧]*⟧")
_SOURCE_WORDS = ("", "source", "sources")


@dataclass(eq=False)
class Stated:
    """A claim in its block. `own` is what its own marks cite, `aliases` also what is cited for it elsewhere.

    `introduces` is the list, table, code or quotation that it leads to, and `leads` whether it says nothing without
    that. `marks_after` is the paragraph of marks that belongs to code, `quotation` the words of the block quote around.
    """

    kind: ClaimKind
    text: str
    block: Block
    start: int
    end: int
    own: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    context: str = ""
    section: str = ""
    introduces: Block | None = None
    leads: bool = False
    marks_after: Block | None = None
    quotation: str = ""


@dataclass
class Reading:
    """A draft that was read: its blocks, and its claims in order.

    `stated` holds the claims of each block, `owners` for each of its pieces the index of the piece's claim among them.
    """

    document: Document
    claims: list[Stated] = field(default_factory=list)
    stated: dict[Block, list[Stated]] = field(default_factory=dict)
    owners: dict[Block, list[int]] = field(default_factory=dict)
    marks_only: set[Block] = field(default_factory=set)

    def within(self, block: Block) -> list[Stated]:
        """Return the claims inside a block, in order."""
        return [claim for each in block.walk() for claim in self.stated.get(each, ())]


def read_blocks(document: Document) -> Reading:
    """Return the claims of a document with their own marks alone."""
    reading = Reading(document)
    for block in document.root.walk():
        if block.kind in _READERS:
            found = _READERS[block.kind](reading, block)
            reading.stated[block] = found
            reading.claims.extend(found)
    for quote in (each for each in document.root.walk() if each.kind is BlockKind.QUOTE):
        words = _words_of(quote)
        for claim in reading.within(quote):
            claim.quotation = claim.quotation or words  # of the outermost one
    return reading


def _words_of(container: Block) -> str:
    """Return what a reader sees of the blocks in `container`, one a line."""
    shown = (block.code if block.kind is BlockKind.CODE else plain_text(block.pieces) for block in container.walk())
    return "\n".join(filter(None, shown))


def cited_in(pieces: Iterable[Piece]) -> tuple[str, ...]:
    """Return what the marks among `pieces` cite, each once, in order."""
    marks = (piece.raw for piece in pieces if piece.kind is Kind.MARK)
    return tuple(dict.fromkeys(cited for mark in marks for cited in _CITED.findall(mark)))


def ends_with_stop(text: str) -> bool:
    """Whether a stop ends `text`: a paragraph without one is a label."""
    return bool(_STOPPED.search(text))


def section_of(claims: Sequence[Stated], at: int) -> Iterator[Stated]:
    """Yield the claims under the heading or header at `at`: in its container, up to the next that is not below it."""
    heading = claims[at].block
    for n in range(at + 1, len(claims)):
        claim = claims[n]
        if not claim.block.is_in(heading.parent):
            return
        if claim.kind.states:
            yield claim
        elif claim.block.parent is heading.parent and claim.block.level <= heading.level:
            return


def _paragraph(reading: Reading, block: Block) -> list[Stated]:
    """Return the sentences of a paragraph that state something. A quotation that cites at its end is one claim."""
    pieces = block.pieces
    run = plain_run(pieces)
    if _only_marks(pieces, run):
        reading.marks_only.add(block)
        reading.owners[block] = [CUT] * len(pieces)
        return []
    if _is_title(block, pieces, run):
        block.level = TITLE_LEVEL
        return _heading(reading, block)
    spans = sentences("".join(run.outline))
    if len(spans) > 1 and _is_quotation(block, pieces, run.at[spans[-1][0]]):
        spans = [(spans[0][0], spans[-1][1])]
    texts = [run.line(*span) for span in spans]
    owners, reach = _sentences(pieces, [range(run.at[start], run.at[end - 1] + 1) for start, end in spans])
    stating = [n for n, text in enumerate(texts) if _states(text)]
    number = {n: claim for claim, n in enumerate(stating)}
    reading.owners[block] = [number.get(owner, CUT) for owner in owners]
    opened = _opened(pieces)
    return [_of_pieces(ClaimKind.SENTENCE, texts[n], block, reach[n], opened) for n in stating]


def _sentences(pieces: Sequence[Piece], own: Sequence[range]) -> tuple[list[int], list[range]]:
    """Return the sentence of each piece, and for each sentence its pieces from the first to the last mark.

    A mark belongs to the sentence that it stands in or after; one before all sentences belongs to the first.
    """
    owners = [CUT] * len(pieces)
    for n, indices in enumerate(own):
        owners[indices.start : indices.stop] = [n] * len(indices)
    firsts, reach = [indices.start for indices in own], list(own)
    for at, piece in enumerate(pieces):
        if piece.kind is Kind.MARK and own:
            n = owners[at] = max(bisect_left(firsts, at) - 1, 0)
            reach[n] = range(min(reach[n].start, at), max(reach[n].stop, at + 1))
    return owners, reach


def _heading(reading: Reading, block: Block) -> list[Stated]:
    text = plain_text(block.pieces)
    reading.owners[block] = [0 if has_words(text) else CUT] * len(block.pieces)
    if not has_words(text):
        return []
    return [_of_pieces(ClaimKind.HEADING, text, block, range(len(block.pieces)), _opened(block.pieces))]


def _header(reading: Reading, block: Block) -> list[Stated]:
    text = row_text(block.cells)
    reading.owners[block] = [0 if text.strip(BETWEEN_CELLS) else CUT] * len(block.pieces)
    if not text.strip(BETWEEN_CELLS):
        return []
    rows = block.parent.children[1 : 1 + _ROWS_BELOW] if block.parent else []
    below = "\n".join(row_text(row.cells) for row in rows)
    return [Stated(ClaimKind.HEADER, text, block, *reading.document.span(block), context=below)]


def _row(reading: Reading, block: Block) -> list[Stated]:
    text = row_text(block.cells)
    reading.owners[block] = [0 if has_words(text) else CUT] * len(block.pieces)
    if not has_words(text):
        return []
    header = block.parent.children[0] if block.parent else block
    own, context = cited_in(block.pieces), row_text(header.cells)
    return [Stated(ClaimKind.ROW, text, block, *reading.document.span(block), own=own, context=context)]


def _code(reading: Reading, block: Block) -> list[Stated]:
    if not has_words(block.code):
        return []
    return [Stated(ClaimKind.CODE, block.code.rstrip("\n"), block, *reading.document.span(block))]


_READERS: dict[BlockKind, Callable[[Reading, Block], list[Stated]]] = {
    BlockKind.PARAGRAPH: _paragraph,
    BlockKind.HEADING: _heading,
    BlockKind.HEADER: _header,
    BlockKind.ROW: _row,
    BlockKind.CODE: _code,
}


def _opened(pieces: Sequence[Piece]) -> dict[int, int]:
    """Return the index of the opening piece of each pair."""
    return {piece.pair: at for at, piece in enumerate(pieces) if piece.kind in OPENERS}


def _of_pieces(kind: ClaimKind, text: str, block: Block, own: range, opened: dict[int, int]) -> Stated:
    """Return the claim of the pieces `own`, and of the emphasis around them that encloses nothing else."""
    pieces = block.pieces
    first, last = own.start, own.stop - 1
    while first > 0 and pieces[first - 1].kind in OPENERS:
        first -= 1
    while last + 1 < len(pieces) and pieces[last + 1].kind in CLOSERS and opened[pieces[last + 1].pair] >= first:
        last += 1
    closed = {pieces[at].pair for at in range(first, last + 1) if pieces[at].kind in CLOSERS}
    while first < own.start and pieces[first].pair not in closed:
        first += 1
    return Stated(kind, text, block, pieces[first].start, pieces[last].end, own=cited_in(pieces[first : last + 1]))


def _is_quotation(block: Block, pieces: Sequence[Piece], last: int) -> bool:
    """Whether a paragraph stands in a block quote and cites after its last sentence alone, which begins at `last`."""
    marks = [at for at, piece in enumerate(pieces) if piece.kind is Kind.MARK]
    around = block.parent
    while around is not None and around.kind is not BlockKind.QUOTE:
        around = around.parent
    return around is not None and bool(marks) and marks[0] > last


def _only_marks(pieces: Sequence[Piece], run: PlainRun) -> bool:
    """Whether a paragraph is nothing but citation marks, perhaps after the word `Source:`."""
    words = run.line().strip(" :;,.()—–-").casefold()
    return words in _SOURCE_WORDS and any(piece.kind is Kind.MARK for piece in pieces)


def _is_title(block: Block, pieces: Sequence[Piece], run: PlainRun) -> bool:
    """Whether a paragraph is a heading in all but syntax: some words in bold, without a mark or a stop."""
    bold = len(pieces) > 1 and pieces[0].raw in ("**", "__") and pieces[0].pair == pieces[-1].pair >= 0
    text = run.line()
    nested = block.parent is not None and block.parent.kind is BlockKind.ITEM
    return bold and not nested and not cited_in(pieces) and len(text) <= _TITLE_CHARS and not ends_with_stop(text)


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit in `text`, neutralised marks aside."""
    return any(char.isalnum() for char in _NEUTRALISED.sub("", text))


def _states(sentence: str) -> bool:
    return has_words(sentence) and not sentence.rstrip(" *_\"')”’").endswith(("?", "？"))
