"""The inline structure of one run of text, with offsets: markdown-it-py tells what a run holds, but not where.

Its inline rules know their position while they run. Each is wrapped by a rule that notes it, so that every character
belongs to exactly one piece and the pieces in order are the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

InlineRule: TypeAlias = "Callable[[StateInline, bool], bool]"

_PIECES = re.compile(r"\w+|\s+|[^\w\s]")


class Kind(Enum):
    """What a piece of inline Markdown is."""

    TEXT = auto()
    SPACE = auto()
    BREAK = auto()
    HARD_BREAK = auto()
    CODE = auto()
    MARK = auto()
    OPEN = auto()
    CLOSE = auto()
    LINK_OPEN = auto()
    LINK_CLOSE = auto()
    AUTOLINK = auto()
    IMAGE = auto()
    TASK = auto()


SPACES = (Kind.SPACE, Kind.BREAK, Kind.HARD_BREAK)
OPENERS = (Kind.OPEN, Kind.LINK_OPEN)
CLOSERS = (Kind.CLOSE, Kind.LINK_CLOSE)
VISIBLE = (Kind.TEXT, Kind.CODE, Kind.AUTOLINK)


class Piece(NamedTuple):
    """A piece of inline Markdown from `start` to `end`. `raw` is the piece itself, `plain` what a reader sees of it.

    `pair` is the same number for the two ends of an emphasis or link, and -1 for all other pieces.
    """

    kind: Kind
    start: int
    end: int
    plain: str = ""
    raw: str = ""
    pair: int = -1
    href: str = ""


@dataclass
class _Noted:
    """What the wrapped rules found in one run: whole pieces, and delimiters that may turn out to be emphasis."""

    pieces: list[Piece]
    delimiters: list[tuple[Token, int, int]]


def inline_pieces(content: str, mark: re.Pattern[str], references: dict[str, Any] | None = None) -> list[Piece]:
    """Return the pieces of `content` in order; together they are all of it.

    `mark` is the grammar of citation marks, `references` what definitions elsewhere in the document define.
    """
    noted = _Noted([], [])
    parser = inline_parser()
    parser.inline.parse(content, parser, {"noted": noted, "references": references or {}}, [])
    pieces = sorted([*noted.pieces, *_emphasis(noted.delimiters)], key=lambda piece: piece.start)
    pieces = _with_marks(content, _paired(pieces), mark)
    filled = _filled(content, pieces)
    return [
        Piece(kind, start, end, plain, content[start:end], pair, href)
        for kind, start, end, plain, _, pair, href in filled
    ]


def _emphasis(delimiters: list[tuple[Token, int, int]]) -> Iterator[Piece]:
    """Yield the delimiters that became emphasis. A strong one takes its neighbour, whose token the parser empties."""
    for token, start, end in delimiters:
        kind, _, side = token.type.partition("_")
        more = 1 if kind == "strong" else 0
        if side == "open":
            yield Piece(Kind.OPEN, start - more, end, kind)
        elif side == "close":
            yield Piece(Kind.CLOSE, start, end + more, kind)


def _paired(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces with numbered pairs, without delimiters that lack the other end."""
    opened: list[int] = []
    paired = list(pieces)
    for at, piece in enumerate(pieces):
        if piece.kind in OPENERS:
            opened.append(at)
        elif piece.kind in CLOSERS:
            match = next((n for n in reversed(range(len(opened))) if pieces[opened[n]].plain == piece.plain), None)
            if match is not None:
                other = opened[match]
                del opened[match:]
                paired[other] = pieces[other]._replace(plain="", pair=other, href=piece.href)
                paired[at] = piece._replace(plain="", pair=other)
    kept = [piece for piece in paired if piece.pair >= 0 or piece.kind not in (*OPENERS, *CLOSERS)]
    return [piece for piece, after in pairwise([*kept, None]) if piece and (after is None or piece.end <= after.start)]


def _with_marks(content: str, pieces: list[Piece], mark: re.Pattern[str]) -> list[Piece]:
    """Return the pieces and the marks between them. A mark may hold a line break, but no other markup."""
    marks: list[Piece] = []
    at = 0
    for found in mark.finditer(content):
        while at < len(pieces) and pieces[at].end <= found.start():
            at += 1
        inside = [*_overlapping(pieces, at, found.end())]
        if all(piece.kind is Kind.BREAK for piece in inside):
            marks.append(Piece(Kind.MARK, found.start(), found.end()))
    covered = {start for each in marks for start in range(each.start, each.end)}
    rest = [piece for piece in pieces if piece.start not in covered]
    return sorted([*rest, *marks], key=lambda piece: piece.start)


def _overlapping(pieces: list[Piece], at: int, end: int) -> Iterator[Piece]:
    while at < len(pieces) and pieces[at].start < end:
        yield pieces[at]
        at += 1


