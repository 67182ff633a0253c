"""Finds the claims of a report and their citations in its Markdown, by the offsets that the report gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nodes.draft import PlainText
from state.report import Report, ReportClaim
from state.values import MASK


@dataclass(frozen=True)
class CitedClaim:
    """A claim and its position in the Markdown. `marks` are (start, end, number) of the citations in its span."""

    claim: ReportClaim
    start: int
    end: int
    marks: tuple[tuple[int, int, int], ...]

    @property
    def numbers(self) -> set[int]:
        """The numbers that the claim cites."""
        return {number for _, _, number in self.marks}


class ShownClaims:
    """The claims of a report where its Markdown shows them, and what it shows beside them.

    A claim is shown if the plain text of its span is its text. A mark inside of code is code.
    """

    def __init__(self, report: Report) -> None:
        self._text = PlainText(report.markdown)
        self._report = report
        self.claims = [self._placed(claim) for claim in report.claims if self._is_shown(claim)]

    def stray_numbers(self) -> list[int]:
        """Return the numbers of the marks that stand in no claim's span."""
        inside = {mark for each in self.claims for mark in each.marks}
        every = self._text.marks(0, len(self._report.markdown))
        return [mark[2] for mark in every if mark not in inside]

    def words_outside(self) -> list[str]:
        """Return the words and signs, block by block, that stand in no claim's span."""
        return [*self._text.outside([(each.start, each.end) for each in self.claims])]

    def _is_shown(self, claim: ReportClaim) -> bool:
        return _is_span(self._report, claim) and same_text(
            self._text.of(claim.start, claim.end), claim.text, masked=bool(self._report.masks)
        )

    def _placed(self, claim: ReportClaim) -> CitedClaim:
        return CitedClaim(claim, claim.start, claim.end, tuple(self._text.marks(claim.start, claim.end)))


def cited_claims(report: Report) -> list[CitedClaim]:
    """Return the claims at the offsets that the report gives, with the marks there that name its evidence.

    Their text is not compared: this is for showing a report, not for checking it.
    """
    text, known = PlainText(report.markdown), {item.number for item in report.evidence}
    return [
        CitedClaim(
            claim,
            claim.start,
            claim.end,
            tuple(mark for mark in text.marks(claim.start, claim.end) if mark[2] in known),
        )
        for claim in report.claims
        if _is_span(report, claim)
    ]


def overlapping(claims: Sequence[CitedClaim]) -> list[CitedClaim]:
    """Return the claims whose span begins inside of another's."""
    found: list[CitedClaim] = []
    end = 0
    for each in sorted(claims, key=lambda claim: (claim.start, claim.end)):
        found += [each] if each.start < end else []
        end = max(end, each.end)
    return found


def _is_span(report: Report, claim: ReportClaim) -> bool:
    return 0 <= claim.start < claim.end <= len(report.markdown)


def same_text(shown: str, canonical: str, *, masked: bool) -> bool:
    """Whether two texts are the same but for masked characters, which only a report that lists masks may have."""
    if shown == canonical or not masked:
        return shown == canonical
    # Character by character: a mask replaces characters one to one, so everything between the masks must still agree.
    return len(shown) == len(canonical) and all(a in (b, MASK) for a, b in zip(shown, canonical, strict=True))
