"""The plain text of Markdown: what a reader sees of it, without markup and citation marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nodes.draft.inline import CLOSERS, OPENERS, SPACES, VISIBLE, Kind, Piece

BETWEEN_CELLS = " | "
_ENDS = frozenset(".!?:;…。！？｡：；")
_BOUNDARY = "\f"
"""Ends a sentence where no full stop does: `state.sentences` takes it for the end of a paragraph."""

_DEEPER = {Kind.LINK_OPEN: 1, Kind.LINK_CLOSE: -1}
_JOIN = "_"
"""Stands for white space inside of a link, which no sentence ends in the middle of."""


@dataclass
class PlainRun:
    """The plain text of a run of pieces, by character. `at[n]` is the index of the piece of character `n`.

    `outline` is as long as the text and is what sentences are found in: code and addresses are one word there.
    """

    text: list[str] = field(default_factory=list)
    outline: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)

    def add(self, piece: int, text: str, outline: str = "") -> None:
        """Append `text`, which the piece with this index shows."""
        self.text.extend(text)
        self.outline.extend(outline or text)
        self.at.extend([piece] * len(text))

    def strip(self) -> None:
        """Take away white space at the end."""
        while self.text and self.text[-1].isspace():
            for each in (self.text, self.outline, self.at):
                each.pop()

    def line(self, start: int = 0, end: int | None = None) -> str:
        """Return the text from `start` to `end` on one line."""
        return " ".join("".join(self.text[start:end]).split())


def plain_run(pieces: Sequence[Piece]) -> PlainRun:
    """Return the plain text of a paragraph, heading or cell, with the piece of every character."""
    run, linked = PlainRun(), 0
    after = _following(pieces)
    before = Kind.SPACE
    for n, piece in enumerate(pieces):
        if piece.kind is Kind.TEXT:
            run.add(n, piece.plain)
            before = Kind.TEXT
            continue
        if piece.kind in (Kind.CODE, Kind.AUTOLINK):
            run.add(n, piece.plain, "X" * len(piece.plain))
        elif piece.kind in SPACES:
            ends = piece.kind is not Kind.SPACE and _ends_sentence(piece, before, run, after[n])
            run.add(n, " ", _JOIN if linked else _BOUNDARY if ends else " ")
        elif piece.kind is Kind.MARK:
            run.strip()
            if _begins_word(pieces, n, after[n]):
                run.add(n, " ")
        else:
            linked += _DEEPER.get(piece.kind, 0)
        before = before if piece.kind in (*SPACES, *CLOSERS) else piece.kind
    return run


def plain_text(pieces: Sequence[Piece]) -> str:
    """Return the plain text of a paragraph, heading or cell on one line."""
    return plain_run(pieces).line()


def row_text(cells: Sequence[Sequence[Piece]]) -> str:
    """Return the plain text of a table row: its cells in order."""
    return BETWEEN_CELLS.join(map(plain_text, cells)).strip()


def _following(pieces: Sequence[Piece]) -> list[Piece | None]:
    """Return for each piece the first visible one behind it."""
    found: list[Piece | None] = [None] * len(pieces)
    for n in range(len(pieces) - 2, -1, -1):
        found[n] = pieces[n + 1] if pieces[n + 1].kind in VISIBLE else found[n + 1]
    return found


def _ends_sentence(line_break: Piece, before: Kind, run: PlainRun, after: Piece | None) -> bool:
    """Whether a line break ends a sentence: after a mark, or a hard one after a stop, if no small letter follows."""
    stopped = line_break.kind is Kind.HARD_BREAK and "".join(run.text[-3:]).rstrip()[-1:] in _ENDS
    return (before is Kind.MARK or stopped) and not (after and after.plain[:1].islower())


def _begins_word(pieces: Sequence[Piece], at: int, after: Piece | None) -> bool:
    """Whether a word follows a mark without white space: then the two words around it must not become one."""
    if after is None or not (after.plain[:1].isalnum() or after.kind is not Kind.TEXT):
        return False
    return at + 1 < len(pieces) and pieces[at + 1].kind in (*VISIBLE, *OPENERS)
