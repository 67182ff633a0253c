"""Sentence boundaries as offsets into a text, found by rules without a model.

A heading, list item, table row, blank line, form feed or code fence always ends a sentence. Inside a paragraph `.`,
`!`, `?` and their CJK forms end one, unless the full stop belongs to an abbreviation, an initial, a number or an
enumeration. Offsets rather than strings: quotes and claims are stored as offsets into the canonical text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TITLE_AND_UNIT_WORDS = """
    adj adm al alt apr approx apt assn aug ave bldg blvd bros ca capt cf ch chap cmdr co col corp cpl dec dept dist
    div dr ed eds eq eqs esp esq est etc ex feb fig figs fn ft gen gov hon inc incl ing jan jr jul jun lt ltd mag maj
    mar max messrs mfg min misc mlle mme mr mrs ms mt no nos nov nr oct op orig pl pp prof pt pub pvt ref refs rep
    rev sect sen sep sept sgt sr st ste tab tel trans univ viz vol vols vs
"""
_LEADING_WORDS = """
    al approx ca cf ch chap dr e.g eq eqs esp fig figs gen gov hon i.e incl lt messrs mr mrs ms mt no nos op pp prof
    ref refs rev sen sgt st vol vols vs
"""
_ABBREVIATIONS = frozenset(_TITLE_AND_UNIT_WORDS.split())
_ENDS_NEVER_ALONE = frozenset(_LEADING_WORDS.split())
_HARD_BREAK = re.compile(r"\n[ \t\r]*\n|\f|\x1c|\u2029")
_OWN_LINE = re.compile(r"\s*(?:#{1,6}\s|[-*+•‣▪]\s|\d{1,3}[.)]\s|\(?[a-z]\)\s|\||>|={3,}|-{3,}|`{3}|~{3})")
_STOP = re.compile(r"(?:[.!?…]+|[。！？｡]+)[\"'”’»)\]）」』]*(?:[ ]?\[E?\d{1,4}\])*")
_CJK = frozenset("。！？｡")
_TOKEN = re.compile(r"[^\s(\[\"'“‘«]*\Z")
_OPENERS = "\"'“‘«([*_"


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the half-open offsets of the sentences of `text`, trimmed, in order and disjoint.

    Together they cover every character that is not white space.

    >>> text = "Dr. Smith paid 3.5 million. See Fig. 3 of v1.2."
    >>> [text[start:end] for start, end in sentences(text)]
    ['Dr. Smith paid 3.5 million.', 'See Fig. 3 of v1.2.']
    """
    return [
        span
        for start, end in _blocks(text)
        for cut_start, cut_end in _cut(text, start, end)
        if (span := _trimmed(text, cut_start, cut_end)) is not None
    ]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield the paragraphs, with each heading, list item and table row as a block of its own."""
    start = 0
    for found in _HARD_BREAK.finditer(text):
        yield from _lines(text, start, found.start())
        start = found.end()
    yield from _lines(text, start, len(text))


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield blocks of joined lines. A heading or table row ends with its line; a list item may continue on the next."""
    block, position, closed = start, start, False
    while position < end:
        line_end = text.find("\n", position, end)
        line_end = end if line_end < 0 else line_end + 1
        own = _OWN_LINE.match(text, position, line_end)
        if (own or closed) and position > block:
            yield block, position
            block = position
        closed = bool(own) and text[position:line_end].lstrip()[:1] in ("#", "|", "=", "`", "~")
        position = line_end
    if block < end:
        yield block, end


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the sentences of one block."""
    begin = start
    for found in _STOP.finditer(text, start, end):
        if found.end() < end and _ends_sentence(text, begin, found, end):
            yield begin, found.end()
            begin = found.end()
    yield begin, end


def _ends_sentence(text: str, begin: int, stop: re.Match[str], end: int) -> bool:
    if stop[0][0] in _CJK:
        return True
    # 40 characters are enough to see the next word or the last abbreviation, and keep the scan linear on a text
    # without spaces.
    after = text[stop.end() : min(end, stop.end() + 40)]
    if not after[0].isspace():
        return False
    following = after.lstrip().lstrip(_OPENERS)[:1]
    if following.islower():
        return False
    return stop[0] != "." or not _abbreviates(text[max(begin, stop.start() - 40) : stop.start()], following)


def _abbreviates(before: str, following: str) -> bool:
    """Whether the full stop after `before` belongs to its last word."""
    found = _TOKEN.search(before)
    last = found[0] if found else ""
    lowered = last.lower()
    if not before[: len(before) - len(last)].strip() and last.isdecimal():
        return True
    if len(last) == 1 and last.isalpha():
        return last.isupper() and last != "I"
    if lowered in _ENDS_NEVER_ALONE:
        return lowered != "no" or following.isdecimal()
    if re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", last):
        return not following.isupper() or lowered in ("u.s", "u.k")
    return lowered in _ABBREVIATIONS and not following.isupper()


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
