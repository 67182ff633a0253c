"""Checks a report's ids, offsets, quotes and numbers against the corpus, without a model. For `sixplane verify`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from experience.markers import ShownClaims, overlapping, same_text
from nodes.draft import Trait, traits
from state.addresses import address_key, addresses_in
from state.editions import document_date, document_version
from state.endings import REASON, UNFINISHED, ending_text
from state.report import Report, ReportCitation, ReportClaim, ReportEvidence
from state.values import MASK, ClaimKind, Passage, Status, Support, Value

if TYPE_CHECKING:
    from retrieval import Corpus

_EXCERPT = 80
"""Characters of words that belong to no claim in the detail of a fault. A chosen value."""

_NOTICE_GAP = 1
"""Characters between a claim and the notice that nobody verified it: a space."""

_FOREIGN = frozenset({"picture", "html", "fence", "hidden", "struck"})
"""Kinds of traits that no report has."""

_WITHHELD = frozenset({"passage_fenced", "passage_redacted"})
"""Kinds of the events that name a passage of which a part is withheld."""

FaultKind = Literal[
    "uncited_claim",
    "unknown_evidence",
    "quote_differs",
    "outside_evidence",
    "evidence_differs",
    "citation_number",
    "claim_not_in_text",
    "text_without_claims",
    "not_a_heading",
    "failed_claim",
    "notice_missing",
    "foreign_markup",
    "foreign_address",
    "duplicate",
    "tally",
    "status",
]


class Fault(Value):
    """One thing that is wrong with a report."""

    kind: FaultKind
    detail: str
    claim_id: str = ""
    evidence_id: str = ""


class VerificationResult(Value):
    """The result of the check.

    `outcome` is `failed` if there is a fault; otherwise `pruned` if cited passages are no longer in the corpus, so that
    their quotes cannot be checked; otherwise `verified`.
    """

    outcome: Literal["verified", "pruned", "failed"]
    claims: int
    citations: int
    evidence: int
    faults: tuple[Fault, ...] = ()
    pruned: tuple[str, ...] = ()


class Cited(NamedTuple):
    """A cited passage as its source has it, and canonical text of its document from the offset `start` on.

    Quotes are compared with the canonical text and not with the passage: a passage is a copy, the text is the source.
    """

    passage: Passage
    text: str
    start: int = 0

    def between(self, start: int, end: int) -> str:
        """Return the canonical text between two offsets, empty where it is not at hand."""
        known = self.start <= start <= end <= self.start + len(self.text)
        return self.text[start - self.start : end - self.start] if known else ""


async def verify_report(report: Report, corpus: Corpus | None) -> VerificationResult:
    """Check `report`. Without a corpus, every cited passage counts as pruned."""
    return check_report(report, await cited_in(corpus, [item.id for item in report.evidence]))


async def cited_in(corpus: Corpus | None, evidence_ids: Iterable[str]) -> dict[str, Cited]:
    """Return the passages that the corpus still has with their documents' texts, reading each version once."""
    keys = list(evidence_ids)
    versions: dict[tuple[str, str], str | None] = {}
    found: dict[str, Cited] = {}
    for key, passage in (await corpus.passages(keys)).items() if corpus and keys else ():
        version = passage.document_id, passage.text_hash
        if version not in versions and corpus:
            versions[version] = await corpus.canonical_text(*version)
        text = versions[version]
        if text is not None:
            found[key] = Cited(passage, text)
    return found


def check_report(
    report: Report, cited: Mapping[str, Cited], *, not_compared: Collection[str] = ()
) -> VerificationResult:
    """Check `report` against the passages that it cites, by evidence id.

    Evidence that is missing, or in `not_compared` because it comes from the report itself, counts as pruned.
    """
    faults = [
        *_status_faults(report),
        *_claim_faults(report),
        *_marker_faults(report),
        *_trait_faults(report),
        *_tally_faults(report),
    ]
    for item in report.evidence:
        if item.id in cited:
            faults.extend(evidence_faults(report, item, cited[item.id]))
    faults.extend(_quote_faults(report, cited))
    pruned = tuple(item.id for item in report.evidence if item.id not in cited or item.id in not_compared)
    return VerificationResult(
        outcome="failed" if faults else "pruned" if pruned else "verified",
        claims=sum(claim.kind.states for claim in report.claims),
        citations=sum(len(claim.citations) for claim in report.claims),
        evidence=len(report.evidence),
        faults=tuple(faults),
        pruned=pruned,
    )


def _status_faults(report: Report) -> Iterator[Fault]:
    """Yield contradictions between how the run ended and what the report holds."""
    if not REASON.fullmatch(report.stop_reason):
        yield Fault(kind="status", detail="the reason with which the run ended is not a code")
    if report.claims and report.status not in (Status.ANSWERED, Status.PARTIAL):
        yield Fault(kind="status", detail=f"it is {report.status}, but it has claims")
    if report.status is Status.ANSWERED and report.gaps:
        yield Fault(kind="status", detail="it is answered, but parts of the question are open")
    doubtful = any(claim.verdict is Support.UNVERIFIED for claim in report.claims if claim.kind.states)
    if report.status is Status.ANSWERED and doubtful:
        yield Fault(kind="status", detail="it is answered, but a claim is unverified")


