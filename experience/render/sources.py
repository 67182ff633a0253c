"""The sources of a report: its cited passages, grouped by document."""

from __future__ import annotations

from dataclasses import dataclass

from experience.render.places import shown_source
from state.report import Report, ReportEvidence
from state.values import ClaimKind


@dataclass(frozen=True)
class Source:
    """A document and its cited passages, in the order of their numbers."""

    passages: tuple[ReportEvidence, ...]

    @property
    def source(self) -> str:
        """The document's path or address, as the corpus has it."""
        return self.passages[0].source

    @property
    def title(self) -> str:
        """The document's title, else its shown source. LangChain's documents have their path as title."""
        title = self.passages[0].title
        return title if title and title != self.source else shown_source(self.source)

    @property
    def edition(self) -> str:
        """The document's date and version, as far as they are known."""
        first = self.passages[0]
        return ", ".join(filter(None, (first.date, f"version {first.version}" if first.version else "")))


def sources_of(report: Report) -> list[Source]:
    """Return the documents in the order of their first numbers."""
    groups: dict[tuple[str, str], list[ReportEvidence]] = {}
    for item in sorted(report.evidence, key=lambda each: each.number):
        groups.setdefault((item.document_id, item.source), []).append(item)
    return [Source(tuple(items)) for items in groups.values()]


def quotes_of(report: Report, item: ReportEvidence) -> list[tuple[int, int, str]]:
    """Return start, end and text of each span that the claims quote from a passage, in order and without duplicates."""
    cited = (citation for claim in report.claims for citation in claim.citations if citation.evidence_id == item.id)
    return sorted({(citation.start, citation.end, citation.quote) for citation in cited})


def is_code(report: Report, quote: tuple[int, int, str]) -> bool:
    """Return whether a claim shows a quote as code, so that its line breaks matter."""
    return any(
        claim.kind == ClaimKind.CODE and quote == (each.start, each.end, each.quote)
        for claim in report.claims
        for each in claim.citations
    )
