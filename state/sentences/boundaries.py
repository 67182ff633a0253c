"""Sentence boundaries as offsets into a text, found by rules without a model.

A heading, list item, blank line, form feed or code fence always ends a sentence, and a row of a table is one. Inside a
paragraph `.`, `!`, `?` and their forms in other scripts end one, unless the full stop belongs to an abbreviation, an
initial, an ordinal number or an enumeration, or stands in code. Offsets rather than strings: quotes and claims are
stored as offsets into the canonical text.

Rules of our own: no library was better where the language is not known. `docs/measurements.md` has the comparison,
`tests/state/sentence_boundaries.txt` the cases.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from state.sentences.abbreviations import BEFORE_NAMES, BEFORE_NUMBERS, BEFORE_ORDINALS, MONTHS, STARTERS, WITHIN

_HARD_BREAK = re.compile(r"\n[ \t\r]*\n|\f|\x1c|\u2029")
_OWN_LINE = re.compile(r"\s*(?:#{1,6}\s|[-*+•‣▪]\s|\d{1,3}[.)]\s|\(?(?:[a-z]|\d{1,3})\)\s|\||>|={3,}|-{3,}|`{3}|~{3})")
# A row of a table as the loaders write it below a header: `part: P-1; price: 2.50`. The name of its first column is
# looked for in the next line, whose other cells may be empty.
_ROW = re.compile(r"[ \t]*(?P<name>[^\s:;.?!][^:;\n.?!]{0,79}:)(?: [^\n]*?)?; [^:;\n.?!]{1,80}:(?:[ ;\n]|\Z)")
_BARS = re.compile(r"[^\n|]*? \| [^\n]*? \| ")
_MARKS = r"(?:\.[ \u00a0])+\.(?=[\s\"'”’“»)]|\Z)|[.!?…؟۔।॥]+|[。！？｡．]+"
_CLOSERS = r"[\"'”’“‘»›)\]）」』】*_`]|[ \u00a0\u202f]»(?=[\s,;.]|\Z)|[ ]''(?=\s|\Z)"
_STOP = re.compile(rf"(?:{_MARKS})(?:{_CLOSERS})*(?:[ ]?\[E?\d{{1,4}}\])*")
_CJK = frozenset("。！？｡．")
_CJK_GOES_ON = frozenset("とってをがはにのでもやか、，,。！？｡．；：」』）")
# Code has no space inside of its marks, as the quotation marks ``of TeX'' and `` of corpora '' have.
_CODE = re.compile(r"(?<!`)(`{1,3})(?![`\s])[^\n]{0,200}?[^`\s]\1(?!`)")
_TOKEN = re.compile(r"[^\s(\[\"'“‘«„‚]*\Z")
_WORD = re.compile(r"[^\W_]+")
_LAST_NAME = re.compile(r"\b[A-Z][^\W\d_]+\Z")
_DOTTED = re.compile(r"(?:[^\W\d_]\.-?)+[^\W\d_]")
_INITIAL_AFTER = re.compile(r"[^\W\d_]\.(?:\s|\Z)")
_ENUMERATES = re.compile(r"\s*\d{1,3}")
_DAY = re.compile(r"\d{1,2}")
_DATE_AFTER = re.compile(r"\d{1,2}\.\s|(?:\d{2}|\d{4})(?!\d)")
_NUMBER_AFTER = re.compile(r"\d|[IVXLC]+\b|[A-Z]\b|§")
_IDENTIFIER_AFTER = re.compile(r"`|[a-z]+(?:[-_][a-z]|[.(/][a-z)]|[A-Z])")
_OPENERS = "\"'“‘«„‚»›([（「『*_`"

_LONGEST_ROW = 600
"""A longer row is cut at its full stops, since nobody reads it as one statement. A chosen value."""

_SEEN = 40
"""Characters before and after a stop that are looked at: enough for a word, and the scan stays linear."""


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the half-open offsets of the sentences of `text`, trimmed, in order and disjoint.

    Together they cover every character that is not white space.

    >>> text = "Dr. Smith paid 3.5 million c. 1900. See Fig. 3 of v1.2."
    >>> [text[start:end] for start, end in sentences(text)]
    ['Dr. Smith paid 3.5 million c. 1900.', 'See Fig. 3 of v1.2.']
    """
    return [
        span
        for start, end, whole in _blocks(text)
        for cut in ([(start, end)] if whole else _cut(text, start, end))
        if (span := _trimmed(text, *cut)) is not None
    ]


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield the paragraphs, with each heading, list item and table row by itself, and whether it is one sentence."""
    start = 0
    for found in _HARD_BREAK.finditer(text):
        yield from _lines(text, start, found.start())
        start = found.end()
    yield from _lines(text, start, len(text))


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Yield blocks of joined lines. A heading or table row ends with its line; a list item may continue on the next."""
    block, position, closed, name = start, start, False, None
    while position < end:
        line_end = text.find("\n", position, end)
        line_end = end if line_end < 0 else line_end + 1
        own = _OWN_LINE.match(text, position, line_end)
        name = None if own else _row_name(text, position, line_end, name)
        if (own or closed or name is not None) and position > block:
            yield block, position, False
            block = position
        if name is not None:
            yield position, line_end, line_end - position <= _LONGEST_ROW
            block = line_end
        closed = bool(own) and text[position:line_end].lstrip()[:1] in ("#", "|", "=", "`", "~")
        position = line_end
    if block < end:
        yield block, end, False


