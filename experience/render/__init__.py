"""Renders a report as Markdown, HTML and JSON files, and as text for a terminal."""

from __future__ import annotations

from experience.render.files import write_report
from experience.render.html import render_html, renderer_hash
from experience.render.markdown import render_after_answer, render_answer, render_markdown, render_text
from experience.render.places import portable_source
from experience.render.words import usage_line

__all__ = [
    "portable_source",
    "render_after_answer",
    "render_answer",
    "render_html",
    "render_markdown",
    "render_text",
    "renderer_hash",
    "usage_line",
    "write_report",
]
