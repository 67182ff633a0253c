"""What every surface records of an ingestion, a search and a listing in the audit trail."""

from __future__ import annotations

from collections.abc import Iterable

from observability.audit import Actor, AuditEvent, AuditKind, AuditTrail, Noted
from policy import GuardChain, SafePassages, safe_passages
from retrieval import IngestReport, Manifest, Removal
from state.access import stored_labels
from state.errors import PolicyRefusal
from state.values import Passage

_COUNTED = ("added", "updated", "unchanged", "superseded", "passages", "removed")


async def record_ingestion(trail: AuditTrail, actor: Actor, what: str, noted: Noted, report: IngestReport) -> None:
    """Note the figures of an ingestion, and record the documents whose access label it changed."""
    noted.counts.update({name: getattr(report, name) for name in _COUNTED}, failed=len(report.failed))
    relabelled = AuditEvent(kind=AuditKind.RELABEL, operation="ingest", actor=actor, object=what)
    await trail.record(relabelled, report.relabelled)


def record_removal(noted: Noted, removal: Removal) -> None:
    """Note what was taken out of search."""
    noted.ids = removal.document_ids
    noted.counts.update(documents=removal.documents, passages=removal.passages)


async def record_reads(trail: AuditTrail, actor: Actor, operation: str, what: str, found: Iterable[Passage]) -> None:
    """Record that `actor` gets those of the passages that only some audiences may read, by their documents."""
    documents = dict.fromkeys(each.document_id for each in found if stored_labels(each.metadata))
    await trail.record(AuditEvent(kind=AuditKind.READ, operation=operation, actor=actor, object=what), documents)


async def screened_reads(
    guards: GuardChain, trail: AuditTrail, actor: Actor, operation: str, what: str, found: Iterable[Passage]
) -> SafePassages:
    """Return what `actor` may see of `found`, and record what it gets, and how many passages a guard refused."""
    passages = list(found)
    safe = await safe_passages(guards, passages)
    shown = {each.evidence_id for each in safe.passages}
    await record_reads(trail, actor, operation, what, (each for each in passages if each.evidence_id in shown))
    if safe.left_out:
        refused = AuditEvent(
            kind=AuditKind.REFUSAL,
            operation=operation,
            actor=actor,
            object=what,
            counts=dict(safe.left_out),
            outcome="refused",
            reason=PolicyRefusal.code,
        )
        await trail.record(refused)
    return safe


async def record_listing(trail: AuditTrail, actor: Actor, what: str, manifest: Manifest) -> None:
    """Record that `actor` gets a manifest that lists documents which only some audiences may read."""
    documents = dict.fromkeys(entry.document_id for entry in manifest.entries if entry.audience)
    await trail.record(AuditEvent(kind=AuditKind.READ, operation="manifest", actor=actor, object=what), documents)
