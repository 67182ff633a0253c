"""A Markdown parser that knows where in the source each piece of text stands.

markdown-it gives block tokens their lines and inline tokens nothing. This parser adds two inline tokens: `cite`, in
place of a mark at a known position, and `claim`, where the text enters or leaves a claim. The source itself is parsed
as it is: characters put into it could change what it means, for example where emphasis ends.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline

from state.addresses import address_key, is_safe

_STOPS = re.compile(r"[\n!#$%&*+\-:<=>@\[\\\]^_`{}~]")
"""The characters at which the rules of inline markup begin, as in markdown-it."""

NOWHERE = -1
"""Before the first piece of a text: neither in a claim nor outside of one."""

PLACES = "places"
"""The key of the parser's environment that holds the `Places`."""


@dataclass
class Places:
    """Where the claims and their marks are in a Markdown source.

    `spans` are the claims' (start, end), ordered and without overlap. `marks` are (end, number) by the start of each
    mark. The other fields change while the parser works.
    """

    spans: Sequence[tuple[int, int]] = ()
    marks: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    origins: list[int] = field(default_factory=list)
    inside: int | None = NOWHERE

    def claim_at(self, offset: int) -> int | None:
        """Return the index of the claim at an offset of the source."""
        index = bisect_right(self.spans, offset, key=lambda span: span[0]) - 1
        return index if index >= 0 and offset < self.spans[index][1] else None

    def claim_in(self, position: int) -> int | None:
        """Return the index of the claim at a position of the inline text that is being parsed."""
        return self.claim_at(self.origins[position])


def placed_parser(renderer: type[RendererProtocol], addresses: Iterable[str] = ()) -> MarkdownIt:
    """Return a parser of CommonMark with tables. Images, HTML and links to other than `addresses` stay text.

    Args:
        renderer: what writes the tokens.
        addresses: the addresses that the text may link to, as `address_key` gives them.
    """
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=renderer).enable("table")
    parser.disable(["image", "html_inline", "html_block", "reference"])
    allowed = {address_key(parser.normalizeLink(f"https://{address}")) for address in addresses}
    parser.validateLink = lambda url: is_safe(url) and address_key(url) in allowed  # type: ignore[method-assign]
    parser.core.ruler.at("inline", _parse_inline)
    parser.inline.ruler.at("text", _text)
    parser.inline.ruler.before("text", "claim", _claim)
    parser.inline.ruler.after("claim", "cite", _cite)
    return parser


def steady(markdown: str) -> str:
    """Return `markdown` with every line break as LF, at its old length: the parser's own normalising moves offsets."""
    return markdown.replace("\r\n", " \n").replace("\r", "\n")


def line_starts(text: str) -> list[int]:
    """Return the offset of each line of `text`."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _parse_inline(state: StateCore) -> None:
    """Parse the inline tokens, with the offset of each of their characters known."""
    places: Places = state.env[PLACES]
    lines, starts = state.src.split("\n"), line_starts(state.src)
    column = 0
    for before, token in pairwise(state.tokens):
        if before.type == "tr_open":
            column = 0
        if token.type != "inline" or not token.map:
            continue
        first = token.map[0]
        if before.type in ("td_open", "th_open"):
            places.origins, column = _cell(token.content, lines[first], starts[first], column)
        else:
            places.origins = _origins(token.content, lines, starts, first)
        places.inside = NOWHERE
        token.children = state.md.inline.parse(token.content, state.md, state.env, [])


def _origins(content: str, lines: list[str], starts: list[int], first: int) -> list[int]:
    """Return the offset of each character of a paragraph or heading, -1 where it cannot be told."""
    origins: list[int] = []
    for number, part in enumerate(content.split("\n"), first):
        # Block markup stands before the text of a line; only a heading may have more after it.
        at = lines[number].rfind(part) if number < len(lines) else -1
        start = starts[number] + at if at >= 0 else None
        origins += [-1 if start is None else start + n for n in range(len(part) + 1)]
    return origins


def _cell(content: str, line: str, start: int, column: int) -> tuple[list[int], int]:
    """Return the offset of each character of a table cell, and the column of the line after it."""
    at = line.find(content.replace("|", "\\|"), column)  # the table rule removes the backslash before a bar
    if at < 0:
        return [-1] * (len(content) + 1), column
    origins = []
    for char in content:
        at += char == "|"
        origins.append(start + at)
        at += 1
    return [*origins, start + at], at


def _claim(state: StateInline, silent: bool) -> bool:
    """Insert a token where the text enters or leaves a claim. It consumes nothing, so the other rules go on."""
    places: Places = state.env[PLACES]
    claim = places.claim_in(state.pos)
    if not silent and claim != places.inside:
        places.inside = claim
        state.push("claim", "", 0).meta = {"claim": claim}
    return False


def _cite(state: StateInline, silent: bool) -> bool:
    places: Places = state.env[PLACES]
    mark = places.marks.get(places.origins[state.pos])
    if mark is None or silent:  # looking ahead for the end of a link, the parser counts brackets by itself
        return False
    end, number = mark
    state.push("cite", "", 0).meta = {"number": number, "claim": places.claim_in(state.pos)}
    state.pos += end - places.origins[state.pos]
    return True


def _text(state: StateInline, silent: bool) -> bool:
    """Consume plain text, as markdown-it does, but not beyond the end of a claim."""
    places: Places = state.env[PLACES]
    stop = _STOPS.search(state.src, state.pos, state.posMax)
    end = stop.start() if stop else state.posMax
    here = places.claim_in(state.pos)
    end = next((at for at in range(state.pos, end) if places.claim_in(at) != here), end)
    if end == state.pos:
        return False
    if not silent:
        state.pending += state.src[state.pos : end]
    state.pos = end
    return True