def _claim_faults(report: Report) -> Iterator[Fault]:
    """Yield faults for claims without a citation, citations without evidence, and duplicate ids."""
    known = {item.id for item in report.evidence}
    for claim in report.claims:
        if not claim.citations and claim.kind.states:
            yield Fault(kind="uncited_claim", claim_id=claim.id, detail="it cites nothing")
        if claim.verdict not in (Support.SUPPORTED, Support.UNVERIFIED):
            yield Fault(kind="failed_claim", claim_id=claim.id, detail=f"it is {claim.verdict}, but it was published")
        for citation in claim.citations:
            if citation.evidence_id not in known:
                detail = "the report has no evidence with this id"
                yield Fault(kind="unknown_evidence", claim_id=claim.id, evidence_id=citation.evidence_id, detail=detail)
    for kind, names in (
        ("claim", [each.id for each in report.claims]),
        ("evidence", [each.id for each in report.evidence]),
    ):
        for name, times in Counter(names).items():
            if times > 1:
                yield Fault(kind="duplicate", detail=f"{times} entries of {kind} have the id {name!r}")


def _marker_faults(report: Report) -> Iterator[Fault]:
    """Yield differences between the `[n]` in the Markdown, the claims' citations and the numbers of the evidence."""
    numbers = {item.id: item.number for item in report.evidence}
    if sorted(numbers.values()) != list(range(1, len(numbers) + 1)):
        yield Fault(kind="citation_number", detail="the evidence is not numbered 1, 2, 3, …")
    shown = ShownClaims(report)
    # By identity: two claims may be equal but for their position in the Markdown.
    places = {id(each.claim): each for each in shown.claims}
    for claim in report.claims:
        place = places.get(id(claim))
        expected = {numbers[each.evidence_id] for each in claim.citations if each.evidence_id in numbers}
        if place is None:
            detail = f"the Markdown does not say this at {claim.start}:{claim.end}"
            yield Fault(kind="claim_not_in_text", claim_id=claim.id, detail=detail)
        elif place.numbers != expected:
            detail = f"the Markdown cites {sorted(place.numbers)}, but the claim cites {sorted(expected)}"
            yield Fault(kind="citation_number", claim_id=claim.id, detail=detail)
    for each in overlapping(shown.claims):
        detail = f"another claim stands at {each.start}:{each.end}, too"
        yield Fault(kind="duplicate", claim_id=each.claim.id, detail=detail)
    used = set().union(*(each.numbers for each in shown.claims))
    for item in report.evidence:
        if item.number not in used:
            yield Fault(kind="citation_number", evidence_id=item.id, detail=f"[{item.number}] is never cited")
    if report.claims:
        yield from _outside_faults(shown)
    elif report.markdown not in _endings(report):
        yield Fault(kind="text_without_claims", detail="no claim says it, and no run without an answer ends so")


def _outside_faults(shown: ShownClaims) -> Iterator[Fault]:
    """Yield the marks and words that belong to no claim."""
    for number in shown.stray_numbers():
        yield Fault(kind="citation_number", detail=f"[{number}] does not stand in a claim")
    for words in shown.words_outside():
        excerpt = " ".join(words.split())[:_EXCERPT]
        yield Fault(kind="uncited_claim", detail=f"no claim of the report says {excerpt!r}")


def _endings(report: Report) -> Iterator[str]:
    """Yield the texts that a report without claims may have."""
    if report.status in (Status.ABSTAINED, Status.REFUSED, Status.STOPPED):
        yield ending_text(report.status, report.stop_reason, report.refusal)
    if report.status is Status.STOPPED:
        yield UNFINISHED


def _trait_faults(report: Report) -> Iterator[Fault]:
    """Yield what the Markdown shows beside words and may not, and claims that lack the form of their kind."""
    found = [*traits(report.markdown)]
    for each in found:
        claim = next((claim for claim in report.claims if claim.start <= each.start and each.end <= claim.end), None)
        where = claim.id if claim else ""
        if each.kind == "address" and not _may_name(report, claim, each):
            detail = f"no quote and no source of the claim names {each.what[:_EXCERPT]!r}"
            yield Fault(kind="foreign_address", claim_id=where, detail=detail)
        elif each.kind in _FOREIGN:
            detail = f"{each.kind}: {each.what[:_EXCERPT]!r}"
            yield Fault(kind="foreign_markup", claim_id=where, detail=detail)
    for claim in report.claims:
        yield from _form_faults(claim, found)


