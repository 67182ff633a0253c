"""Permission and ownership checks for every networked surface (HTTP and MCP).

Tenant, principal and audiences are taken from the authenticated principal and never from the request. Objects of
another principal are reported as missing, so that their existence is not revealed. Each refusal is logged, and
recorded in the audit trail like changes and reads of documents with an audience.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from experience.audited import record_ingestion, record_listing, record_removal, screened_reads
from experience.ingest_progress import Tell
from experience.service.auditing import REFUSALS, actor_of
from experience.service.exporting import Reader
from experience.service.models import ResearchRequest, ThreadView
from experience.service.runs import Run, Runs
from experience.service.threads import PAGE, PageWanted, ThreadPage, ThreadRecord
from gateway.ledger.account import Account, accounted
from gateway.ledger.budget_lines import BudgetLine
from observability.audit import AuditEvent, AuditKind, Noted, named
from policy import SafePassages
from policy.identity import Permission, Principal
from retrieval import Corpus, IngestReport, Manifest, Removal
from retrieval.embeddings import model_of
from settings import MEMORY_CORPUS
from state.errors import ModelUnknown, NameInvalid, RunMissing, ThreadMissing
from state.report import CorpusRef
from state.values import Passage, ReviewAnswer

if TYPE_CHECKING:
    from experience.bundle import Bundle, WholeTexts

_OBJECTS = {
    "ask": "thread",
    "resume": "thread",
    "thread": "thread",
    "export": "thread",
    "delete": "thread",
    "run": "run",
}
"""The kind of object that each action names, if it is not a corpus."""

_UNNAMED = {
    "ask": "a new thread",
    "threads": "all threads",
    "corpora": "all corpora",
    "embed": "texts",
    "budget": "budgets",
}
"""What the actions are about that name no object."""

_log = logging.getLogger("sixplane.access")


class Desk:
    """The operations of the service, each limited to what the given principal may do and see."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.service = runs.service
        self.audit = runs.service.audit

    async def start(self, principal: Principal, request: ResearchRequest) -> Run:
        """Start a run for the principal. Raises `Forbidden`, and the errors of `Runs.start`."""
        async with self.watched(principal, "ask", request.thread_id or ""):
            principal.require(Permission.ASK)
            return await self.runs.start(_of(principal, request))

    async def resume(self, principal: Principal, thread_id: str, answer: ReviewAnswer | None = None) -> Run:
        """Continue one of the principal's threads, or answer its review.

        Raises `Forbidden`, `ThreadMissing`, and the errors of `Runs.resume`.
        """
        async with self.watched(principal, "resume", thread_id):
            principal.require(Permission.ASK)
            await self._own(principal, thread_id)
            # With the audiences of today: the principal may have lost some since the run began.
            return await self.runs.resume(principal.tenant, thread_id, answer, audiences=audiences_of(principal))

    async def run(self, principal: Principal, run_id: str) -> Run:
        """Return one of the principal's runs. Raises `RunMissing`."""
        async with self.watched(principal, "run", run_id):
            principal.require(Permission.ASK)
            run = await self._own_run(principal, run_id)
            if principal.id != run.owner:  # the owner's own read is recorded at the end of the run
                await self.audit.report(actor_of(principal), "run", named("run", run_id), run.report)
            return run

    async def cancel(self, principal: Principal, run_id: str) -> Run:
        """Stop one of the principal's runs after its current step, and return it. Raises `RunMissing`."""
        async with self.watched(principal, "run", run_id):
            principal.require(Permission.ASK)
            run = await self._own_run(principal, run_id)
            self.runs.cancel(run)
            return run

    async def threads(
        self, principal: Principal, *, query: str = "", limit: int = PAGE, cursor: str = ""
    ) -> ThreadPage:
        """Return a page of the principal's threads, latest first; an administrator gets all threads of the tenant.

        Raises `BadInput` for a cursor of something else.
        """
        async with self.watched(principal, "threads", ""):
            principal.require(Permission.ASK)
            owner = None if principal.is_admin else principal.id
            return await self.service.threads(principal.tenant, PageWanted(owner, query, limit, cursor))

    async def record(self, principal: Principal, thread_id: str) -> ThreadRecord:
        """Return the row of one of the principal's threads, and nothing of its reports. Raises `ThreadMissing`."""
        async with self.watched(principal, "thread", thread_id):
            principal.require(Permission.ASK)
            return await self._own(principal, thread_id)

    async def thread(self, principal: Principal, thread_id: str) -> ThreadView:
        """Return one of the principal's threads with its latest report. Raises `ThreadMissing`."""
        async with self.watched(principal, "thread", thread_id):
            principal.require(Permission.ASK)
            await self._own(principal, thread_id)
            view = await self.service.show(principal.tenant, thread_id)
            await self.audit.report(actor_of(principal), "thread", named("thread", thread_id), view.report)
            return view

    async def export(self, principal: Principal, thread_id: str, whole: WholeTexts) -> Bundle:
        """Return the evidence bundle of one of the principal's threads.

        Whoever is no administrator gets only its own lines of the audit trail. Raises `ThreadMissing`, and the errors
        of `ResearchService.exported`.
        """
        async with self.watched(principal, "export", thread_id):
            principal.require(Permission.ASK)
            await self._own(principal, thread_id)
            reader = Reader(audiences_of(principal), None if principal.is_admin else principal.id)
            async with self.service.exported(actor_of(principal), thread_id, reader, whole) as bundle:
                return bundle

    async def delete(self, principal: Principal, thread_id: str) -> None:
        """Delete one of the principal's threads. Raises `Forbidden`, `ThreadMissing`, `ThreadBusy`."""
        async with self.watched(principal, "delete", thread_id):
            principal.require(Permission.DELETE)
            await self._own(principal, thread_id)
            async with self._change(principal, AuditKind.DELETE, "delete", named("thread", thread_id)):
                await self.service.delete(principal.tenant, thread_id)
                self.runs.forget(principal.tenant, thread_id)

    async def corpora(self, principal: Principal) -> list[CorpusRef]:
        """Return the tenant's corpora, without the reserved corpus of earlier reports.

        Their counts tell about what the principal may read.
        """
        async with self.watched(principal, "corpora", ""):
            principal.require(Permission.ASK)
            names = await self.service.corpora.names(principal.tenant)
            found = [await self._corpus(principal, name) for name in names]
            return [await corpus.summary() for corpus in found]

    async def manifest(self, principal: Principal, name: str) -> Manifest:
        """Return the manifest of a corpus: the documents that the principal may read, if it may also ingest.

        Raises `CorpusMissing`.
        """
        async with self.watched(principal, "manifest", name):
            principal.require(Permission.ASK)
            found = await (await self._corpus(principal, name)).manifest()
            may_see = principal.may(Permission.INGEST)
            shown = found if may_see else found.model_copy(update={"entries": ()})
            await record_listing(self.audit.trail, actor_of(principal), named("corpus", name), shown)
            return shown

    async def search(
        self, principal: Principal, name: str, query: str, *, k: int | None, mode: Any, where: Mapping[str, Any]
    ) -> SafePassages:
        """Search among the passages that the principal may see, and return what the guards let pass.

        Raises `CorpusMissing`, and the errors of `Corpus.search`.
        """
        async with self.watched(principal, "search", name), _charged(principal, "search"):
            principal.require(Permission.ASK)
            found = await (await self._corpus(principal, name)).search(query, k, mode, where or None)
            return await self._screened(principal, "search", name, found)

    async def passages(self, principal: Principal, name: str, ids: Sequence[str]) -> SafePassages:
        """Return passages by evidence id: those that the principal may see, as far as the guards let them pass."""
        async with self.watched(principal, "passages", name), _charged(principal, "passages"):
            principal.require(Permission.ASK)
            found = await (await self._corpus(principal, name)).passages(ids)
            return await self._screened(principal, "passages", name, found.values())

    async def embed(self, principal: Principal, texts: Sequence[str], model: str = "") -> tuple[str, list[list[float]]]:
        """Return the name of the model that encodes corpora, and the vectors of texts.

        Raises `Forbidden`, and `ModelUnknown` if `model` is another one.
        """
        async with self.watched(principal, "embed", ""), _charged(principal, "embed"):
            principal.require(Permission.ASK)
            encoder = await self.service.corpora.encoder()
            name = model_of(encoder)
            if model not in ("", name):
                raise ModelUnknown(f"corpora are not encoded with {model[:80]!r}", hint=f"the model is `{name}`")
            return name, await encoder.aembed_documents([*texts])

    async def ingest(
        self,
        principal: Principal,
        name: str,
        inputs: Any,
        *,
        audience: Sequence[str] | None = None,
        progress: Tell | None = None,
    ) -> IngestReport:
        """Ingest files or documents into one of the tenant's corpora, for `audience` if they name none themselves.

        Raises `Forbidden`, and the errors of `Corpus.ingest`.
        """
        async with self.watched(principal, "ingest", name), _charged(principal, "ingest"):
            principal.require(Permission.INGEST)
            what = named("corpus", _open(name))
            async with self._change(principal, AuditKind.INGEST, "ingest", what) as noted:
                corpus = await self.service.corpora.create(principal.tenant, name, audiences_of(principal))
                report = await corpus.ingest(inputs, audience=audience, progress=progress)
                await record_ingestion(self.audit.trail, actor_of(principal), what, noted, report)
            return report

    async def remove(self, principal: Principal, name: str, documents: Sequence[str]) -> Removal:
        """Take documents of a corpus out of search. Raises `CorpusMissing`, and the errors of `Corpus.remove`."""
        async with self.watched(principal, "remove", name):
            principal.require(Permission.DELETE)
            corpus = await self._corpus(principal, name)
            async with self._change(principal, AuditKind.DELETE, "remove", named("corpus", name)) as noted:
                removal = await corpus.remove(documents)
                record_removal(noted, removal)
            return removal

    async def delete_corpus(self, principal: Principal, name: str) -> None:
        """Delete a corpus for good. Raises the errors of `Corpora.delete`."""
        async with self.watched(principal, "delete_corpus", name):
            principal.require(Permission.DELETE)
            await self._corpus(principal, name)
            async with self._change(principal, AuditKind.DELETE, "delete_corpus", named("corpus", name)):
                await self.service.corpora.delete(principal.tenant, name, audiences_of(principal))

    async def budget(self, principal: Principal) -> list[BudgetLine]:
        """Return the budgets of the tenant and of the principal, and what is spent of them. Raises `Forbidden`."""
        async with self.watched(principal, "budget", ""):
            principal.require(Permission.COST)
            return await self.service.gateway.budget(principal.tenant, principal.id)

    async def _screened(
        self, principal: Principal, operation: str, name: str, found: Iterable[Passage]
    ) -> SafePassages:
        what = named("corpus", name)
        return await screened_reads(self.service.guards, self.audit.trail, actor_of(principal), operation, what, found)

    async def _corpus(self, principal: Principal, name: str) -> Corpus:
        """Return a corpus, limited to what the principal may read and change. Raises `CorpusMissing`."""
        return await self.service.corpora.get(principal.tenant, _open(name), audiences_of(principal))

    @asynccontextmanager
    async def watched(self, principal: Principal, action: str, what: str) -> AsyncIterator[None]:
        """Log a refusal that the block raises, and record it in the audit trail."""
        kind = _OBJECTS.get(action, "corpus")
        with logged(principal, action, what):
            async with self.audit.refusals(actor_of(principal), action, named(kind, what) if what else ""):
                yield

    def _change(
        self, principal: Principal, kind: AuditKind, operation: str, what: str
    ) -> AbstractAsyncContextManager[Noted]:
        """Record a change in the audit trail: that it begins, and how it ended."""
        event = AuditEvent(kind=kind, operation=operation, actor=actor_of(principal), object=what)
        return self.audit.trail.change(event)

    async def _own(self, principal: Principal, thread_id: str) -> ThreadRecord:
        record = await self.service.record(principal.tenant, thread_id)
        if not principal.is_admin and record.owner != principal.id:
            raise ThreadMissing(f"there is no thread {thread_id!r}")
        return record

    async def _own_run(self, principal: Principal, run_id: str) -> Run:
        run = await self.runs.get(principal.tenant, run_id)
        if not principal.is_admin and run.owner != principal.id:
            raise RunMissing(f"there is no run {run_id!r}")
        return run


