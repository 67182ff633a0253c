"""The text of one paragraph, heading or cell as it is published: failed claims cut, marks numbered, links checked."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nodes.draft.choice import Choice
from nodes.draft.inline import CLOSERS, OPENERS, SPACES, VISIBLE, Kind, Piece
from nodes.draft.links import check_links
from nodes.draft.safety import NOTICE, safe_raws
from nodes.draft.stated import CUT, Stated
from state.citation_marks import ALIAS

BEGIN, END = "\ue000", "\ue001"
"""Stand around each claim until the text is complete. Characters of the private use area: no draft holds them."""

UNVERIFIED = f" *{NOTICE}*"
"""What follows a claim that nobody verified."""

_STOPS = frozenset(".!?:;…。！？｡：；")
_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#+\-.!|~&:=()])")


@dataclass
class Run:
    """The pieces of one run of text, and what each of them becomes.

    `owners` holds for each piece the published claim that it belongs to. `begins` and `ends` are the pieces with which
    a claim begins and ends, with what follows the claim; `added` are the numbers that are added behind a piece. The
    header of a table without words is `structure`: no claim owns it, and it stays.
    """

    pieces: Sequence[Piece]
    owners: Sequence[Stated | None]
    raws: list[str]
    begins: set[int] = field(default_factory=set)
    ends: dict[int, str] = field(default_factory=dict)
    added: dict[int, str] = field(default_factory=dict)
    structure: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing of it is cut."""
        shown = (*VISIBLE, Kind.MARK)
        return all(owner or piece.kind not in shown for piece, owner in zip(self.pieces, self.owners, strict=True))


def text_run(
    choice: Choice, pieces: Sequence[Piece], owners: Sequence[int], claims: Sequence[Stated | None], *, bare: bool
) -> Run:
    """Return the run of a paragraph or heading, with the claims in it. `bare` leaves out all markup."""
    owned = [claims[owner] if owner != CUT else None for owner in owners]
    run = Run(pieces, owned, safe_raws(pieces))
    _settle(choice, run, bare=bare)
    starts, linked = [piece.start for piece in pieces], _linked(run)
    for claim in filter(None, claims):
        own = range(bisect_left(starts, claim.start), bisect_left(starts, claim.end))
        left = choice.citations(claim)
        _put_numbers(run, own, left)
        _add_numbers(run, _place(run, own, linked), left)
        run.begins.add(own.start)
        run.ends[own.stop - 1] = UNVERIFIED if choice.of(claim).unverified else ""
    return run


def row_runs(choice: Choice, cells: Sequence[Sequence[Piece]], claim: Stated | None, *, bare: bool) -> list[Run]:
    """Return the runs of a table row's cells. A header shows no numbers and no doubt: its rows do."""
    runs = [Run(cell, [claim] * len(cell), safe_raws(cell, in_table=True), structure=not claim) for cell in cells]
    left = choice.citations(claim) if claim else {}
    for run in runs:
        _settle(choice, run, bare=bare)
        _put_numbers(run, range(len(run.pieces)), left)
    filled = [run for run in runs if any(run.raws)]
    if claim and filled:
        last = len(filled[-1].pieces) - 1
        _add_numbers(filled[-1], last, left)
        doubt = UNVERIFIED if claim.kind.states and choice.of(claim).unverified else ""
        filled[-1].added[last] = filled[-1].added.get(last, "") + doubt
    return runs


def escaped(text: str) -> str:
    """Return `text` with a backslash before every character that may be markup, and no bracket of a tag."""
    return _MARKUP.sub(r"\\\1", text).replace(r"\<", "&lt;")


def _settle(choice: Choice, run: Run, *, bare: bool) -> None:
    """Decide about links and addresses; with `bare`, leave out all markup."""
    if bare:
        for n, piece in enumerate(run.pieces):
            shown = piece.plain if piece.kind in VISIBLE else " " if piece.kind in SPACES else ""
            run.raws[n] = escaped(shown)
    check_links(choice, run.pieces, run.owners, run.raws)


def _put_numbers(run: Run, own: range, left: dict[str, int]) -> None:
    """Put numbers in the place of a claim's marks, each once; `left` keeps those that have no mark."""
    for n in own:
        if run.pieces[n].kind is Kind.MARK:
            found = [left.pop(alias) for alias in ALIAS.findall(run.pieces[n].raw) if alias in left]
            run.raws[n] = _numbers(found)


def _numbers(numbers: Iterable[int]) -> str:
    return "".join(f"[{number}]" for number in numbers)


def _add_numbers(run: Run, at: int, left: dict[str, int]) -> None:
    """Add the numbers for which there is no mark behind the piece at `at`."""
    if left:
        tight = bool(_CJK.match(run.pieces[at].plain[-1:]))
        run.added[at] = ("" if tight else " ") + _numbers(left.values())


