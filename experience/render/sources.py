"""The sources of a report: its cited passages, grouped by document."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from experience.render.places import shown_source
from state.report import Report, ReportEvidence
from state.values import ClaimKind

_STARTS = re.compile(r"(?:[-*+•‣▪]|\d{1,3}[.)])[ \t]|\|")
"""How an item of a list or a row of a table starts."""

_CELLS = re.compile(r"[^:;\n]{1,80}: ?[^;\n]*; [^:;\n]{1,80}:")
"""How a row of a table starts whose cells are named."""

_ENDS = re.compile(rf"\n[ \t]*(?={_STARTS.pattern})")


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
    """Return start, end and text of the spans that the claims quote from a passage, in order.

    A span inside of another is left out: what it says is shown already.
    """
    cited = (citation for claim in report.claims for citation in claim.citations if citation.evidence_id == item.id)
    spans: list[tuple[int, int, str]] = []
    for each in sorted({(quote.start, quote.end, quote.quote) for quote in cited}, key=lambda one: (one[0], -one[1])):
        if not spans or each[1] > spans[-1][1]:
            spans.append(each)
    return spans


def paragraphs_of(report: Report, item: ReportEvidence) -> list[list[tuple[int, int, str]]]:
    """Return the quotes of a passage, those that follow each other in one paragraph together.

    Code, the rows of a table and the items of a list stand alone.
    """
    paragraphs: list[list[tuple[int, int, str]]] = []
    for quote in quotes_of(report, item):
        before = paragraphs[-1][-1] if paragraphs else None
        between = item.text[before[1] - item.start : quote[0] - item.start] if before else "…"
        shaped = _STARTS.match(quote[2].lstrip()) or _CELLS.match(quote[2])
        alone = shaped or is_code(report, quote) or is_code(report, before)
        if alone or between.strip() or between.count("\n") > 1 or (before and before[1] > quote[0]):
            paragraphs.append([quote])
        else:
            paragraphs[-1].append(quote)
    return paragraphs


def lines_of(quote: str) -> list[str]:
    """Return the lines of a quote that is no code: an item of a list or a row of a table begins a new one.

    Other line breaks are none for a reader, since the lines of a PDF end anywhere.
    """
    return [" ".join(line.split()) for line in _ENDS.split(quote.strip())]


def shown_code(quote: str) -> str:
    """Return quoted code without the blank lines around it and without the indentation that all its lines share."""
    return textwrap.dedent(quote.strip("\n"))


def is_code(report: Report, quote: tuple[int, int, str] | None) -> bool:
    """Return whether a claim shows a quote as code, so that its line breaks matter."""
    return any(
        claim.kind == ClaimKind.CODE and quote == (each.start, each.end, each.quote)
        for claim in report.claims
        for each in claim.citations
    )
