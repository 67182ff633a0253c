"""The plain text of Markdown: what a reader sees of it, without markup and citation marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nodes.draft.inline import CLOSERS, OPENERS, SPACES, VISIBLE, Kind, Piece

BETWEEN_CELLS = " | "
_ENDS = frozenset(".!?:;…。！？｡：；")
_BOUNDARY = "\f"
"""Ends a sentence where no full stop does: `state.sentences` takes it for the end of a paragraph."""


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
    run = PlainRun()
    for n, piece in enumerate(pieces):
        if piece.kind in (Kind.CODE, Kind.AUTOLINK):
            run.add(n, piece.plain, "X" * len(piece.plain))
        elif piece.kind is Kind.TEXT:
            run.add(n, piece.plain)
        elif piece.kind in SPACES:
            run.add(n, " ", _BOUNDARY if _ends_sentence(pieces, n, run) else " ")
        elif piece.kind is Kind.MARK:
            run.strip()
            if _begins_word(pieces, n):
                run.add(n, " ")
    return run


def plain_text(pieces: Sequence[Piece]) -> str:
    """Return the plain text of a paragraph, heading or cell on one line."""
    return plain_run(pieces).line()


def row_text(cells: Sequence[Sequence[Piece]]) -> str:
    """Return the plain text of a table row: its cells in order."""
    return BETWEEN_CELLS.join(map(plain_text, cells)).strip()


def _ends_sentence(pieces: Sequence[Piece], at: int, run: PlainRun) -> bool:
    """Whether the line break at `at` ends a sentence: after a mark, or a hard one after a stop."""
    if pieces[at].kind is Kind.SPACE:
        return False
    before = (pieces[n] for n in range(at - 1, -1, -1))
    last = next((piece for piece in before if piece.kind not in (*SPACES, *CLOSERS)), None)
    marked = last is not None and last.kind is Kind.MARK
    stopped = pieces[at].kind is Kind.HARD_BREAK and "".join(run.text[-3:]).rstrip()[-1:] in _ENDS
    after = (pieces[n] for n in range(at + 1, len(pieces)))
    following = next((piece.plain for piece in after if piece.kind in VISIBLE), "")
    return (marked or stopped) and not following[:1].islower()


def _begins_word(pieces: Sequence[Piece], at: int) -> bool:
    """Whether a word follows a mark without white space: then the two words around it must not become one."""
    after = (pieces[n] for n in range(at + 1, len(pieces)))
    found = next((piece for piece in after if piece.kind not in (Kind.MARK, *OPENERS)), None)
    return found is not None and found.kind in VISIBLE and (found.plain[:1].isalnum() or found.kind is not Kind.TEXT)
