"""The place of a passage in the user's documents, in words."""

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


def place_of(evidence: ReportEvidence | Passage) -> str:
    """Return the file name and the pages."""
    return ", ".join(filter(None, (evidence.source, pages_of(evidence))))
