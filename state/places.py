"""The place of a passage within its document, in words."""

from __future__ import annotations

from collections.abc import Sequence

from state.page_labels import label_of
from state.report import ReportEvidence
from state.values import Passage


def pages_of(evidence: ReportEvidence | Passage) -> str:
    """Return `page 3` or `pages 3 to 4`, or an empty string for formats without pages.

    Where the pages have labels, they come first: `page iv (6 of the file)`.
    """
    if evidence.page is None:
        return ""
    first, last = evidence.page, evidence.page_end or evidence.page
    counted = _range(str(first), str(last))
    cited = _range(*(label or str(page) for label, page in zip(_labels(evidence), (first, last), strict=True)))
    shown = cited if cited == counted else f"{cited} ({counted} of the file)"
    return f"page {shown}" if first == last else f"pages {shown}"


def _labels(evidence: ReportEvidence | Passage) -> tuple[str, str]:
    if isinstance(evidence, ReportEvidence):
        return evidence.page_label, evidence.page_end_label
    return label_of(evidence.metadata, evidence.page), label_of(evidence.metadata, evidence.page_end or evidence.page)


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def section_of(evidence: ReportEvidence | Passage) -> str:
    """Return the headings above a passage, outermost first. The document's title is left out, since it stands above."""
    return " › ".join(_below(evidence.title, evidence.heading_path))


def path_of(title: str, headings: Sequence[str]) -> str:
    """Return the title of a document with the headings above a passage, outermost first.

    >>> path_of("Limits", ("Limits", "Free tier"))
    'Limits › Free tier'
    """
    return " › ".join(filter(None, (" ".join(title.split()), *_below(title, headings))))


def _below(title: str, headings: Sequence[str]) -> list[str]:
    """Return the headings on one line each, without the first if it is the title."""
    path = headings[1:] if headings and _plain(headings[0]) == _plain(title) else headings
    return [" ".join(heading.split()) for heading in path]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
