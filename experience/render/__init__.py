"""Renders a report as Markdown, HTML and JSON files, and as text for a terminal.

Names are imported on first use: who shows an error on the page needs nothing that reads a report.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experience.render.clean import clean_html
    from experience.render.files import write_report
    from experience.render.html import highlighted, render_html, renderer_hash, report_body
    from experience.render.links import WITHOUT_FILES, passage_address
    from experience.render.markdown import render_after_answer, render_answer, render_markdown, render_text
    from experience.render.places import portable_source, shown_source
    from experience.render.plain import plain_html
    from experience.render.sources import quotes_of
    from experience.render.words import usage_line

_MODULES = {
    "WITHOUT_FILES": "links",
    "clean_html": "clean",
    "highlighted": "html",
    "passage_address": "links",
    "plain_html": "plain",
    "portable_source": "places",
    "quotes_of": "sources",
    "render_after_answer": "markdown",
    "render_answer": "markdown",
    "render_html": "html",
    "render_markdown": "markdown",
    "render_text": "markdown",
    "renderer_hash": "html",
    "report_body": "html",
    "shown_source": "places",
    "usage_line": "words",
    "write_report": "files",
}

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


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module `experience.render` has no attribute {name!r}")
    return getattr(import_module(f"experience.render.{_MODULES[name]}"), name)