def audiences_of(principal: Principal) -> tuple[str, ...] | None:
    """Return the principal's audiences, or `None` for an administrator, who sees everything."""
    return None if principal.is_admin else principal.audiences


@contextmanager
def logged(principal: Principal, action: str, what: str) -> Iterator[None]:
    """Log refusals that the block raises.

    The principal appears as a hash: logs go to other systems, and an operator can compute the hash from the id.
    """
    try:
        yield
    except REFUSALS as error:
        who = hashlib.sha256(principal.id.encode()).hexdigest()[:12]
        of = repr(what[:80]) if what else _UNNAMED.get(action, "an object without a name")
        _log.warning("refused %s of %s to principal %s of tenant %s: %s", action, of, who, principal.tenant, error.code)
        raise


def _of(principal: Principal, request: ResearchRequest) -> ResearchRequest:
    own = {"tenant": principal.tenant, "principal": principal.id, "audiences": audiences_of(principal)}
    return request.model_copy(update={"context": request.context.model_copy(update=own)})


def _open(name: str) -> str:
    if name == MEMORY_CORPUS:
        raise NameInvalid(f"{MEMORY_CORPUS!r} is reserved", hint="choose a corpus of documents")
    return name


@asynccontextmanager
async def _charged(principal: Principal, purpose: str) -> AsyncIterator[None]:
    with accounted(Account(principal.tenant, f"{purpose}-{uuid.uuid4()}", principal=principal.id)):
        yield
