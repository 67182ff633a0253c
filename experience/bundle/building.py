"""Builds the evidence bundle of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from experience.bundle.archive import MAX_BYTES, pack
from experience.bundle.signing import sign, signer_of
from experience.bundle.sources import Gathered
from experience.bundle.values import (
    AUDIT,
    HTML,
    MANIFEST,
    PROVENANCE,
    REPORT,
    SIGNATURE,
    SOURCES,
    VERDICTS,
    AuditScope,
    BundledVerdict,
    Costs,
    Manifest,
    Member,
    Provenance,
    Verdicts,
    sha256,
    written,
)
from experience.render import portable_source, render_html, renderer_hash
from nodes.outcome import FAULT_WORDS
from state.errors import BadInput
from state.report import Report, ReportEvidence
from state.values import Claim


@dataclass(frozen=True)
class Contents:
    """What a bundle is made of.

    Args:
        report: the report.
        claims: all claims of the draft to which the verification of the report belongs.
        gathered: the cited documents.
        audit: which lines of the audit trail follow.
        lines: the lines.
        key: the key to sign with.
    """

    report: Report
    claims: Sequence[Claim]
    gathered: Gathered
    audit: AuditScope
    lines: Sequence[bytes]
    key: Ed25519PrivateKey | None = None


@dataclass(frozen=True)
class Bundle:
    """A bundle. `digest` is the SHA-256 of the file, `shown` how many documents stand in it how: see `values.Shown`."""

    data: bytes
    digest: str
    shown: dict[str, int]
    events: int


def build(contents: Contents) -> Bundle:
    """Return the bundle. The same contents give the same bytes.

    Raises:
        BadInput: it is too large.
    """
    report = contents.report
    members = {
        REPORT: written(report),
        HTML: bundled_html(report),
        VERDICTS: written(verdicts_of(report, contents.claims)),
        SOURCES: written(contents.gathered.sources),
        PROVENANCE: written(provenance_of(report, contents.audit)),
        AUDIT: b"".join(contents.lines),
        **contents.gathered.texts,
    }
    manifest = _manifest(report, members, signer_of(contents.key))
    signed = {SIGNATURE: written(sign(manifest, contents.key))} if contents.key else {}
    data = pack({**members, MANIFEST: written(manifest), **signed})
    if len(data) > MAX_BYTES:
        raise BadInput(f"the bundle has more than {MAX_BYTES} bytes", hint="leave out documents with `--texts none`")
    shown: Counter[str] = Counter(document.shown for document in contents.gathered.sources.documents)
    return Bundle(data, sha256(data), dict(sorted(shown.items())), len(contents.lines))


def verdicts_of(report: Report, claims: Iterable[Claim]) -> Verdicts:
    """Return the verdicts on `claims`, without a word of a model."""
    published = {claim.id for claim in report.claims}
    found = tuple(
        BundledVerdict(
            claim_id=claim.id,
            kind=claim.kind,
            verdict=claim.verdict,
            score=claim.score,
            fault=claim.fault,
            reason=FAULT_WORDS[claim.fault] if claim.fault else "",
            evidence_ids=tuple(dict.fromkeys(quote.evidence_id for quote in claim.citations)),
            published=claim.id in published,
        )
        for claim in claims
    )
    return Verdicts(judge=report.verification.judge, verdicts=found)


def provenance_of(report: Report, audit: AuditScope) -> Provenance:
    """Return how the report was made."""
    costs = Costs(run=report.usage, roles=report.usage_by_role)
    return Provenance(prompts=report.prompts, models=report.models, policy=report.policy, costs=costs, audit=audit)


def bundled_html(report: Report) -> bytes:
    """Return the report as HTML. It names files by their name alone, so that it is the same on every machine."""
    evidence = tuple(_portable(item) for item in report.evidence)
    return render_html(report.model_copy(update={"evidence": evidence})).encode()


def program() -> str:
    """Return name and version of this program."""
    return f"sixplane {version('sixplane')}"


def _manifest(report: Report, members: dict[str, bytes], signer: str) -> Manifest:
    listed = [Member(name=name, bytes=len(data), sha256=sha256(data)) for name, data in sorted(members.items())]
    return Manifest(
        program=program(),
        renderer=renderer_hash(),
        thread_id=report.thread_id,
        run_id=report.run_id,
        members=tuple(listed),
        signer=signer,
    ).sealed()


def _portable(item: ReportEvidence) -> ReportEvidence:
    """Return a passage whose source names no folder of this machine. A title that is the source follows it."""
    source = portable_source(item.source)
    return item.model_copy(update={"source": source, "title": source if item.title == item.source else item.title})
