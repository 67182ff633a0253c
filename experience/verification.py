"""Does a report hold? The check of its ids, offsets, quotes and numbers against the corpus, without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from experience.markers import cited_claims, stray_numbers
from state.report import Report, ReportCitation, ReportEvidence
from state.values import Passage, Support, Value

if TYPE_CHECKING:
    from retrieval import Corpus

MASK = "█"
"""What stands for a masked character. Verification skips it in a report that says it has masks."""

FaultKind = Literal[
    "uncited_claim",
    "unknown_evidence",
    "quote_differs",
    "outside_evidence",
    "evidence_differs",
    "citation_number",
    "claim_not_in_text",
    "duplicate",
    "tally",
]


class Fault(Value):
    """One thing that does not hold."""

    kind: FaultKind
    detail: str
    claim_id: str = ""
    evidence_id: str = ""


class VerificationResult(Value):
    """What the check came to.

    `failed` if there is a fault; else `pruned` if passages are no longer in the corpus, so that their quotes cannot be
    checked; else `verified`.
    """

    outcome: Literal["verified", "pruned", "failed"]
    claims: int
    citations: int
    evidence: int
    faults: tuple[Fault, ...] = ()
    pruned: tuple[str, ...] = ()


async def verify_report(report: Report, corpus: Corpus | None) -> VerificationResult:
    """Return what holds of `report`. Without a corpus every passage that it cites counts as pruned."""
    passages = await corpus.passages([item.id for item in report.evidence]) if corpus and report.evidence else {}
    texts = await _canonical_texts(corpus, passages)
    checked = {key for key in passages if key in texts}
    faults = [*_claim_faults(report), *_marker_faults(report), *_tally_faults(report)]
    for item in report.evidence:
        if item.id in checked:
            faults.extend(_evidence_faults(report, item, passages[item.id], texts[item.id]))
    faults.extend(_quote_faults(report, texts))
    pruned = tuple(item.id for item in report.evidence if item.id not in checked)
    return VerificationResult(
        outcome="failed" if faults else "pruned" if pruned else "verified",
        claims=len(report.claims),
        citations=sum(len(claim.citations) for claim in report.claims),
        evidence=len(report.evidence),
        faults=tuple(faults),
        pruned=pruned,
    )


async def _canonical_texts(corpus: Corpus | None, passages: dict[str, Passage]) -> dict[str, str]:
    """Return the canonical text behind each evidence id; a document version is read once."""
    versions: dict[tuple[str, str], str | None] = {}
    texts: dict[str, str] = {}
    for key, passage in passages.items():
        version = passage.document_id, passage.text_hash
        if version not in versions and corpus:
            versions[version] = await corpus.canonical_text(*version)
        text = versions.get(version)
        if text is not None:
            texts[key] = text
    return texts


def _claim_faults(report: Report) -> Iterator[Fault]:
    """Yield claims without a citation, citations without evidence, and ids that stand twice."""
    known = {item.id for item in report.evidence}
    for claim in report.claims:
        if claim.verdict == Support.SUPPORTED and not claim.citations:
            yield Fault(kind="uncited_claim", claim_id=claim.id, detail="it is called supported and cites nothing")
        for citation in claim.citations:
            if citation.evidence_id not in known:
                detail = "the report has no such evidence"
                yield Fault(kind="unknown_evidence", claim_id=claim.id, evidence_id=citation.evidence_id, detail=detail)
    for kind, names in (
        ("claim", [each.id for each in report.claims]),
        ("evidence", [each.id for each in report.evidence]),
    ):
        for name, times in Counter(names).items():
            if times > 1:
                yield Fault(kind="duplicate", detail=f"{times} entries of {kind} have the id {name!r}")


def _marker_faults(report: Report) -> Iterator[Fault]:
    """Yield what is wrong between the `[n]` of the Markdown, the claims' citations and the evidence's numbers."""
    numbers = {item.id: item.number for item in report.evidence}
    if sorted(numbers.values()) != list(range(1, len(numbers) + 1)):
        yield Fault(kind="citation_number", detail="the evidence is not numbered 1, 2, 3, …")
    cited = cited_claims(report)
    for claim in report.claims:
        place = next((each for each in cited if each.claim is claim), None)
        expected = {numbers[each.evidence_id] for each in claim.citations if each.evidence_id in numbers}
        if place is None:
            yield Fault(kind="claim_not_in_text", claim_id=claim.id, detail="its text does not stand in the Markdown")
        elif place.numbers != expected:
            detail = f"the Markdown cites {sorted(place.numbers)}, the claim {sorted(expected)}"
            yield Fault(kind="citation_number", claim_id=claim.id, detail=detail)
    used = set().union(*(each.numbers for each in cited))
    for item in report.evidence:
        if item.number not in used:
            yield Fault(kind="citation_number", evidence_id=item.id, detail=f"[{item.number}] is cited nowhere")
    if report.claims:
        for number in stray_numbers(report, cited):
            yield Fault(kind="citation_number", detail=f"[{number}] stands behind no claim")


def _tally_faults(report: Report) -> Iterator[Fault]:
    """Yield what the tally says otherwise than the claims: it counts the whole draft, so it may count more."""
    tally, shown = report.verification, Counter(claim.verdict for claim in report.claims)
    counts = {verdict: getattr(tally, verdict.value) for verdict in Support}
    if sum(counts.values()) != tally.claims:
        yield Fault(kind="tally", detail=f"the verdicts sum up to {sum(counts.values())}, not to {tally.claims} claims")
    for verdict, count in counts.items():
        if shown[verdict.value] > count:
            detail = f"{shown[verdict.value]} claims are {verdict.value}, the verification counted {count}"
            yield Fault(kind="tally", detail=detail)


def _evidence_faults(report: Report, item: ReportEvidence, passage: Passage, text: str) -> Iterator[Fault]:
    """Yield what a piece of evidence says otherwise than the corpus."""
    names = ("document_id", "source", "title", "page", "page_end", "start", "end")
    for name in names:
        if getattr(item, name) != getattr(passage, name):
            yield Fault(kind="evidence_differs", evidence_id=item.id, detail=f"its {name} is another one in the corpus")
    if not _same(item.text, text[passage.start : passage.end], masked=bool(report.masks)):
        yield Fault(kind="evidence_differs", evidence_id=item.id, detail="its text is not the canonical text there")


def _quote_faults(report: Report, texts: dict[str, str]) -> Iterator[Fault]:
    """Yield quotes that are not the canonical text at their offsets, or outside of their evidence."""
    ranges = {item.id: (item.start, item.end) for item in report.evidence}
    for claim in report.claims:
        for citation in claim.citations:
            where = {"claim_id": claim.id, "evidence_id": citation.evidence_id}
            start, end = ranges.get(citation.evidence_id, (citation.start, citation.end))
            if not start <= citation.start < citation.end <= end:
                yield Fault(
                    kind="outside_evidence", detail=f"{citation.start}:{citation.end} is not in {start}:{end}", **where
                )
            elif not _verbatim(citation, texts, masked=bool(report.masks)):
                detail = f"the quote is not the canonical text at {citation.start}:{citation.end}"
                yield Fault(kind="quote_differs", detail=detail, **where)


def _verbatim(citation: ReportCitation, texts: dict[str, str], *, masked: bool) -> bool:
    text = texts.get(citation.evidence_id)
    return text is None or _same(citation.quote, text[citation.start : citation.end], masked=masked)


def _same(shown: str, canonical: str, *, masked: bool) -> bool:
    if shown == canonical or not masked:
        return shown == canonical
    return len(shown) == len(canonical) and all(a in (b, MASK) for a, b in zip(shown, canonical, strict=True))
