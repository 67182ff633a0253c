"""The statements of a passage: what may be quoted as support. Headings, titles, a table's header and questions are not.

Each statement comes with what a reader has read just before it, without which "it is twice as fast" says nothing: for a
table row its header, for a list item the line that introduces the list, else the sentence before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from nodes.checks.words import Token, tokens, without_targets
from state.sentences import sentences

_HEADING = re.compile(r"#{1,6}(?:\s|\Z)")
UNDERLINE = re.compile(r"\s*([=\-~^\"'+*#.`:])\1{2,}\s*")
"""A line that makes a heading of the one above it."""

_RULE = re.compile(r"[\s|:=\-+*_~^`#]*")
_ROW = re.compile(r"\s*\|")
_FENCE = re.compile(r"\s*(?:`{3}|~{3})[^`\n]*")
_ITEM = re.compile(r"(?:(?:[-*+•‣▪●○■□◦]|\d{1,3}[.)]|\(?[a-z]\)|>)\s+)+")
_NUMBER = re.compile(r"(\d{1,3})[.)]")
_ENDS = re.compile(r"[.!。！…;:,=][\"'”’»)\]）」』*_`]*\s*\Z")
_ASKS = re.compile(r"[?？][\"'”’»)\]）」』*_`]*\s*\Z")
_LABEL_WORDS = 6  # a line of so few words, without a number or an end, is a heading that lost its markup
_BEFORE_CHARS = 400
_KEPT = 256  # passages whose statements are kept: analyzer and verifier ask several times for those of a run
_DENIES = re.compile(
    r"\b(?:no|not|none|never|neither|nobody|nothing|cannot|without|except|unless|false|wrong|untrue|incorrect|myths?"
    r"|rumou?rs?|misconceptions?|mistakes?|errors?|avoid|forbidden|removed|deprecated|obsolete|unsupported|invalid"
    r"|instead|formerly|if|kein\w*|nicht|nie|falsch\w*|ne|pas|aucun\w*|jamais|faux|ning[uú]n\w*|nunca|falso\w*)\b|n['’]t\b",
    re.IGNORECASE,
)


# Words of an introduction or a heading that take back what follows. Narrower than the list above: a sentence often
# stands after another one that says `not`, and means it nevertheless.
_REFUTES = re.compile(
    r"\b(?:false|falsely|wrong|wrongly|untrue|not true|incorrect|incorrectly|myths?|rumou?rs?|misconceptions?"
    r"|lies?|hoax|alleged|allegedly|forged|fake|critics|nobody|no longer (?:true|valid|holds?)|contrary to|mistaken"
    r"|mistakenly"
    r"|(?:do not|don't|never) (?:do|run|use|type|say|write|try)|anti-?patterns?|bad examples?"
    r"|falsch\w*|mythen|mythos|gerüchte?|irrtum|irrtümer|faux|fausse|mythes?|rumeurs?|falso\w*|falsa\w*|mitos?)\b",
    re.IGNORECASE,
)
_STRUCK = re.compile(r"~~|</?(?:del|s|strike)\b", re.IGNORECASE)


def is_refuted(introduction: str) -> bool:
    """Return whether `introduction`, words before a statement or a heading over it, may take back what it says."""
    return bool(_REFUTES.search(introduction))


@dataclass(frozen=True)
class Statement:
    """A sentence, list item or table row at `start:end` of the passage's text, without its list mark."""

    start: int
    end: int
    before: str = ""
    row: bool = False
    item: bool = False
    denied: bool = False
    """Whether its document may deny it: by a heading, by the words before it, or by striking it out."""
    taken_back: bool = False
    """Whether it denies it by more than the words before it."""


@dataclass(frozen=True)
class _Piece:
    start: int
    end: int
    text: str
    item: bool = False
    number: int = 0

    @property
    def row(self) -> bool:
        return bool(_ROW.match(self.text))

    @property
    def structure(self) -> bool:
        return bool(_RULE.fullmatch(self.text) or _FENCE.fullmatch(self.text))


def statements(text: str, names: Iterable[str] = ()) -> list[Statement]:
    """Return the statements of `text` in order. `names` are the passage's title and headings, which state nothing."""
    return [*_statements(text, tuple(names))]


