"""Renders the answer's Markdown as HTML. Hostile text stays text, and each citation becomes a link to its passage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from types import MappingProxyType
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from experience.markers import CitedClaim, cited_claims
from experience.render.positions import PLACES, Places, line_starts, placed_parser, steady
from experience.render.sources import quotes_of
from nodes.draft import NOTICE
from state.addresses import addresses_in
from state.report import Report, ReportClaim
from state.values import Support

_WITH_DIRECTION = {"paragraph_open", "heading_open", "list_item_open", "td_open", "th_open"}
"""Blocks whose own first letter decides whether they run from the right to the left."""

_ANSWER = "answer"


@dataclass
class Answer:
    """The answer as HTML. `cited` are the numbers that it cites; the first citation of each has an id."""

    html: str
    cited: set[int]


def answer_html(report: Report, addresses: Mapping[int, str] = MappingProxyType({})) -> Answer:
    """Return the answer as HTML. A citation leads to the address of its number, else to the list of sources.

    Images and HTML inside the answer are shown as literal text, and so are links, unless their address stands in a
    quote of the report.
    """
    markdown = steady(report.markdown)
    page = _Page(_apart(cited_claims(report)), _quote_ids(report), line_starts(markdown), addresses)
    marks = {start: (end, number) for each in page.claims for start, end, number in each.marks}
    places = Places([(each.start, each.end) for each in page.claims], marks)
    parser = placed_parser(_Renderer, quoted_addresses(report))
    known = {PLACES: places, _ANSWER: page}
    tokens = parser.parse(markdown, known)
    _below_the_question(tokens)
    aligned_by_class(tokens)
    for token in tokens:
        _mark_doubts(token.children or [])
        if token.type in _WITH_DIRECTION:
            token.attrSet("dir", "auto")
    return Answer(str(parser.renderer.render(tokens, parser.options, known)), page.cited)


def quoted_addresses(report: Report) -> frozenset[str]:
    """Return the addresses that stand in quotes of the report, as `address_key` gives them.

    The answer may link to no other.
    """
    quotes = (citation.quote for claim in report.claims for citation in claim.citations)
    return frozenset().union(*map(addresses_in, quotes))


def passage_id(number: int) -> str:
    """Return the HTML id of a cited passage in the list of sources."""
    return f"source-{number}"


def citation_id(number: int) -> str:
    """Return the HTML id of the first citation of a passage."""
    return f"cite-{number}"


def quote_id(number: int, index: int) -> str:
    """Return the HTML id of a passage's quote, by its index in `quotes_of`."""
    return f"quote-{number}-{index}"


def aligned_by_class(tokens: Sequence[Token]) -> None:
    """Align the cells of tables by class: a strict content security policy ignores the attribute `style`."""
    for token in tokens:
        style = str(token.attrs.pop("style", ""))
        if style:
            token.attrSet("class", style.removeprefix("text-align:"))


