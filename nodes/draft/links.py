"""Which links and addresses a published claim may hold: those that its caller found in what it cites."""

from __future__ import annotations

from collections.abc import Sequence

from nodes.draft.choice import Choice
from nodes.draft.inline import CLOSERS, OPENERS, VISIBLE, Kind, Piece
from nodes.draft.plain import plain_run
from nodes.draft.stated import Stated
from state.addresses import address_key, address_spans


def check_links(choice: Choice, pieces: Sequence[Piece], owners: Sequence[Stated | None], raws: list[str]) -> None:
    """Take away the links that the claims may not hold, and make addresses code: no client links what is code."""
    opened: dict[int, int] = {}
    for at, piece in enumerate(pieces):
        if piece.kind is Kind.LINK_OPEN:
            opened[piece.pair] = at
        elif piece.kind is Kind.LINK_CLOSE and not _may_link(choice, pieces, owners, range(opened[piece.pair], at + 1)):
            raws[opened[piece.pair]] = raws[at] = ""
        elif piece.kind is Kind.AUTOLINK and address_key(piece.plain) not in _allowed(choice, owners[at]):
            raws[at] = f"`{piece.plain}`"
    _hide_addresses(choice, pieces, owners, raws)


def _may_link(choice: Choice, pieces: Sequence[Piece], owners: Sequence[Stated | None], link: range) -> bool:
    """Whether a link is part of one claim that may hold it, and does not show another address than it has."""
    inside = [n for n in link if pieces[n].kind in VISIBLE]
    holders = {owners[n] for n in inside}
    key = address_key(pieces[link[-1]].href)
    text = "".join(plain_run([pieces[n] for n in link]).text)
    shown = {address_key(text[start:end]) for start, end in address_spans(text)}
    return len(holders) == 1 and shown <= {key} and key in _allowed(choice, holders.pop())


def _allowed(choice: Choice, claim: Stated | None) -> frozenset[str]:
    return choice.of(claim).addresses if claim else frozenset()


def _hide_addresses(choice: Choice, pieces: Sequence[Piece], owners: Sequence[Stated | None], raws: list[str]) -> None:
    run = plain_run(pieces)
    # What is code already ends an address, for clients as well.
    coded = [pieces[n].kind in (Kind.CODE, Kind.AUTOLINK) for n in run.at]
    text = "".join(" " if code else char for char, code in zip(run.text, coded, strict=True))
    for start, end in address_spans(text):
        first, last = run.at[start], run.at[end - 1]
        if address_key(text[start:end]) not in _allowed(choice, owners[first]):
            _make_code(pieces, raws, range(first, last + 1))


def _make_code(pieces: Sequence[Piece], raws: list[str], own: range) -> None:
    """Make one span of code of pieces of text; emphasis that begins or ends in them goes."""
    pairs = {pieces[n].pair for n in own if pieces[n].kind in (*OPENERS, *CLOSERS)}
    for n, piece in enumerate(pieces if pairs else ()):
        if piece.pair in pairs:
            raws[n] = ""
    words = [n for n in own if pieces[n].kind is Kind.TEXT]
    plain = "".join(pieces[n].plain for n in words)
    for n in words:
        raws[n] = ""
    raws[words[0]] = f"`{plain}`"
