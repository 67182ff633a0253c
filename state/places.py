"""The place of a passage within its document, in words."""

from __future__ import annotations

from state.report import ReportEvidence
from state.values import Passage


def pages_of(evidence: ReportEvidence | Passage) -> str:
    """Return `page 3` or `pages 3 to 4`, or an empty string for formats without pages."""
    if evidence.page is None:
        return ""
    if evidence.page_end in (None, evidence.page):
        return f"page {evidence.page}"
    return f"pages {evidence.page} to {evidence.page_end}"


def section_of(evidence: ReportEvidence | Passage) -> str:
    """Return the headings above a passage, outermost first. The document's title is left out, since it stands above."""
    path = evidence.heading_path
    if path and _plain(path[0]) == _plain(evidence.title):
        path = path[1:]
    return " › ".join(" ".join(heading.split()) for heading in path)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