@lru_cache(maxsize=_KEPT)
def _statements(text: str, names: tuple[str, ...]) -> tuple[Statement, ...]:
    titles = {_plain(name) for name in names} - {""}
    pieces = [piece for span in sentences(text) if (piece := _piece(text, *span)) is not None]
    found: list[Statement] = []
    refuted = below_refuted = any(map(is_refuted, names))
    above = ""
    for n, (piece, header, introduction) in enumerate(
        zip(pieces, _headers(pieces), _introductions(pieces), strict=True)
    ):
        if _HEADING.match(piece.text):
            refuted = is_refuted(piece.text)
        elif _plain(piece.text) not in titles and _is_label(text, piece):  # loaders leave out the marks of headings
            refuted = below_refuted or is_refuted(piece.text)
        above = above if piece.row else piece.text
        after = pieces[n + 1] if n + 1 < len(pieces) else None
        if not piece.structure and _states(text, piece, after, titles):
            before = header if piece.row else introduction
            said = f"{before}\n{above}" if piece.row else before
            taken_back = refuted or bool(_STRUCK.search(piece.text))
            denied = taken_back or _refuted(said) or (piece.item and _denies(before))
            found.append(
                Statement(piece.start, piece.end, before[-_BEFORE_CHARS:], piece.row, piece.item, denied, taken_back)
            )
    return tuple(found)


def is_statement(quote: str) -> bool:
    """Return whether `quote`, a text by itself, states anything."""
    return bool(statements(quote))


def _piece(text: str, start: int, end: int) -> _Piece | None:
    """Return the sentence without an underline that belongs to the heading above it, and without its list mark."""
    first, newline, _ = text[start:end].partition("\n")
    if newline and UNDERLINE.fullmatch(first):
        start += len(first) + 1
    mark = _ITEM.match(text, start, end)
    begin = mark.end() if mark else start
    while begin < end and text[begin].isspace():
        begin += 1
    number = _NUMBER.match(mark[0]) if mark else None
    counted = int(number[1]) if number else 0
    return _Piece(begin, end, text[begin:end], item=bool(mark), number=counted) if begin < end else None


def _states(text: str, piece: _Piece, after: _Piece | None, titles: set[str]) -> bool:
    if _HEADING.match(piece.text) or _plain(piece.text) in titles or _ASKS.search(piece.text):
        return False
    if after is not None and _between(text, piece, after) and UNDERLINE.fullmatch(after.text.partition("\n")[0]):
        return False
    *_, last = piece.text.rsplit("\n", 1)
    if piece.text != last and UNDERLINE.fullmatch(last):
        return False  # an underline that is no line of its own: `^^^^`
    if piece.row:
        return after is None or not (after.row and after.structure)
    return not _is_label(text, piece)


def _is_label(text: str, piece: _Piece) -> bool:
    """Whether the piece is a short line by itself, as a heading without markup is."""
    said = _words(piece.text)
    if not said:
        return True
    alone = piece.start == 0 or text[: piece.start].rstrip(" \t")[-1:] in ("\n", "\f", "")
    ended = _ENDS.search(piece.text) or any(char.isdigit() for char in piece.text)
    return alone and not piece.item and not ended and len(said) <= _LABEL_WORDS


def _between(text: str, piece: _Piece, after: _Piece) -> bool:
    return text[piece.end : after.start].count("\n") <= 1


def _headers(pieces: list[_Piece]) -> Iterator[str]:
    """Yield for each piece the header of its table; empty if it is no row below a header."""
    header, in_table = "", False
    for n, piece in enumerate(pieces):
        row = piece.row
        yield header if row and in_table else ""
        if row and not in_table:  # the first row of a table, which a rule makes its header
            ruled = n + 1 < len(pieces) and _RULE.fullmatch(pieces[n + 1].text)
            header = piece.text if ruled else ""
        in_table = row


def _introductions(pieces: list[_Piece]) -> Iterator[str]:
    """Yield for each piece the sentence before it; for a list item, the one that introduces the list.

    What stands between the steps 1 and 2 introduces neither.
    """
    last = introduction = above = ""
    number = 0
    for n, piece in enumerate(pieces):
        if piece.number and piece.number == number + 1 and number:
            introduction = above
        if piece.number:
            number, above = piece.number, introduction
        yield introduction if piece.item else last
        if not piece.structure:
            last = " ".join(piece.text.split())
            # A list at the very beginning has no introduction but its first item.
            introduction = last if n == 0 or not piece.item else introduction


@lru_cache(maxsize=2)
def _refuted(said: str) -> bool:
    """Whether what is said before a statement takes it back. The items of a list ask the same."""
    return is_refuted(said)


@lru_cache(maxsize=2)
def _denies(said: str) -> bool:
    """Whether an introduction may deny what the items of its list say, each of which asks."""
    return bool(_DENIES.search(said))


def _plain(text: str) -> str:
    return " ".join(token.text for token in _words(text))


def _words(text: str) -> list[Token]:
    return [token for token in tokens(without_targets(text)) if not token.mark]
