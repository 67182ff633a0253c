"""Renders Markdown that cites nothing yet as HTML: a draft, and the first part of a report that is still coming."""

from __future__ import annotations

from markdown_it import MarkdownIt

from experience.render.answer import aligned_by_class
from experience.render.clean import clean_html

_PARSER = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .disable(["image", "html_inline", "html_block", "reference", "link", "autolink"])
)


def plain_html(markdown: str) -> str:
    """Return `markdown` as HTML. Images, links and HTML in it are shown as literal text."""
    tokens = _PARSER.parse(markdown)
    aligned_by_class(tokens)
    return clean_html(str(_PARSER.renderer.render(tokens, _PARSER.options, {})))