def _form_faults(claim: ReportClaim, found: Sequence[Trait]) -> Iterator[Fault]:
    """Yield a claim that is no heading or header where it says so, and one that lacks its notice."""
    named = (each for each in found if each.kind == "name" and each.start <= claim.start and claim.end <= each.end)
    if not claim.kind.states and not any(named):
        detail = "the Markdown has no heading and no header of a table there, or nothing stands under it"
        yield Fault(kind="not_a_heading", claim_id=claim.id, detail=detail)
    told = any(each.kind == "notice" and claim.start <= each.start <= claim.end + _NOTICE_GAP for each in found)
    # The header of a table shows no notice: its rows do.
    if claim.verdict == Support.UNVERIFIED and not told and claim.kind is not ClaimKind.HEADER:
        yield Fault(kind="notice_missing", claim_id=claim.id, detail="the Markdown does not say that it is unverified")


def _may_name(report: Report, claim: ReportClaim | None, address: Trait) -> bool:
    """Whether an address stands in a quote of the claim around it, or is one of its sources."""
    cited = claim.citations if claim else ()
    keys = {each.evidence_id for each in cited}
    named = [*(each.quote for each in cited), *(item.source for item in report.evidence if item.id in keys)]
    key = address_key(address.what)
    if report.masks and MASK in key:  # a quote is masked alike, and what is masked does not look like an address
        return any(key.lower() in text.lower() for text in named)
    return key in frozenset().union(*map(addresses_in, named))


def _tally_faults(report: Report) -> Iterator[Fault]:
    """Yield contradictions between the tally and the claims.

    The tally counts the whole draft but for its headings, and claims may have been left out of the report: it may
    count more, never fewer.
    """
    tally = report.verification
    shown = Counter(claim.verdict for claim in report.claims if claim.kind.states)
    counts = {verdict: getattr(tally, verdict.value) for verdict in Support}
    if sum(counts.values()) != tally.claims:
        yield Fault(kind="tally", detail=f"the verdicts sum up to {sum(counts.values())}, not to {tally.claims} claims")
    for verdict, count in counts.items():
        if shown[verdict] > count:
            detail = f"{shown[verdict]} claims are {verdict.value}, the verification counted {count}"
            yield Fault(kind="tally", detail=detail)


def evidence_faults(report: Report, item: ReportEvidence, cited: Cited) -> Iterator[Fault]:
    """Yield differences between a piece of evidence and its source."""
    passage = cited.passage
    for name in ("document_id", "page", "page_end", "start", "end"):
        if getattr(item, name) != getattr(passage, name):
            yield Fault(kind="evidence_differs", evidence_id=item.id, detail=f"its {name} differs from the corpus")
    withheld = any(each.kind in _WITHHELD and each.detail.startswith(f"{item.id}:") for each in report.events)
    for name in ("source", "title"):
        if not same_text(getattr(item, name), getattr(passage, name), masked=withheld):
            yield Fault(kind="evidence_differs", evidence_id=item.id, detail=f"its {name} differs from the corpus")
    masked = withheld or bool(report.masks)
    for name, read in (("date", document_date), ("version", document_version)):
        if getattr(item, name) != read(passage.metadata):
            detail = f"its {name} is not the one in the document's metadata"
            yield Fault(kind="evidence_differs", evidence_id=item.id, detail=detail)
    if not same_text("\n".join(item.heading_path), "\n".join(passage.heading_path), masked=masked):
        yield Fault(kind="evidence_differs", evidence_id=item.id, detail="its headings differ from the corpus")
    if not same_text(item.text, cited.between(passage.start, passage.end), masked=masked):
        yield Fault(
            kind="evidence_differs",
            evidence_id=item.id,
            detail="its text differs from the canonical text at its offsets",
        )


def _quote_faults(report: Report, cited: Mapping[str, Cited]) -> Iterator[Fault]:
    """Yield quotes that differ from the canonical text at their offsets or lie outside of their evidence."""
    ranges = {item.id: (item.start, item.end) for item in report.evidence}
    for claim in report.claims:
        for citation in claim.citations:
            where = {"claim_id": claim.id, "evidence_id": citation.evidence_id}
            start, end = ranges.get(citation.evidence_id, (citation.start, citation.end))
            if not start <= citation.start < citation.end <= end:
                yield Fault(
                    kind="outside_evidence", detail=f"{citation.start}:{citation.end} is not in {start}:{end}", **where
                )
            elif not _verbatim(citation, cited.get(citation.evidence_id), masked=bool(report.masks)):
                detail = f"the quote differs from the canonical text at {citation.start}:{citation.end}"
                yield Fault(kind="quote_differs", detail=detail, **where)


def _verbatim(citation: ReportCitation, cited: Cited | None, *, masked: bool) -> bool:
    if cited is None:
        return True
    # The lengths first: a forged report may have any number of short quotes of long ranges.
    fits = len(citation.quote) == citation.end - citation.start
    return fits and same_text(citation.quote, cited.between(citation.start, citation.end), masked=masked)
