"""What a published text shows beside the words of its claims: headings, addresses, notices, and what may not be there.

For the check of a report that somebody may have changed: `prepared_draft` and `publish_draft` write no picture, no raw
HTML, no hidden character, nothing struck through, no word behind a fence but the name of a language, and no address
that the claim around it may not hold. They leave no heading and no header of a table that nothing stands under.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from nodes.draft.blocks import BlockKind, Document
from nodes.draft.inline import Kind, Piece
from nodes.draft.plain import plain_run
from nodes.draft.prepare import language_of
from nodes.draft.safety import NOTICE_PIECES, is_hiding, is_notice, is_struck, without_hidden
from nodes.draft.stated import read_blocks, section_of
from state.addresses import address_spans
from state.citation_marks import REPORT_MARK

_TAG = re.compile(r"[A-Za-z/!?]")


class Trait(NamedTuple):
    """Something from `start` to `end` of a text: a name is a heading or the header of a table.

    `what` is the address, or what stands where it may not.
    """

    kind: Literal["name", "address", "notice", "picture", "html", "fence", "hidden", "struck"]
    start: int
    end: int
    what: str = ""


def traits(markdown: str, mark: re.Pattern[str] = REPORT_MARK) -> Iterator[Trait]:
    """Yield the traits of a published text.

    >>> [(each.kind, each.what) for each in traits("# Limits\\n\\nSee [this](https://example.com). ![x](y.png)")]
    [('name', ''), ('address', 'https://example.com'), ('picture', '![x](y.png)')]
    """
    document = Document(markdown, mark)
    yield from _hidden(markdown)
    yield from _names(document)
    for block in document.root.walk():
        if block.kind is BlockKind.CODE and block.info != language_of(block.info):
            yield Trait("fence", *document.span(block), block.info)
        for cell in block.cells:
            yield from _single(cell)
            yield from _addresses(cell)


def _hidden(markdown: str) -> Iterator[Trait]:
    """Yield the first character that a reader does not see."""
    shown = without_hidden(markdown)
    if shown != markdown:
        at = next(n for n, char in enumerate(markdown) if shown[n : n + 1] != char)
        yield Trait("hidden", at, at + 1, markdown[at])


def _names(document: Document) -> Iterator[Trait]:
    """Yield the headings, and the headers of tables, that something stands under."""
    claims = read_blocks(document).claims
    for n, claim in enumerate(claims):
        if not claim.kind.states and any(section_of(claims, n)):
            yield Trait("name", *document.span(claim.block))


def _single(pieces: Sequence[Piece]) -> Iterator[Trait]:
    for at, piece in enumerate(pieces):
        if piece.kind is Kind.IMAGE:
            yield Trait("picture", piece.start, piece.end, piece.raw)
        elif piece.kind is Kind.LINK_CLOSE:
            # As it is written and not as the parser reads it: a title would be a part of it, and no quote names that.
            yield Trait("address", piece.start, piece.end, piece.raw[2:-1])
        elif piece.kind is Kind.AUTOLINK:
            yield Trait("address", piece.start, piece.end, piece.plain)
        elif is_hiding(piece):
            yield Trait("hidden", piece.start, piece.end, piece.raw)
        elif is_struck(piece):
            yield Trait("struck", piece.start, piece.end, piece.raw)
        elif piece.raw == "<" and at + 1 < len(pieces) and _TAG.match(pieces[at + 1].raw):
            yield Trait("html", piece.start, pieces[at + 1].end, f"<{pieces[at + 1].raw}")
        elif is_notice(pieces, at):
            yield Trait("notice", piece.start, pieces[at + NOTICE_PIECES - 1].end)


def _addresses(pieces: Sequence[Piece]) -> Iterator[Trait]:
    """Yield the addresses in the text, which clients make links of; what is code they leave alone."""
    run = plain_run(pieces)
    coded = [pieces[n].kind in (Kind.CODE, Kind.AUTOLINK) for n in run.at]
    text = "".join(" " if code else char for char, code in zip(run.text, coded, strict=True))
    for start, end in address_spans(text):
        yield Trait("address", pieces[run.at[start]].start, pieces[run.at[end - 1]].end, text[start:end])
