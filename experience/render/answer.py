"""Renders the answer's Markdown as HTML. Hostile text stays text, and each citation becomes a link to its passage."""

from __future__ import annotations

import re
from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from experience.markers import cited_claims
from state.report import Report

# Characters of Unicode's private use area, because no Markdown rule treats them as markup. `_OURS` removes them from
# the text of the report, so that a document cannot forge a citation.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_OURS = str.maketrans({_OPEN: None, _CLOSE: None})


def answer_html(report: Report) -> str:
    """Return the answer as HTML. Links, images and HTML inside the answer are shown as literal text."""
    return str(_PARSER.render(_marked(report)))


def passage_id(number: int) -> str:
    """Return the HTML id of a cited passage."""
    return f"passage-{number}"


def _marked(report: Report) -> str:
    """Return the Markdown with the verified citations enclosed in private use characters."""
    parts: list[str] = []
    at = 0
    marks = sorted(mark for cited in cited_claims(report) for mark in cited.marks)
    for start, end, number in marks:
        if start >= at:
            parts += [report.markdown[at:start].translate(_OURS), f"{_OPEN}{number}{_CLOSE}"]
            at = end
    return "".join([*parts, report.markdown[at:].translate(_OURS)])


def _link_citations(state: StateCore) -> None:
    """Split text tokens at the marks and insert links. Code and attributes are other tokens and stay as they are."""
    for token in state.tokens:
        if token.children:
            token.children = [piece for child in token.children for piece in _pieces(child)]


def _pieces(token: Token) -> list[Token]:
    if token.type != "text" or _OPEN not in token.content:
        return [token]
    pieces: list[Token] = []
    for at, part in enumerate(_MARK.split(token.content)):
        piece = Token("html_inline" if at % 2 else "text", "", 0)
        piece.content = _link(int(part)) if at % 2 else part
        pieces.append(piece)
    return pieces


def _link(number: int) -> str:
    label = escape(f"Source {number}")
    return f'<a class="cite" href="#{passage_id(number)}" aria-label="{label}">{number}</a>'


def _parser() -> MarkdownIt:
    # The text comes from a model that has read untrusted documents. A link or an image could send what the reader sees
    # to another site, so neither is rendered.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.disable(["link", "image", "autolink", "html_inline", "html_block", "reference"])
    parser.core.ruler.push("citations", _link_citations)
    return parser


_PARSER = _parser()
