"""What a list of search results shows of a passage."""

from __future__ import annotations

import re

CHARS = 300
LINES = 8
CUT = "…"

_WORD = re.compile(r"\w+")


def excerpt(text: str, query: str) -> list[str]:
    """Return some lines of a passage. Line breaks and indentation stay: rows of tables and code are read by lines.

    A long passage is shown from its first line with the most words of the query.
    """
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    if len(lines) > LINES or sum(map(len, lines)) > CHARS:
        wanted = _words(query)
        best = max(range(len(lines)), key=lambda number: len(wanted & _words(lines[number])))
        return [CUT] * (best > 0) + _shortened(lines[best:])
    return lines


def _shortened(lines: list[str]) -> list[str]:
    shown: list[str] = []
    left = CHARS
    for line in lines[:LINES]:
        if len(line) > left:
            return [*shown, line[:left] + CUT]
        shown.append(line)
        left -= len(line)
    return [*shown, CUT] if len(lines) > LINES else shown


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
