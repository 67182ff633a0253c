"""Whether a claim stands in a passage word for word: whole sentences, whole rows, a part of a longer quotation."""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from nodes.checks.statements import Statement
from nodes.checks.words import Token, tokens, without_targets
from state.citation_marks import MARK_LIKE

_FEWEST = 3  # words: fewer occur by chance
_NO_SIGN = re.compile(rf"{MARK_LIKE}|(?<=\n)[ \t]*>+|\\")  # with a block quote's `>` and the sign that escapes
_SIGN = re.compile(r"[^\w\s*_`~\[\]#\"'“”„«»‟’‘ʼ‹›…\u200b-\u200f\ufeff]")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
_ITEM = re.compile(r"^(?:[ \t>]*(?:\d{1,3}[.)]|\(?[a-z]\)))+(?=[ \t])", re.MULTILINE)
_BAR = re.compile(r"(?<!\\)\|")


def verbatim_span(claim: str, text: str, stated: Sequence[Statement], context: str = "") -> tuple[int, int] | None:
    """Return the span of `text` that says `claim` in the same words with the same signs between them, or `None`.

    The span begins and ends with a statement: the words "the data is encrypted" within "nobody claims that the data is
    encrypted" are no support. Nor is a statement that its document denies, such as an item of a list of myths, unless
    the reader has read the words that deny it: as the end of `context`, or in the claim itself.
    """
    said = tokens(claim)
    wanted, marked = [token.text for token in said], any(token.mark for token in said)
    if len(wanted) < _FEWEST:
        return None
    text = without_targets(text)
    # A writer may leave out the document's own citation marks; one that it shows must stand there.
    found = [token for token in tokens(text) if marked or not token.mark]
    stated = [each for each in stated if not each.row and not each.taken_back]
    told = [token.text for token in tokens(context)]
    begun = [each for each in stated if not each.denied or _is_told(each.before, told)]
    (starts, _), (_, ends) = _borders(found, begun), _borders(found, stated)
    for at in starts:
        last = at + len(wanted) - 1
        chosen = found[at : last + 1]
        if (
            last in ends
            and [token.text for token in chosen] == wanted
            and _may_end(found[last], found[at], stated, begun)
        ):
            first = next(each.start for each in stated if each.start <= found[at].start < each.end)
            end = next(each.end for each in stated if each.start <= found[last].start < each.end)
            if _signs(claim, said, 0, len(claim)) == _signs(text, chosen, first, end):
                return first, end
    return None


def quoted_span(
    claim: str, quotation: str, text: str, stated: Sequence[Statement], *, code: bool = False
) -> tuple[int, int] | None:
    """Return the span of `text` that says `claim`, if it stands there within all that `quotation` says, else `None`.

    A lead, a caption or a title states nothing alone. Quoted with what stands around it in the document, it says what
    the document says. So the quotation is one piece of `text`, it begins and ends with a line or a statement, and holds
    a statement that the document does not take back; what denies its first one stands in it. Of code, each sign and
    the indentation are the same, too.
    """
    said = tokens(claim)
    marked = any(token.mark for token in said)
    text = without_targets(text)
    found, wanted = ([token for token in _unnumbered(each) if marked or not token.mark] for each in (text, quotation))
    words = [token.text for token in found]
    for at in _places([token.text for token in wanted], words):
        run = found[at : at + len(wanted)]
        inside = [each for each in stated if each.start < run[-1].end and run[0].start < each.end]
        if not inside or inside[0].denied or any(each.taken_back for each in inside):
            continue
        if not _begins(text, run[0].start, stated) or not _ends(text, run[-1].end, stated):
            continue
        for place in _places([token.text for token in said], [token.text for token in run]):
            chosen = run[place : place + len(said)]
            start, end = chosen[0].start, chosen[-1].end
            if code:
                start, end = text.rfind("\n", 0, start) + 1, end + len(text[end:].partition("\n")[0])
                if _dedented(claim) == _dedented(text[start:end]):
                    return start, end
            elif _signs(claim, said, said[0].start, said[-1].end) == _signs(text, chosen, start, end):
                return start, end
    return None


def _dedented(code: str) -> str:
    return textwrap.dedent(code.expandtabs(4)).strip()


def _unnumbered(text: str) -> list[Token]:
    """Return the tokens of a text without the numbers and letters of its items."""
    marks = [found.span() for found in _ITEM.finditer(text)]
    return [token for token in tokens(text) if not any(start <= token.start < end for start, end in marks)]