def _filled(content: str, pieces: list[Piece]) -> Iterator[Piece]:
    """Yield the pieces with the text between them, cut into words, spaces and single characters."""
    at = 0
    for piece in [*pieces, Piece(Kind.TEXT, len(content), len(content))]:
        for found in _PIECES.finditer(content, at, piece.start):
            kind = Kind.SPACE if found[0].isspace() else Kind.TEXT
            yield Piece(kind, found.start(), found.end(), found[0])
        if piece.end > piece.start:
            yield piece
        at = piece.end


def _note_break(state: StateInline, start: int, noted: _Noted) -> None:
    hard = state.tokens[-1].type == "hardbreak"
    noted.pieces.append(Piece(Kind.HARD_BREAK if hard else Kind.BREAK, start, state.pos, " "))


def _note_special(state: StateInline, start: int, noted: _Noted) -> None:
    """Note an escaped character, an entity, or a line break written with a backslash."""
    if state.tokens[-1].type == "hardbreak":
        _note_break(state, start, noted)
    else:
        plain = state.tokens[-1].content
        noted.pieces.append(Piece(Kind.SPACE if plain.isspace() else Kind.TEXT, start, state.pos, plain))


def _note_code(state: StateInline, start: int, noted: _Noted) -> None:
    noted.pieces.append(Piece(Kind.CODE, start, state.pos, state.tokens[-1].content))


def _note_autolink(state: StateInline, start: int, noted: _Noted) -> None:
    href = str(state.tokens[-3].attrs["href"])
    noted.pieces.append(Piece(Kind.AUTOLINK, start, state.pos, state.src[start + 1 : state.pos - 1], href=href))


def _note_image(state: StateInline, start: int, noted: _Noted) -> None:
    noted.pieces.append(Piece(Kind.IMAGE, start, state.pos))


def _note_link(state: StateInline, start: int, noted: _Noted) -> None:
    end = state.pos
    label_end = state.md.helpers.parseLinkLabel(state, start, True)
    depth = 0
    for token in reversed(state.tokens):
        depth += {"link_close": 1, "link_open": -1}.get(token.type, 0)
        if depth == 0:
            break
    noted.pieces.append(Piece(Kind.LINK_OPEN, start, start + 1, "link"))
    noted.pieces.append(Piece(Kind.LINK_CLOSE, label_end, end, "link", href=str(token.attrs.get("href", ""))))


def _note_delimiters(state: StateInline, start: int, noted: _Noted) -> None:
    """Note the tokens of one run, which are the last ones: each holds its part of the run."""
    end, tokens = state.pos, iter(reversed(state.tokens))
    while end > start:
        token = next(tokens)
        noted.delimiters.append((token, end - len(token.content), end))
        end -= len(token.content)


def _noting(rule: InlineRule, note: Callable[[StateInline, int, _Noted], None]) -> InlineRule:
    """Return `rule` with a note of what it matched."""

    def noting(state: StateInline, silent: bool) -> bool:
        noted: _Noted = state.env["noted"]
        start, before, tokens = state.pos, len(noted.pieces), len(state.tokens)
        matched = rule(state, silent)
        if note is _note_image and not silent:
            # The rule parses the image's text with another state, whose positions mean nothing here.
            del noted.pieces[before:]
        # Backticks that open no code span match, too, but make no token.
        if matched and not silent and len(state.tokens) > tokens:
            note(state, start, noted)
        return matched

    return noting


def new_parser() -> MarkdownIt:
    """Return a parser of CommonMark with tables and strikethrough; HTML and reference definitions stay text."""
    from markdown_it import MarkdownIt  # here: who imports a graph does not yet read a draft

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return parser.disable(["reference", "html_block", "html_inline"])


def settled(parser: MarkdownIt) -> MarkdownIt:
    """Return a parser whose rules no longer change, so that several threads may use it."""
    # It puts its rules in order when it is first asked for them, which two threads must not do at once.
    for ruler in (parser.core.ruler, parser.block.ruler, parser.inline.ruler, parser.inline.ruler2):
        ruler.getRules("")
    return parser


@cache
def inline_parser() -> MarkdownIt:
    """Return the parser that notes where each piece of a text stands. It is made once."""
    parser = new_parser()
    notes: dict[str, Callable[[StateInline, int, _Noted], None]] = {
        "newline": _note_break,
        "escape": _note_special,
        "entity": _note_special,
        "backticks": _note_code,
        "emphasis": _note_delimiters,
        "strikethrough": _note_delimiters,
        "link": _note_link,
        "image": _note_image,
        "autolink": _note_autolink,
    }
    rules = dict(zip(parser.inline.ruler.get_active_rules(), parser.inline.ruler.getRules(""), strict=True))
    # Which addresses are links is a matter of syntax here; which of them may stay is decided elsewhere.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    for name, note in notes.items():
        parser.inline.ruler.at(name, _noting(rules[name], note))
    return settled(parser)


@cache
def blocks_parser() -> MarkdownIt:
    """Return the parser that finds the blocks of a text. It is made once: it takes longer to make than to use."""
    return settled(new_parser())
