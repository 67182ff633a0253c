"""Checks an evidence bundle on a machine that has neither its corpus nor an account. For `sixplane verify`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from experience.bundle.archive import pack, unpack
from experience.bundle.building import bundled_html, provenance_of
from experience.bundle.signing import Signature, is_signed
from experience.bundle.sources import cited_of
from experience.bundle.values import (
    AUDIT,
    FIXED,
    FORMAT,
    HTML,
    MANIFEST,
    PROVENANCE,
    REPORT,
    SIGNATURE,
    SOURCES,
    UNLISTED,
    VERDICTS,
    Manifest,
    ManifestHead,
    Member,
    Provenance,
    Sources,
    Verdicts,
    sha256,
    written,
)
from experience.render import renderer_hash
from experience.verification import Cited, VerificationResult, check_report
from observability.audit import check_lines, named
from settings.faults import faults_of
from state.errors import BadInput
from state.report import Report
from state.values import Support, Value

Model = TypeVar("Model", bound=BaseModel)

_HINT = "it is damaged or was not written by `sixplane export`; ask for it again"

BundleFaultKind = Literal["zip", "manifest", "signature", "member", "source", "verdict", "provenance", "html", "audit"]


MAX_CLAIMS = 2_000
"""Most claims of a report that is checked: each is compared with all marks of the text. A chosen limit, which took five
seconds on a busy machine; the longest answers that were seen have some 200."""

MAX_MARKDOWN_CHARS = 500_000
"""Most characters of its answer. A chosen limit."""


class BundleFault(Value):
    """One thing that is wrong with a bundle; `member` is the file in it."""

    kind: BundleFaultKind
    member: str
    detail: str


class BundleResult(Value):
    """The result of the check.

    `outcome` is `failed` if there is a fault in the bundle or in its report; otherwise `pruned` if quotes of the report
    could not be compared with their documents; otherwise `verified`. `html` says whether `report.html` was compared:
    another version of the program made it otherwise. `signer` is the public key of a valid signature.
    """

    outcome: Literal["verified", "pruned", "failed"]
    digest: str
    program: str
    thread_id: str
    run_id: str
    signer: str = ""
    html: Literal["same", "other_version"] = "same"
    members: int
    events: int = 0
    documents: dict[str, int] = Field(default_factory=dict)
    faults: tuple[BundleFault, ...] = ()
    report: VerificationResult | None = None


def verify_bundle(data: bytes, *, signer: str = "") -> BundleResult:
    """Check a bundle. Nothing of it is written to disk, and no member is larger than the bundle.

    Args:
        data: the zip file.
        signer: the public key that must have signed it, see `signing.public_key`; empty: it need not be signed.

    Raises:
        BadInput: it is no bundle, or one of a form that this version does not know.
    """
    members = unpack(data)
    manifest = _manifest(members)
    result = BundleResult(
        outcome="failed",
        digest=sha256(data),
        program=manifest.program,
        thread_id=manifest.thread_id,
        run_id=manifest.run_id,
        members=len(members),
        signer=manifest.signer,
        faults=(*_integrity_faults(data, members, manifest), *_signature_faults(members, manifest, signer)),
    )
    # What was changed is not worth reading.
    return result if result.faults else _Contents(members, manifest).checked(result)


class _Contents:
    """The contents of a bundle whose members are as the manifest says."""

    def __init__(self, members: Mapping[str, bytes], manifest: Manifest) -> None:
        self._members, self._manifest = members, manifest
        self._report = self._read(REPORT, Report)
        self._sources = self._read(SOURCES, Sources)
        self._verdicts = self._read(VERDICTS, Verdicts)
        self._provenance = self._read(PROVENANCE, Provenance)
        self._cited = self._read_cited()
        self._lines = members[AUDIT].splitlines(keepends=True)

    def checked(self, result: BundleResult) -> BundleResult:
        """Return `result` with what all checks found. Raises `BadInput` if the report is larger than any is."""
        if len(self._report.claims) > MAX_CLAIMS or len(self._report.markdown) > MAX_MARKDOWN_CHARS:
            raise BadInput(
                f"`{REPORT}` of the bundle has more than {MAX_CLAIMS:,} claims or {MAX_MARKDOWN_CHARS:,} characters",
                hint="no report is that long; it was not checked",
            )
        foreign = tuple(_passage_faults(self._report, self._sources))
        if foreign:  # they could be of any number and length, and all else reads them
            return result.model_copy(update={"faults": foreign})
        html = "same" if self._members[HTML] == bundled_html(self._report) else "other_version"
        documents = self._sources.documents
        faults = [
            *self._identity_faults(),
            *self._text_faults(),
            *_verdict_faults(self._report, self._verdicts),
            *self._provenance_faults(),
            *self._html_faults(html),
            *self._audit_faults(),
        ]
        quoted = {each.evidence_id for one in documents if one.shown == "quoted" for each in one.passages}
        told = check_report(self._report, self._cited, not_compared=quoted)
        found = {
            "outcome": "failed" if faults else told.outcome,
            "html": html,
            "events": len(self._lines),
            "documents": dict(Counter(each.shown for each in documents)),
            "faults": tuple(faults),
            "report": told,
        }
        return result.model_copy(update=found)

    def _read_cited(self) -> dict[str, Cited]:
        try:
            return cited_of(self._sources, self._members)
        except UnicodeDecodeError as error:
            raise BadInput("a text of the bundle is not UTF-8", hint=_HINT) from error

    def _read(self, name: str, kind: type[Model]) -> Model:
        try:
            return kind.model_validate_json(self._members[name])
        except ValidationError as error:
            raise BadInput(
                f"`{name}` of the bundle is not as this version knows it: {faults_of(error, limit=1)}",
                hint=f"verify it with {self._manifest.program}, which wrote it",
            ) from error

    def _identity_faults(self) -> Iterator[BundleFault]:
        stated = self._manifest.thread_id, self._manifest.run_id
        if stated != (self._report.thread_id, self._report.run_id):
            yield BundleFault(kind="manifest", member=MANIFEST, detail="it names another run than the report")

    def _text_faults(self) -> Iterator[BundleFault]:
        """Yield texts that are not as their hashes say, are missing, or belong to no document."""
        documents = self._sources.documents
        texts = Counter(document.member for document in documents if document.shown == "whole")
        if texts != Counter(name for name in self._members if name not in FIXED | UNLISTED):
            yield BundleFault(kind="source", member=SOURCES, detail="the texts are not those of the listed documents")
            return
        for document in documents:
            if document.reason == "differs":
                detail = "the report differed from this document when the bundle was made"
                yield BundleFault(kind="source", member=SOURCES, detail=f"{document.document_id[:80]!r}: {detail}")
            if document.shown == "whole" and sha256(self._members[document.member]) != document.sha256:
                yield BundleFault(kind="source", member=document.member, detail="its text does not fit its hash")
            for each in document.passages:
                if sha256(self._cited[each.evidence_id].between(each.start, each.end).encode()) != each.sha256:
                    detail = f"the passage {each.evidence_id[:80]!r} does not fit its hash"
                    yield BundleFault(kind="source", member=SOURCES, detail=detail)

    def _provenance_faults(self) -> Iterator[BundleFault]:
        told = self._provenance
        if told != provenance_of(self._report, told.audit):
            yield BundleFault(kind="provenance", member=PROVENANCE, detail="it does not say what the report says")
        used = list(told.costs.roles.values())
        if used and sum(each.cost_micro_usd for each in used) != told.costs.run.cost_micro_usd:
            yield BundleFault(kind="provenance", member=PROVENANCE, detail="the costs of the roles are not the run's")

    def _html_faults(self, html: str) -> Iterator[BundleFault]:
        if html != "same" and self._manifest.renderer == renderer_hash():
            yield BundleFault(kind="html", member=HTML, detail="it does not show the report that `report.json` holds")

    def _audit_faults(self) -> Iterator[BundleFault]:
        """Yield the first line that was changed or moved, and lines about something else."""
        fault = check_lines(self._lines)
        if fault is not None:
            yield BundleFault(kind="audit", member=AUDIT, detail=f"line {fault.line}: {fault.reason}")
            return
        objects = (named("thread", self._report.thread_id), named("run", self._report.run_id))
        for number, line in enumerate(self._lines, 1):
            fields = json.loads(line)
            if fields.get("object") not in objects or fields.get("tenant") != self._provenance.audit.tenant:
                yield BundleFault(kind="audit", member=AUDIT, detail=f"line {number}: it is about something else")
        if self._lines and self._provenance.audit.lines == "off":
            yield BundleFault(kind="audit", member=AUDIT, detail="it has lines, though no trail was kept")


def _manifest(members: Mapping[str, bytes]) -> Manifest:
    """Return the manifest. Raises `BadInput` if there is none, or one of another format."""
    try:
        head = ManifestHead.model_validate_json(members.get(MANIFEST, b""))
        if head.format != FORMAT:
            raise BadInput(
                f"the bundle has the format {head.format}, and this version knows format {FORMAT}",
                hint=f"verify it with {head.program[:80]}, which wrote it",
            )
        return Manifest.model_validate_json(members[MANIFEST])
    except ValidationError as error:
        raise BadInput(f"the bundle has no valid `{MANIFEST}`: {faults_of(error, limit=1)}", hint=_HINT) from error


def _integrity_faults(data: bytes, members: Mapping[str, bytes], manifest: Manifest) -> Iterator[BundleFault]:
    """Yield members that are missing, foreign or changed; if there are none, other changes of the file."""
    if manifest != manifest.sealed() or members[MANIFEST] != written(manifest):
        yield BundleFault(kind="manifest", member=MANIFEST, detail="it was changed: it does not fit its seal")
        return
    listed = {each.name: each for each in manifest.members}
    if len(listed) != len(manifest.members) or not set(listed) >= FIXED:
        yield BundleFault(kind="manifest", member=MANIFEST, detail="it lists a member twice or not at all")
        return
    sound = True
    for name in sorted({*listed, *members} - UNLISTED):
        trouble = _trouble(listed.get(name), members.get(name))
        if trouble:
            sound = False
            yield BundleFault(kind="member", member=name, detail=trouble)
    if sound and pack(members) != data:
        yield BundleFault(
            kind="zip", member="", detail="its members are in order, but other bytes of the zip file were changed"
        )


def _signature_faults(members: Mapping[str, bytes], manifest: Manifest, signer: str) -> Iterator[BundleFault]:
    """Yield a signature that is missing, not valid, or not by `signer`."""
    detail = ""
    if bool(manifest.signer) is not (SIGNATURE in members):
        detail = "it is missing" if manifest.signer else "the manifest names no signer"
    elif manifest.signer and not is_signed(manifest, _signature(members[SIGNATURE])):
        detail = "it is not a signature of this manifest by the key that the manifest names"
    elif signer and manifest.signer != signer:
        detail = "the bundle is signed with another key" if manifest.signer else "the bundle is not signed"
    if detail:
        yield BundleFault(kind="signature", member=SIGNATURE, detail=detail)


def _signature(content: bytes) -> Signature:
    try:
        return Signature.model_validate_json(content)
    except ValidationError as error:
        raise BadInput(f"the bundle has no valid `{SIGNATURE}`: {faults_of(error, limit=1)}", hint=_HINT) from error


def _trouble(listed: Member | None, content: bytes | None) -> str:
    """Return what is wrong with a member, or an empty string."""
    if content is None:
        return "it is missing"
    if listed is None:
        return "the manifest does not list it"
    return "" if (listed.bytes, listed.sha256) == (len(content), sha256(content)) else "it was changed"


def _passage_faults(report: Report, sources: Sources) -> Iterator[BundleFault]:
    """Yield passages that are not the evidence of the report, and evidence that is not as long as its offsets say."""
    listed = Counter((each.evidence_id, each.start, each.end) for one in sources.documents for each in one.passages)
    if listed != Counter((item.id, item.start, item.end) for item in report.evidence):
        yield BundleFault(kind="source", member=SOURCES, detail="its passages are not the evidence of the report")
    for item in report.evidence:
        if item.end - item.start != len(item.text):
            detail = f"the text of {item.id[:80]!r} is not as long as its offsets say"
            yield BundleFault(kind="source", member=REPORT, detail=detail)


def _verdict_faults(report: Report, verdicts: Verdicts) -> Iterator[BundleFault]:
    """Yield verdicts that contradict the report: its claims, or the counts of its verification."""
    given = {each.claim_id: each for each in verdicts.verdicts}
    if len(given) != len(verdicts.verdicts) or verdicts.judge != report.verification.judge:
        yield BundleFault(kind="verdict", member=VERDICTS, detail="it has a claim twice, or names another judge")
    for claim in report.claims:
        each = given.get(claim.id)
        told = (claim.kind, claim.verdict, claim.score, True)
        cited = {citation.evidence_id for citation in claim.citations}
        if (
            each is None
            or (each.kind, each.verdict, each.score, each.published) != told
            or not cited <= set(each.evidence_ids)
        ):
            detail = "the verdict is another one than in the report"
            yield BundleFault(kind="verdict", member=VERDICTS, detail=f"claim {claim.id[:80]!r}: {detail}")
    shown = {claim.id for claim in report.claims}
    if any(each.published for each in verdicts.verdicts if each.claim_id not in shown):
        yield BundleFault(kind="verdict", member=VERDICTS, detail="the report does not have a claim that it has")
    counts = Counter(each.verdict for each in verdicts.verdicts if each.kind.states)
    # A run that ended while its last draft was not checked has no verdicts, and counts of an earlier draft.
    if (given or report.claims) and any(counts[each] != getattr(report.verification, each) for each in Support):
        yield BundleFault(kind="verdict", member=VERDICTS, detail="the verdicts are not those that the report counts")
