"""What the service writes to the audit trail: refusals, and reads of documents that have an audience."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from experience.audited import record_reads
from experience.service.exporting import EXPORT
from experience.service.leg import Leg
from observability.audit import Actor, AuditEvent, AuditKind, AuditTrail, named, operator
from policy.identity import Principal
from retrieval import Corpora
from state.channels import ResearchContext
from state.errors import CorpusMissing, Forbidden, RunMissing, SixplaneError, ThreadMissing
from state.report import Report
from state.values import Passage, Refusal

if TYPE_CHECKING:
    from experience.bundle import Bundle

REFUSALS = (Forbidden, RunMissing, ThreadMissing, CorpusMissing)
"""The errors that refuse a principal something. An object of another principal is reported as missing."""


def actor_of(principal: Principal) -> Actor:
    """Return a principal as an actor."""
    return Actor(principal=principal.id, tenant=principal.tenant, method=principal.method)


class ServiceAudit:
    """Writes the events of one service. Every method returns once its lines are on disk."""

    def __init__(self, trail: AuditTrail, corpora: Corpora) -> None:
        self.trail, self._corpora = trail, corpora

    @asynccontextmanager
    async def refusals(
        self, actor: Actor, operation: str, what: str, kinds: tuple[type[SixplaneError], ...] = REFUSALS
    ) -> AsyncIterator[None]:
        """Record a refusal that the block raises, one of `kinds`, then raise it again."""
        try:
            yield
        except kinds as error:
            refused = AuditEvent(
                kind=AuditKind.REFUSAL,
                operation=operation,
                actor=actor,
                object=what,
                outcome="refused",
                reason=error.code,
            )
            await self.trail.record(refused)
            raise

    async def passages(self, actor: Actor, operation: str, what: str, found: Iterable[Passage]) -> None:
        """Record that `actor` gets passages, as `record_reads`."""
        await record_reads(self.trail, actor, operation, what, found)

    async def report(self, actor: Actor, operation: str, what: str, report: Report | None) -> None:
        """Record that `actor` gets a report, if it quotes documents that only an audience may see."""
        if report is not None and report.corpus is not None:
            ids = [evidence.id for evidence in report.evidence]
            await self._evidence(actor, operation, what, report.corpus.name, ids)

    async def _evidence(self, actor: Actor, operation: str, what: str, corpus: str, ids: list[str]) -> None:
        if not (self.trail.enabled and ids):
            return  # the passages would be read for nothing
        try:
            found = await (await self._corpora.known(actor.tenant, corpus)).passages(ids)
        except CorpusMissing:  # its labels went with it
            return
        await self.passages(actor, operation, what, found.values())

    @asynccontextmanager
    async def export(self, actor: Actor, what: str) -> AsyncIterator[Callable[[Bundle], None]]:
        """Record that `actor` gets an evidence bundle: that it begins, and how it ended. Yield what notes the bundle.

        The line has the digest, so that whoever gets a bundle can ask whether it came from here.
        """
        event = AuditEvent(kind=AuditKind.EXPORT, operation=EXPORT, actor=actor, object=what)
        async with self.trail.change(event) as noted:

            def note(bundle: Bundle) -> None:
                noted.ids = (f"sha256:{bundle.digest}",)
                noted.counts.update(bundle.shown, events=bundle.events, bytes=len(bundle.data))

            yield note

    async def ending(self, leg: Leg, ending: Report | dict[str, Any], hits: Iterable[str]) -> None:
        """Record how a leg ended, before its caller gets anything of the report or the draft.

        Args:
            leg: the leg.
            ending: the report, or the question to a person.
            hits: the evidence ids of what the run has retrieved; models have read it, even if no quote is left.
        """
        actor, what = of_context(leg.context), named("thread", leg.thread_id)
        if isinstance(ending, Report) and ending.refusal is not None:
            await self.trail.record(_refusal(actor, what, ending.refusal))
        if isinstance(ending, Report) and (tried := _tried(actor, what, ending)) is not None:
            await self.trail.record(tried)
        await self._evidence(actor, "research", what, leg.context.corpus, list(hits))


def of_context(context: ResearchContext) -> Actor:
    """Return who has a run done: the principal that a server has set, else the operator of this process."""
    if not context.principal:
        return operator(context.tenant)
    return Actor(principal=context.principal, tenant=context.tenant)


def _tried(actor: Actor, what: str, report: Report) -> AuditEvent | None:
    """Return what the candidate policy would have done otherwise in a run, if anything."""
    kinds = Counter(event.kind for event in report.events if event.kind.startswith("would_"))
    if not kinds or report.policy is None:
        return None
    return AuditEvent(
        kind=AuditKind.CANDIDATE,
        operation="screen",
        actor=actor,
        object=what,
        ids=(report.policy.candidate_hash,),
        counts=dict(kinds),
    )


def _refusal(actor: Actor, what: str, refusal: Refusal) -> AuditEvent:
    return AuditEvent(
        kind=AuditKind.REFUSAL,
        operation=refusal.stage,
        actor=actor,
        object=what,
        outcome="refused",
        reason=refusal.policy,
    )
