"""Where the published Markdown cites: the `[n]` behind each claim, told apart from an `[n]` that a document wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass

from state.report import Report, ReportClaim

_RUN = re.compile(r"\s?(?P<run>(?:\[\d+\])+)")
_MARK = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class CitedClaim:
    """A claim where it stands in the Markdown. `marks` are (start, end, number) of its citations."""

    claim: ReportClaim
    start: int
    end: int
    marks: tuple[tuple[int, int, int], ...]

    @property
    def numbers(self) -> set[int]:
        """The numbers it cites."""
        return {number for _, _, number in self.marks}


def cited_claims(report: Report) -> list[CitedClaim]:
    """Return the claims found in the Markdown, each with the citations that follow it, in the report's order."""
    found: list[CitedClaim] = []
    at = 0
    for claim in report.claims:
        cited = _locate(report.markdown, claim, at) or _locate(report.markdown, claim, 0)
        if cited is not None:
            found.append(cited)
            at = cited.end
    return found


def stray_numbers(report: Report, cited: list[CitedClaim]) -> list[int]:
    """Return the numbers of `[n]` outside of every claim and its citations."""
    covered = [(each.start, each.end) for each in cited]
    strays = (mark for mark in _MARK.finditer(report.markdown) if not any(a <= mark.start() < b for a, b in covered))
    return [int(mark[1]) for mark in strays]


def _locate(markdown: str, claim: ReportClaim, at: int) -> CitedClaim | None:
    """Return the first place from `at` where the claim is followed by citations, else where it stands without."""
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
