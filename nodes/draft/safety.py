"""What may not stand in a draft: images, raw HTML, links that run something, and brackets that look like our marks.

Every rule is a replacement for single pieces of inline Markdown. A piece that is safe stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from nodes.draft.inline import SPACES, Kind, Piece
from nodes.draft.plain import plain_text
from state.addresses import is_safe
from state.citation_marks import neutralised

NOTICE = "(unverified)"
"""What follows a claim that nobody verified, in emphasis. Only code may write it."""

NOTICE_PIECES = 5
"""Pieces of the notice: two delimiters, two brackets and the word."""

_TAG = re.compile(r"<[A-Za-z/!?]")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_MARK_TEXT = re.compile(r"\[?\s*\^?\s*E\d{1,4}(?:\s*[,;]\s*\^?E\d{1,4})*\s*\]?", re.IGNORECASE)
_NUMBER_TEXT = re.compile(r"\[?\^?\d{1,4}\]?")
_RANGE = re.compile(r"E(\d{1,4})\s*[–-]\s*E?(\d{1,4})", re.IGNORECASE)
_ALIASES = re.compile(r"\s*\^?E\d{1,4}(?:\s*(?:[,;–-])\s*\^?E?\d{1,4})*\s*", re.IGNORECASE)
_WIDEST = 12
"""Aliases in the longest range, as `[E1-E12]`, that counts as a mark. A chosen value."""

_PICTURES = "\u00a9\u00ae\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"  # controls, directions, fillers, tags, further selectors
    rf"|(?<![\w{_PICTURES}\ufe0f])[\u200c\u200d]|[\u200c\u200d](?![\w{_PICTURES}])"  # joiners that join nothing
    rf"|(?<![\w#*{_PICTURES}])[\ufe00-\ufe0f]|(?<=[^\W\d])[\ufe00-\ufe0f]"  # selectors that choose no picture
)


def without_hidden(text: str) -> str:
    """Return `text` without characters that a reader does not see: control, direction, private use, selectors, tags.

    A program that reads a report sees them, and they can spell out a message. Joiners inside a word stay, which some
    scripts need, and one selector after a symbol, which chooses between its two pictures.
    """
    return "".join(char for char in _HIDDEN.sub("", text) if unicodedata.category(char) not in ("Co", "Cs"))


def safe_raws(pieces: Sequence[Piece], *, in_table: bool = False) -> list[str]:
    """Return the Markdown of each piece, or what replaces it."""
    raws = [piece.raw for piece in pieces]
    for rule in (_images, _entities, _struck, _tags, _links, _brackets, _definitions, _notices):
        rule(pieces, raws)
    _marks(pieces, raws)
    if in_table:
        # A client without tables reads the rows as one paragraph, where a lone backtick could end code in another row.
        raws = [r"\`" if raw == "`" else raw for raw in raws]
    return raws


def _images(pieces: Sequence[Piece], raws: list[str]) -> None:
    for at, piece in enumerate(pieces):
        if piece.kind is Kind.IMAGE:
            raws[at] = ""
        elif piece.kind is Kind.TEXT and piece.raw == "!" and _next(raws, at).startswith("["):
            raws[at] = "! " if pieces[at + 1].kind is Kind.MARK else r"\!"


def _entities(pieces: Sequence[Piece], raws: list[str]) -> None:
    """Take away entities that stand for characters which may not stand there as themselves."""
    for at, piece in enumerate(pieces):
        if is_hiding(piece):
            raws[at] = ""


def is_hiding(piece: Piece) -> bool:
    """Whether a piece is an entity for a character that a reader does not see."""
    entity = piece.kind is Kind.TEXT and piece.raw.startswith("&") and len(piece.raw) > 1
    return entity and not without_hidden(piece.plain)


def _struck(pieces: Sequence[Piece], raws: list[str]) -> None:
    """Take away strikethrough: it takes words back that are read and checked like all others."""
    for at, piece in enumerate(pieces):
        if is_struck(piece):
            raws[at] = ""


def is_struck(piece: Piece) -> bool:
    """Whether a piece is one end of strikethrough."""
    return piece.kind in (Kind.OPEN, Kind.CLOSE) and piece.raw.startswith("~")


def _tags(pieces: Sequence[Piece], raws: list[str]) -> None:
    for at, piece in enumerate(pieces):
        if piece.kind is Kind.AUTOLINK:
            mail = piece.href.lower().startswith("mailto:")
            web = piece.href.lower().startswith(("http://", "https://")) and is_safe(piece.href)
            raws[at] = piece.raw if web else piece.plain if mail else f"&lt;{piece.plain}&gt;"
        elif piece.kind is Kind.TEXT and piece.plain == "<" and piece.raw in ("<", r"\<"):
            if _TAG.match("<" + _next(raws, at)):
                raws[at] = "&lt;"
            _break_line(pieces, raws, at)


def _break_line(pieces: Sequence[Piece], raws: list[str], at: int) -> None:
    """Put a space in the place of `<br>`, which models write into the cells of tables."""
    for end in range(at + 3, min(at + 6, len(pieces)) + 1):
        if _LINE_BREAK.fullmatch("".join(piece.raw for piece in pieces[at:end])):
            raws[at:end] = [" ", *[""] * (end - at - 1)]


def _links(pieces: Sequence[Piece], raws: list[str]) -> None:
    opened: dict[int, int] = {}
    for at, piece in enumerate(pieces):
        if piece.kind is Kind.LINK_OPEN:
            opened[piece.pair] = at
        elif piece.kind is Kind.LINK_CLOSE:
            _link(pieces, raws, opened[piece.pair], at)


def _link(pieces: Sequence[Piece], raws: list[str], first: int, last: int) -> None:
    """Rewrite one link: to a mark, to its text, to nothing, or to the one form in which links are kept."""
    inside = pieces[first + 1 : last]
    text, href = plain_text(inside), pieces[last].href.replace("(", "%28").replace(")", "%29")
    marks = any(piece.kind is Kind.MARK for piece in inside)
    if _MARK_TEXT.fullmatch(text) and not text.startswith("["):
        raws[first], raws[last] = "[", "]"
    elif _NUMBER_TEXT.fullmatch(text):
        raws[first : last + 1] = [""] * (last + 1 - first)
    elif not text or marks or not is_safe(href) or any("\n" in piece.raw for piece in inside):
        raws[first] = raws[last] = ""
    else:
        raws[last] = f"]({href})"


def _brackets(pieces: Sequence[Piece], raws: list[str]) -> None:
    """Break what could be read as a link by a client that counts brackets in another way."""
    for at, piece in enumerate(pieces):
        if piece.kind is Kind.TEXT and piece.raw == "(" and at and pieces[at - 1].raw.endswith("]"):
            raws[at] = r"\("


def _definitions(pieces: Sequence[Piece], raws: list[str]) -> None:
    """Break what could be read as the definition of a reference or footnote: `[name]:` at the beginning of a line.

    After a mark, as in `[^E1]: The handbook`, the mark goes to the end of the line.
    """
    moved = ""
    for at, piece in enumerate(pieces):
        if piece.kind in (Kind.BREAK, Kind.HARD_BREAK):
            raws[at], moved = f"{moved}{raws[at]}", ""
        begins = at > 0 and (at == 1 or pieces[at - 2].kind in (Kind.BREAK, Kind.HARD_BREAK, Kind.TASK))
        if piece.kind is not Kind.TEXT or piece.raw != ":" or not at or not pieces[at - 1].raw.endswith(("]", "】")):
            continue
        if pieces[at - 1].kind is Kind.MARK and begins:
            moved, raws[at - 1], raws[at] = f" {pieces[at - 1].raw}", "", ""
            if at + 1 < len(pieces) and pieces[at + 1].kind is Kind.SPACE:
                raws[at + 1] = ""
        elif pieces[at - 1].kind is not Kind.MARK:
            raws[at] = r"\:"
    if moved:
        raws[-1] += moved


def _notices(pieces: Sequence[Piece], raws: list[str]) -> None:
    for at in range(len(pieces)):
        if is_notice(pieces, at):
            raws[at] = raws[at + NOTICE_PIECES - 1] = ""


def is_notice(pieces: Sequence[Piece], at: int) -> bool:
    """Whether the notice that nobody verified a claim begins at this piece."""
    around = pieces[at : at + NOTICE_PIECES]
    if len(around) < NOTICE_PIECES or around[0].kind is not Kind.OPEN or around[0].pair != around[-1].pair:
        return False
    return "".join(piece.raw for piece in around[1:-1]) == NOTICE


def _marks(pieces: Sequence[Piece], raws: list[str]) -> None:
    """Make a mark of what cites aliases in another spelling, and neutralise what looks like a mark of a report."""
    shown = [(at, char) for at, piece in enumerate(pieces) for char in _shown(piece)]
    text = "".join(char for _, char in shown)
    plain = neutralised(text)
    for n, (first, char) in enumerate(shown):
        if plain[n] == char or plain[n] != "⟦":
            continue
        end = plain.index("⟧", n)
        last, aliases = shown[end][0], _aliases(text[n + 1 : end])
        if aliases:
            raws[first : last + 1] = [f"[{', '.join(aliases)}]", *[""] * (last - first)]
        else:
            raws[first], raws[last] = "⟦", "⟧"


def _shown(piece: Piece) -> str:
    """Return what a reader sees of a piece; of code, marks and images only that something is there."""
    if piece.kind is Kind.TEXT:
        return piece.plain
    return " " if piece.kind in SPACES else "X" if piece.kind in (Kind.CODE, Kind.MARK, Kind.IMAGE) else ""


def _aliases(text: str) -> tuple[str, ...]:
    """Return the aliases that the inside of a bracket names: `e1`, `E1; E2`, `E1-E3`."""
    if not _ALIASES.fullmatch(text):
        return ()
    numbers: list[int] = []
    for part in re.split("[,;]", text):
        span = _RANGE.fullmatch(part.strip(" ^\n"))
        first, last = (int(span[1]), int(span[2])) if span else (0, -1)
        if 0 <= last - first < _WIDEST:
            numbers.extend(range(first, last + 1))
        elif span is None:
            numbers.append(int(part.strip(" ^Ee\n")))
    return tuple(f"E{number}" for number in dict.fromkeys(numbers))


def _next(raws: Sequence[str], at: int) -> str:
    return raws[at + 1] if at + 1 < len(raws) else ""
