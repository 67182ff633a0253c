"""Whether a claim stands in a passage word for word: whole sentences, whole rows, whole lines of code."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nodes.checks.statements import Statement
from nodes.checks.words import Token, source_tokens, tokens

_FEWEST = 3  # words: fewer occur by chance
_PROMPT = re.compile(r"^\s*(?:\$|>>>|>|PS>|SQL>|[-*+•]|\d{1,3}[.)])\s+")
_INLINE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


def verbatim_span(claim: str, text: str, stated: Sequence[Statement]) -> tuple[int, int] | None:
    """Return the span of `text` that says `claim` in the same words, or `None`.

    The span begins and ends with a statement: the words "the data is encrypted" within "nobody claims that the data is
    encrypted" are no support.
    """
    said = tokens(claim)
    wanted, marked = [token.text for token in said], any(token.mark for token in said)
    # A writer may leave out the document's own citation marks; one that it shows must stand there.
    found = [token for token in source_tokens(text) if marked or not token.mark]
    stated = [each for each in stated if not each.row]
    if len(wanted) < _FEWEST:
        return None
    starts, ends = _borders(found, stated)
    for at in starts:
        last = at + len(wanted) - 1
        if last in ends and [token.text for token in found[at : last + 1]] == wanted:
            first = next(each.start for each in stated if each.start <= found[at].start < each.end)
            return first, next(each.end for each in stated if each.start <= found[last].start < each.end)
    return None


def verbatim_row(row: str, header: str, text: str, stated: Sequence[Statement]) -> tuple[int, int] | None:
    """Return the span of the table row that `row` copies, under the same header, or `None`."""
    wanted, titles = tokens(row), tokens(header)
    if not wanted or not titles:
        return None
    same = (each for each in stated if each.row and _same(wanted, text[each.start : each.end]))
    return next(((each.start, each.end) for each in same if _same(titles, each.before)), None)


def code_span(code: str, text: str) -> tuple[int, int] | None:
    """Return the span of `text` that holds `code`, white space aside: whole lines, or a whole inline span.

    Whole lines, since a command that ends early (`DELETE FROM t` without its `WHERE`) is another command.
    """
    wanted = [piece for line in code.splitlines() for piece in _pieces(line)]
    if not wanted:
        return None
    for match in _INLINE.finditer(text):
        if match[2].split() == wanted:
            return match.span(2)
    lines = [(start, line) for start, line in _lines(text) if line.strip()]
    for first in range(len(lines)):
        said: list[str] = []
        for start, line in lines[first:]:
            said += _pieces(line)
            if said == wanted:
                return lines[first][0], start + len(line)
            if len(said) >= len(wanted):
                break
    return None


def _borders(found: list[Token], stated: Sequence[Statement]) -> tuple[list[int], set[int]]:
    """Return the positions of the first and of the last token of each statement."""
    starts: list[int] = []
    ends: set[int] = set()
    for each in stated:
        within = [n for n, token in enumerate(found) if each.start <= token.start < each.end]
        if within:
            starts.append(within[0])
            ends.add(within[-1])
    return starts, ends


def _lines(text: str) -> list[tuple[int, str]]:
    found, at = [], 0
    for line in text.split("\n"):
        found.append((at, line))
        at += len(line) + 1
    return found


def _pieces(line: str) -> list[str]:
    return _PROMPT.sub("", line).split()


def _same(said: list[Token], text: str) -> bool:
    """Whether a document's `text` says the same; the document's own citation marks may be missing."""
    marked = any(token.mark for token in said)
    return [token.text for token in said] == [each.text for each in source_tokens(text) if marked or not each.mark]