def _place(run: Run, own: range, linked: set[int]) -> int:
    """Return the piece behind which a claim's numbers go: the last before its final stop, else its last."""
    pieces = run.pieces
    last = next((n for n in reversed(own) if pieces[n].kind in VISIBLE), own.stop - 1)
    at = last
    while at > own.start and pieces[at].kind is Kind.TEXT and pieces[at].raw in _STOPS:
        at -= 1
    if at == last:
        return own.stop - 1
    while at > own.start and pieces[at].kind is Kind.SPACE:
        at -= 1
    return own.stop - 1 if pieces[at].kind in (*OPENERS, *SPACES) or at in linked else at


def _linked(run: Run) -> set[int]:
    """Return the pieces that are inside of links."""
    inside: set[int] = set()
    start = -1
    for n, piece in enumerate(run.pieces):
        if piece.kind is Kind.LINK_OPEN and run.raws[n]:
            start = n
        elif piece.kind is Kind.LINK_CLOSE and start >= 0:
            inside.update(range(start, n))
            start = -1
    return inside


class _Line:
    """Text that is put together piece by piece. White space waits until it is known what follows it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._gap: list[tuple[Kind, str]] = []
        self._cut = self._begins = self._apart = self._skips = False
        self._last = Kind.SPACE

    def space(self, kind: Kind, raw: str) -> None:
        """Add white space."""
        if not (self._skips and kind is Kind.SPACE):
            self._gap.append((kind, raw))
        self._skips = False

    def cut(self) -> None:
        """Note that something was left out here."""
        self._cut = True

    def drop(self, *, before: bool) -> None:
        """Note that a mark was left out here: of the white space around it, one side goes."""
        self._skips = any(kind is not Kind.SPACE for kind, _ in self._gap)
        if before and not self._skips:
            self._gap.clear()

    def begin(self) -> None:
        """Begin a claim with whatever comes next."""
        self._begins = True

    def add(self, kind: Kind, raw: str) -> None:
        """Add a piece."""
        space = self._white_space(kind)
        if self._apart and not space and kind not in CLOSERS:
            space = " "
        self.parts.append(space)
        if self._begins:
            self.parts.append(BEGIN)
        self.parts.append(raw)
        self._begins = False
        self._apart = self._apart and kind in CLOSERS
        self._last = kind
        if not (self._cut and kind in CLOSERS):
            self._gap, self._cut = [], False

    def end(self, notice: str) -> None:
        """End a claim."""
        if not self._begins:
            self.parts += [END, notice]
            self._apart = bool(notice)

    def _white_space(self, kind: Kind) -> str:
        if not self.parts:
            return ""
        if not self._cut:
            return "".join(raw for _, raw in self._gap)
        if not self._gap or kind in CLOSERS or self._last in (*OPENERS, Kind.TASK):
            return ""
        for found, raw in self._gap:
            if found is Kind.HARD_BREAK:
                return raw if raw.startswith("\\") else f"  {raw}"
        return "\n" if any(found is Kind.BREAK for found, _ in self._gap) else " "


def written(run: Run) -> str:
    """Return the text of a run."""
    line, pairs = _Line(), _filled_pairs(run)
    for n, piece in enumerate(run.pieces):
        if n in run.begins:
            line.begin()
        if piece.kind in SPACES:
            line.space(piece.kind, run.raws[n])
        elif piece.kind not in (*OPENERS, *CLOSERS):
            _write(run, n, line)
        elif run.raws[n] and piece.pair in pairs:
            line.add(piece.kind, run.raws[n])
        if n in run.added:
            line.parts.append(run.added[n])
        if n in run.ends:
            line.end(run.ends[n])
    return "".join(line.parts)


def _write(run: Run, at: int, line: _Line) -> None:
    """Write a piece of text or a mark, or leave it out."""
    piece, raw = run.pieces[at], run.raws[at]
    owned = run.structure or run.owners[at] is not None
    if piece.kind is Kind.MARK and owned and not raw:
        line.drop(before=_ends_here(run, at))
    elif (owned and raw) or (piece.kind is Kind.TASK and any(run.owners)):
        line.add(piece.kind, raw)
    elif not owned:
        line.cut()


def _filled_pairs(run: Run) -> set[int]:
    """Return the pairs with something in them that is published."""
    filled: set[int] = set()
    opened: list[int] = []
    for n, piece in enumerate(run.pieces):
        if piece.kind in OPENERS:
            opened.append(piece.pair)
        elif piece.kind in CLOSERS:
            opened.remove(piece.pair)
        elif opened and run.raws[n] and (run.owners[n] or run.structure) and piece.kind in (*VISIBLE, Kind.MARK):
            filled.update(opened)
    return filled


def _ends_here(run: Run, at: int) -> bool:
    """Whether no word follows a mark at once."""
    after = run.pieces[at + 1] if at + 1 < len(run.pieces) else None
    return after is None or after.kind not in VISIBLE or not after.plain[:1].isalnum()
