"""What every surface records of an ingestion and of a search in the audit trail."""

from __future__ import annotations

from collections.abc import Iterable

from observability.audit import Actor, AuditEvent, AuditKind, AuditTrail, Noted
from retrieval import IngestReport
from state.access import stored_labels
from state.values import Passage

_COUNTED = ("added", "updated", "unchanged", "superseded", "passages")


async def record_ingestion(trail: AuditTrail, actor: Actor, what: str, noted: Noted, report: IngestReport) -> None:
    """Note the figures of an ingestion, and record the documents whose access label it changed."""
    noted.counts.update({name: getattr(report, name) for name in _COUNTED}, failed=len(report.failed))
    relabelled = AuditEvent(kind=AuditKind.RELABEL, operation="ingest", actor=actor, object=what)
    await trail.record(relabelled, report.relabelled)


async def record_reads(trail: AuditTrail, actor: Actor, operation: str, what: str, found: Iterable[Passage]) -> None:
    """Record that `actor` gets those of the passages that only some audiences may read, by their documents."""
    documents = dict.fromkeys(each.document_id for each in found if stored_labels(each.metadata))
    await trail.record(AuditEvent(kind=AuditKind.READ, operation=operation, actor=actor, object=what), documents)
