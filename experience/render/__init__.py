"""Renders a report as Markdown, HTML and JSON files, and as text for a terminal."""

from __future__ import annotations

from experience.render.files import write_report
from experience.render.html import clean_html, highlighted, render_html, renderer_hash, report_body
from experience.render.links import WITHOUT_FILES, passage_address
from experience.render.markdown import render_after_answer, render_answer, render_markdown, render_text
from experience.render.places import portable_source, shown_source
from experience.render.plain import plain_html
from experience.render.sources import quotes_of
from experience.render.words import usage_line

__all__ = [
    "WITHOUT_FILES",
    "clean_html",
    "highlighted",
    "passage_address",
    "plain_html",
    "portable_source",
    "quotes_of",
    "render_after_answer",
    "render_answer",
    "render_html",
    "render_markdown",
    "render_text",
    "renderer_hash",
    "report_body",
    "shown_source",
    "usage_line",
    "write_report",
]
