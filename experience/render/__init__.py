"""Renders a report as Markdown, HTML and JSON files, and as text for a terminal."""

from __future__ import annotations

from experience.render.files import write_report
from experience.render.html import render_html
from experience.render.markdown import render_after_answer, render_answer, render_markdown, render_text
from experience.render.words import usage_line

__all__ = [
    "render_after_answer",
    "render_answer",
    "render_html",
    "render_markdown",
    "render_text",
    "usage_line",
    "write_report",
]
