"""The list of sources at the end of the message that a run adds to its thread, for clients that show messages only."""

from __future__ import annotations

from pathlib import PurePath

from state.markdown_text import md_line
from state.places import pages_of, section_of
from state.report import Report, ReportEvidence


def with_sources(report: Report) -> str:
    """Return the report's text with a line for each cited passage: its number, document, section and pages."""
    items = sorted(report.evidence, key=lambda item: item.number)
    lines = "\n".join(_line(item) for item in items)
    return f"{report.markdown.rstrip()}\n\n## Sources\n\n{lines}" if lines else report.markdown


def _line(item: ReportEvidence) -> str:
    # The title and not the path, which may name folders of the machine. LangChain's documents have their path as title.
    title = PurePath(item.title).name if PurePath(item.title).is_absolute() else item.title
    named = (md_line(title) or "a document", md_line(section_of(item)), pages_of(item))
    return f"- [{item.number}] {', '.join(filter(None, named))}"
