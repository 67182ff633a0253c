"""Finds the citations in published Markdown: the `[n]` after a claim, as opposed to an `[n]` in a document's text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from state.report import Report, ReportClaim

_RUN = re.compile(r"\s?(?P<run>(?:\[\d+\])+)")
_MARK = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class CitedClaim:
    """A claim and its position in the Markdown. `marks` are (start, end, number) of its citations."""

    claim: ReportClaim
    start: int
    end: int
    marks: tuple[tuple[int, int, int], ...]

    @property
    def numbers(self) -> set[int]:
        """The numbers that the claim cites."""
        return {number for _, _, number in self.marks}


def cited_claims(report: Report) -> list[CitedClaim]:
    """Return the claims found in the Markdown with the citations that follow them, in the order of the report."""
    found: list[CitedClaim] = []
    at = 0
    for claim in report.claims:
        # From the last claim on, since two claims may have the same text; else from the beginning.
        cited = _placed(report, claim) or _locate(report.markdown, claim, at) or _locate(report.markdown, claim, 0)
        if cited is not None:
            found.append(cited)
            at = cited.end
    return found


def stray_numbers(report: Report, cited: list[CitedClaim]) -> list[int]:
    """Return the numbers of every `[n]` outside of the claims and their citations."""
    covered = [(each.start, each.end) for each in cited]
    strays = (mark for mark in _MARK.finditer(report.markdown) if not any(a <= mark.start() < b for a, b in covered))
    return [int(mark[1]) for mark in strays]


def _placed(report: Report, claim: ReportClaim) -> CitedClaim | None:
    """Return the claim at the offsets that it names, if it names some."""
    if not 0 <= claim.start < claim.end <= len(report.markdown):
        return None
    known = {item.number for item in report.evidence}
    found = ((m.start(), m.end(), int(m[1])) for m in _MARK.finditer(report.markdown, claim.start, claim.end))
    return CitedClaim(claim, claim.start, claim.end, tuple(mark for mark in found if mark[2] in known))


def _locate(markdown: str, claim: ReportClaim, at: int) -> CitedClaim | None:
    """Return the first position from `at` where citations follow the claim, else its first position without any."""
    bare: CitedClaim | None = None
    start = markdown.find(claim.text, at) if claim.text else -1
    while start >= 0:
        end = start + len(claim.text)
        run = _RUN.match(markdown, end)
        if run:
            marks = tuple(
                (mark.start(), mark.end(), int(mark[1])) for mark in _MARK.finditer(markdown, *run.span("run"))
            )
            return CitedClaim(claim, start, run.end(), marks)
        bare = bare or CitedClaim(claim, start, end, ())
        start = markdown.find(claim.text, start + 1)
    return bare