def _row_name(text: str, start: int, end: int, before: str | None) -> str | None:
    """Return the name of the first column, with its colon, of a line that is a row; `None` of any other line.

    `before` is that of the line before. Cells without a header have bars between them, and no names.
    """
    if before and text.startswith(before, start):
        return before
    found = _ROW.match(text, start, end)
    if found and found["name"].count("(") == found["name"].count(")"):
        return found["name"]
    return "" if _BARS.match(text, start, end) else None


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the sentences of one block."""
    code = [found.span() for found in _CODE.finditer(text, start, end)] if text.find("`", start, end) >= 0 else []
    begin = start
    for found in _STOP.finditer(text, start, end):
        if found.end() < end and not _inside(code, found.start()) and _ends_sentence(text, begin, found, end):
            yield begin, found.end()
            begin = found.end()
    yield begin, end


def _inside(spans: list[tuple[int, int]], position: int) -> bool:
    """Whether one of the spans, which are in order, holds the position."""
    at = bisect_right(spans, (position, position)) - 1
    return at >= 0 and spans[at][0] < position < spans[at][1]


def _ends_sentence(text: str, begin: int, stop: re.Match[str], end: int) -> bool:
    after = text[stop.end() : min(end, stop.end() + _SEEN)]
    if stop[0][0] in _CJK:
        closed = stop[0][-1] not in _CJK
        return not (stop[0][0] == "．" and after[0].isdigit()) and not (closed and after[0] in _CJK_GOES_ON)
    if not after[0].isspace():
        return False
    opened = after.lstrip()
    following = opened.lstrip(_OPENERS)
    if opened.startswith((")", "]", ",", ";", ":")):
        return False
    plain = stop[0].strip("*_`") == "."
    if following[:1].islower() and not (
        plain and not text[stop.start() - 1].isdecimal() and _IDENTIFIER_AFTER.match(opened)
    ):
        return False
    if not plain:
        return stop[0] != ".)" or not _ENUMERATES.fullmatch(text, begin, stop.start())
    return not _abbreviates(text[max(begin, stop.start() - _SEEN) : stop.start()], following)


def _abbreviates(before: str, following: str) -> bool:
    """Whether the full stop after `before` belongs to its last word."""
    found = _TOKEN.search(before)
    last = (found[0] if found else "").lstrip("*_`#§")
    previous = before[: len(before) - len(last)].rstrip()
    if last.isdecimal():
        return not previous or _is_ordinal(last, previous, following)
    word = _WORD.match(following)
    starts = word is not None and word[0].lower() in STARTERS
    if len(last) == 1 and last.isalpha():
        return _is_initial(last, previous, following, starts=starts)
    return _is_abbreviation(last, following, starts=starts)


def _is_ordinal(last: str, previous: str, following: str) -> bool:
    """Whether a number before a full stop is a German ordinal, or the day or month of a date in figures."""
    if not _DAY.fullmatch(last):
        return False
    word = _WORD.match(following)
    said = word[0].lower() if word else ""
    *_, before = previous.rsplit(None, 1) or [""]
    if said in MONTHS:
        return True
    if following[:1].isdecimal():
        dated = before.lower() in BEFORE_ORDINALS or _DAY.fullmatch(before.rstrip("."))
        return bool(dated and _DATE_AFTER.match(following))
    return before.lower() in BEFORE_ORDINALS and said not in STARTERS


def _is_initial(last: str, previous: str, following: str, *, starts: bool) -> bool:
    """Whether a single letter is an initial, a part of `z. B.`, an abbreviation (`c. 1900`) or the mark of an item."""
    if not previous or _INITIAL_AFTER.match(following):
        return True
    if last.isupper():
        chained = previous.endswith(".") and previous[-2:-1].islower() and not previous[-3:-2].isalpha()  # z. B.
        return chained or (not starts and (last != "I" or _LAST_NAME.search(previous) is not None))
    if last in BEFORE_NAMES or (last in BEFORE_NUMBERS and following[:1].isdecimal()):
        return True
    if last == "c":
        return bool((word := _WORD.match(following)) and word[0].lower() in MONTHS)
    return previous.endswith(".") and len(previous.split()[-1]) == 2 and not starts  # u. a.


def _is_abbreviation(last: str, following: str, *, starts: bool) -> bool:
    lowered = last.lower()
    capital = following[:1].isupper()
    acronym = last.isupper() and "." not in last  # `MS` is no `Ms.`
    if (lowered in BEFORE_NUMBERS or lowered.endswith("str")) and _NUMBER_AFTER.match(following):
        return True
    if lowered in BEFORE_NAMES and not acronym:
        return not (starts and lowered in ("al", "st"))
    if lowered in WITHIN and not acronym:
        return not capital
    if _DOTTED.fullmatch(last):
        return not (capital and starts)
    return False


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