def _apart(claims: list[CitedClaim]) -> list[CitedClaim]:
    """Return the claims by position, without those that overlap one before them."""
    kept: list[CitedClaim] = []
    for each in sorted(claims, key=lambda claim: (claim.start, claim.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def _quote_ids(report: Report) -> dict[str, list[tuple[int, int, int, str]]]:
    """Return number, start, end and HTML id of each shown quote, by evidence id."""
    return {
        item.id: [
            (item.number, start, end, quote_id(item.number, index))
            for index, (start, end, _) in enumerate(quotes_of(report, item))
        ]
        for item in report.evidence
    }


@dataclass
class _Page:
    """What the renderer knows, and what it has seen: the claim around the current token, links, cited numbers."""

    claims: list[CitedClaim]
    quotes: dict[str, list[tuple[int, int, int, str]]]
    starts: list[int]
    addresses: Mapping[int, str]
    inside: int | None = None
    in_link: bool = False
    cited: set[int] = field(default_factory=set)

    def said(self, claim: int | None, html: str, tag: str = "span") -> str:
        """Return a piece of a claim's text in an element that carries the claim's index."""
        if claim is None or not html.strip():
            return html
        doubt = " unverified" if self.claims[claim].claim.verdict != Support.SUPPORTED else ""
        return f'<{tag} class="claim{doubt}" data-claim="{claim}">{html}</{tag}>'

    def citation(self, number: int, claim: int) -> str:
        """Return the link from a citation to its passage, described by the quotes that carry the claim."""
        anchor = "" if number in self.cited else f' id="{citation_id(number)}"'
        self.cited.add(number)
        ids = " ".join(self._quotes_for(self.claims[claim].claim, number))
        href = escape(self.addresses.get(number, f"#{passage_id(number)}"))
        described = f' aria-describedby="{ids}"' if ids else ""
        return (
            f'<a class="cite"{anchor} href="{href}" role="doc-noteref" data-claim="{claim}" '
            f'aria-label="Source {number}"{described}>{number}</a>'
        )

    def _quotes_for(self, claim: ReportClaim, number: int) -> list[str]:
        """Return the ids of the shown quotes that hold the claim's quotes from a source."""
        found = (
            own
            for each in claim.citations
            for cited, start, end, own in self.quotes.get(each.evidence_id, ())
            if cited == number and start <= each.start and each.end <= end
        )
        return [*dict.fromkeys(found)]


class _Renderer(RendererHTML):
    """Writes HTML, each piece of a claim in an element with the claim's index. Its methods are named after tokens."""

    def claim(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:  # noqa: ARG002
        env[_ANSWER].inside = tokens[idx].meta["claim"]
        return ""

    def cite(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:  # noqa: ARG002
        page: _Page = env[_ANSWER]
        number, claim = tokens[idx].meta["number"], tokens[idx].meta["claim"]
        # A link inside of a link would be no HTML.
        return str(number) if page.in_link else page.citation(number, claim)

    def text(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:  # noqa: ARG002
        page: _Page = env[_ANSWER]
        text = tokens[idx].content
        if idx + 1 < len(tokens) and _cites(tokens[idx + 1 :]):
            text = text.rstrip(" ")  # no line break between a statement and its citation
        return page.said(page.inside, escape(text, quote=False))

    def code_inline(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        page: _Page = env[_ANSWER]
        return page.said(page.inside, super().code_inline(tokens, idx, options, env))

    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        env[_ANSWER].in_link = True
        token = tokens[idx]
        token.attrs = {"href": token.attrs["href"], "rel": "noopener noreferrer", "target": "_blank"}
        return self.renderToken(tokens, idx, options, env)

    def link_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        env[_ANSWER].in_link = False
        return self.renderToken(tokens, idx, options, env)

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return self._code(tokens, idx, super().fence(tokens, idx, options, env), env)

    def code_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return self._code(tokens, idx, super().code_block(tokens, idx, options, env), env)

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        # A wide table scrolls by itself; with a `tabindex` also from the keyboard.
        return '<div class="wide" role="region" aria-label="Table" tabindex="0">' + self.renderToken(
            tokens, idx, options, env
        )

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f"{self.renderToken(tokens, idx, options, env)}</div>\n"

    def _code(self, tokens: Sequence[Token], idx: int, html: str, env: Any) -> str:
        page: _Page = env[_ANSWER]
        lines = tokens[idx].map
        # The end of the first line: the claim of an indented block begins after the start of the line.
        claim = env[PLACES].claim_at(page.starts[lines[0] + 1] - 1) if lines else None
        # Like a table, long lines scroll by themselves.
        html = html.rstrip().replace("<pre>", '<pre role="region" aria-label="Code" tabindex="0">', 1)
        return f"{page.said(claim, html, 'div')}\n"


def _cites(tokens: Sequence[Token]) -> bool:
    """Return whether a citation is the next thing that is shown."""
    return next((token.type == "cite" for token in tokens if token.type != "claim"), False)


def _mark_doubts(tokens: list[Token]) -> None:
    """Turn the words that mark an unverified claim in Markdown into a label."""
    for at, token in enumerate(tokens):
        around = tokens[at - 1 : at + 2] if at else []
        if token.content == NOTICE and [each.type for each in around] == ["em_open", "text", "em_close"]:
            token.content = token.content.strip("()")
            for each in (around[0], around[2]):
                each.tag = "span"
            around[0].attrs = {"class": "doubt"}


def _below_the_question(tokens: Sequence[Token]) -> None:
    """Lower the headings by one level if one of them is of the first, which is the question's."""
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    if any(token.tag == "h1" for token in headings):
        for token in headings:
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