def _places(wanted: Sequence[str], words: Sequence[str]) -> Iterator[int]:
    """Yield where `wanted` stands in `words`."""
    size = len(wanted)
    yield from (at for at in range(len(words) - size + 1 if size else 0) if words[at : at + size] == wanted)


def _begins(text: str, start: int, stated: Sequence[Statement]) -> bool:
    """Whether a line or a statement begins at `start`, signs aside."""
    before = _ITEM.sub("", text[text.rfind("\n", 0, start) + 1 : start] + " ")
    return not any(map(str.isalnum, before)) or any(
        each.start <= start and not any(map(str.isalnum, text[each.start : start])) for each in stated
    )


def _ends(text: str, end: int, stated: Sequence[Statement]) -> bool:
    """Whether a line or a statement ends at `end`, signs aside."""
    after = text[end:].partition("\n")[0]
    return not any(map(str.isalnum, after)) or any(
        end <= each.end and each.start < end and not any(map(str.isalnum, text[end : each.end])) for each in stated
    )


def _is_told(before: str, told: Sequence[str]) -> bool:
    """Whether the words before a statement, of which a text may hold the end alone, are the last ones of `told`."""
    said = [token.text for token in tokens(before)]
    return bool(said) and list(told[-len(said) :]) == said


def _may_end(last: Token, first: Token, stated: Sequence[Statement], begun: Sequence[Statement]) -> bool:
    """Whether a claim from `first` to `last` ends with a statement that is not denied, or is after what denies it."""
    return any(each.start <= last.start < each.end and (each in begun or first.start < each.start) for each in stated)


def verbatim_row(row: str, header: str, text: str, stated: Sequence[Statement]) -> tuple[int, int] | None:
    """Return the span of the table row that `row` copies cell by cell, under the same header, or `None`."""
    if not any(_cells(row)) or not any(_cells(header)):
        return None
    rows = (each for each in stated if each.row and not each.denied)
    same = (each for each in rows if same_cells(row, text[each.start : each.end]))
    return next(((each.start, each.end) for each in same if same_cells(header, each.before)), None)


def same_cells(row: str, written: str) -> bool:
    """Return whether `row`, its cells joined by bars, says in each cell what the row `written` of a document says.

    >>> same_cells("Free | – | 60", "| Free | – | **60** |"), same_cells("Free | – | 60", "| Free | 60 | – |")
    (True, False)
    """
    ours = _cells(row)
    marked = any(token.mark for cell in ours for token in tokens(cell))
    theirs = _cells(without_targets(written.strip().removeprefix("|")))
    return [_said(cell, marked=True) for cell in ours] == [_said(cell, marked=marked) for cell in theirs]


def _cells(row: str) -> list[str]:
    """Return the cells, without empty ones at the end: the bar after the last cell may be missing."""
    found = [cell.strip() for cell in _BAR.split(row)]
    while found and not tokens(found[-1]):
        found.pop()
    return found


def _said(cell: str, *, marked: bool) -> tuple[list[str], list[str]]:
    """Return the words of a cell and the signs around them, none for a cell that only a dash fills."""
    found = [token for token in tokens(cell) if marked or not token.mark]
    return [token.text for token in found], _signs(cell, found, 0, len(cell)) if found else []


def _signs(text: str, found: Sequence[Token], start: int, end: int) -> list[str]:
    """Return the signs before, between and after the tokens: "No. Backups are kept" is not "no backups are kept".

    Markup, quotation marks and a document's own citation marks are no signs, and the end of a sentence is none.
    """
    borders = [start, *(place for token in found for place in (token.start, token.end)), end]
    gaps = [text[one:other] for one, other in zip(borders[::2], borders[1::2], strict=True)]
    signs = ["".join(_SIGN.findall(_NO_SIGN.sub("", gap).translate(_DASHES))) for gap in gaps]
    return [*signs[:-1], signs[-1].rstrip(".,;:!?。！？")]


def _borders(found: list[Token], stated: Sequence[Statement]) -> tuple[list[int], set[int]]:
    """Return the positions of the first and of the last token of each statement."""
    starts: list[int] = []
    ends: set[int] = set()
    places = [token.start for token in found]
    for each in stated:
        first, after = bisect_left(places, each.start), bisect_left(places, each.end)
        if first < after:
            starts.append(first)
            ends.add(after - 1)
    return starts, ends
