"""`Corpus`: ingests documents, searches them and resolves citations, on any backend."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from observability import notice, operation_span
from retrieval.backend import CorpusBackend, Revision, SearchReads, check_embedding_model, fingerprint
from retrieval.copying import copy_versions
from retrieval.embeddings import model_of
from retrieval.filters import parsed
from retrieval.ingesting import Ingestion, Progress, Reading, reading_of
from retrieval.loaders.workers.stopping import giving_up_at_the_end
from retrieval.managed.passages import is_managed, is_managed_document
from retrieval.preparation import IngestEngine, prepare
from retrieval.ranking.diversity import spread
from retrieval.ranking.retrieving import DEPTH, Asked, Mode, retrieve
from retrieval.reports import CopyReport, IngestReport, Manifest, ManifestEntry
from retrieval.roots.memory import Memory
from retrieval.upkeep.removal import Removal, remove
from retrieval.upkeep.takeover import given_paths, source_roots
from state.access import Held, Labels, labels_of, may_change, may_read, narrowed, shared, stored_labels
from state.errors import BadInput, BudgetExceeded, CorpusEmpty, Forbidden
from state.report import CorpusRef
from state.values import Passage

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor
    from langchain_core.embeddings import Embeddings
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.vectorstores import VectorStore

    from retrieval.managed.kept import KeptPassages
    from settings import Settings

_POOL = 4
"""From how many times `k` passages a search chooses those of different places. A chosen value: 95 of 100 abstracts have
no more than three passages, so there are `k` places nearly always."""

_MAX_K = 1000
"""The most passages that one search returns. A chosen limit, which bounds the size of an answer."""

_log = logging.getLogger(__name__)


class Corpus:
    """One corpus of one tenant. Open it with `open_corpus` or `Corpora`. Safe to share between tasks.

    Without more, it is the corpus as an operator has it. `seen_by` returns it as a member of some audiences has it.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        tenant: str,
        backend: CorpusBackend,
        embeddings: Embeddings,
        reranker: BaseDocumentCompressor | None = None,
        kept: Callable[[], KeptPassages] | None = None,
    ) -> None:
        self.name, self.tenant = name, tenant
        self._settings, self._embeddings, self._reranker = settings, embeddings, reranker
        self._backend, self._kept = backend, kept
        self._model = model_of(embeddings)
        self._held: Held = None

    def seen_by(self, audiences: Iterable[str] | None) -> Corpus:
        """Return this corpus, limited to what a member of `audiences` may read and change; `None`: no further limit.

        The limit holds for every method, and for what they return. It can be narrowed, never widened.
        """
        given = (self._backend, self._embeddings, self._reranker, self._kept)
        view = Corpus(self._settings, self.name, self.tenant, *given)
        view._held = shared(self._held, narrowed(audiences))
        return view

    async def check(self) -> None:
        """Read a row and ask the index for one word. Raises `DependencyUnavailable`."""
        await self._backend.revision()
        await self._backend.legs("health", None, 1)

    @property
    def vector_store(self) -> VectorStore:
        """The corpus as a LangChain vector store. On Oracle Database, read this within the pool's event loop."""
        from retrieval.embeddings import as_embeddings
        from retrieval.vector_store import CorpusVectorStore

        return CorpusVectorStore(self._backend, as_embeddings(self._embeddings), self._held)

    def as_retriever(self, k: int | None = None) -> BaseRetriever:
        """Return a LangChain retriever of `k` passages by hybrid search."""
        from retrieval.retriever import CorpusRetriever

        return CorpusRetriever(corpus=self, k=k, loop=self._backend.loop())

    async def ingest(
        self,
        inputs: Any,
        *,
        audience: str | Iterable[str] | None = None,
        progress: Progress | None = None,
        sync: bool = False,
        reread: bool = False,
        engine: IngestEngine | None = None,
    ) -> IngestReport:
        """Read, split, embed and store paths, LangChain documents or the documents of a loader.

        A document whose text, metadata, label and parser are unchanged is skipped; a file that has not changed since it
        was read, and whose documents are stored as it gave them, is not even read. Every batch is one transaction, and
        the vectors of a large document are committed in slices: a killed ingest keeps what it has committed, and when
        it is run again it continues, also inside a document.

        Args:
            inputs: what to ingest.
            audience: the access label of documents that give none themselves: a name, several, or `*` for the whole
                tenant. Without it, a document that is ingested again keeps its label.
            sync: whether documents are removed whose files are gone from the paths in `inputs`. Nothing is removed that
                failed to load, that the caller may not change, or whose folder is empty, as if a disk were missing.
            reread: whether files are read that have not changed since they were read.
            progress: called after each document, each failure and each slice of a large document.
            engine: reads and encodes files elsewhere; by default this process does.

        Raises:
            BadInput: `audience` is malformed, or a path does not exist.
            CorpusBusy: another process is writing.
            EmbeddingMismatch: the corpus was built with another model.
            StorageFull: the disk is full.
            CorpusCorrupt: the database cannot be read.
        """
        labels = labels_of(audience)
        async with self._backend.writer() as writer:
            self._check_same(await self._backend.revision())
            roots = await source_roots(self._backend, inputs, self._settings)
            reading = Reading() if progress is None else await asyncio.to_thread(reading_of, inputs)
            read_paths = engine.reader(self.tenant, self.name) if engine else None
            encoder = engine.encoder(self._embeddings) if engine else self._embeddings
            memory = await asyncio.to_thread(Memory, self._settings, rereads=reread)  # it lists packages
            named = (self.tenant, self.name, labels, roots)
            items = prepare(inputs, self._settings, *named, reading.opened, read_paths, memory)
            given = (self._backend, writer, encoder, self._held, roots, progress, reading, memory)
            with giving_up_at_the_end():
                return await Ingestion(*given).run(items, given_paths(inputs) if sync else None)

    async def search(
        self,
        query: str,
        k: int | None = None,
        mode: Mode = "hybrid",
        where: Mapping[str, Any] | None = None,
        *,
        query_vector: Sequence[float] | None = None,
        rerank: bool = True,
        beside: int | None = None,
    ) -> list[Passage]:
        """Return the best `k` passages, best first, with the score of each stage.

        Args:
            query: words to search for.
            k: how many passages; `None` uses the setting `retrieval.hits`.
            mode: both legs, or one of them.
            where: a filter on metadata, see `retrieval.filters`.
            query_vector: the query's vector if the caller has it already, so that it is not embedded again.
            rerank: whether the corpus's reranker, if it has one, orders the passages.
            beside: with a number, the `k` passages are of different places, and up to so many more follow that the
                search found beside them in their documents; each part is in the order of scores.

        Raises:
            BadInput: `k`, `mode`, `where` or `beside` is invalid.
            BudgetExceeded: a limit does not cover the reranking or the query's embedding.
            CorpusEmpty: the corpus has no live passage that the caller may read.
            EmbeddingMismatch: the corpus was built with another model.
        """
        k = self._settings.retrieval.hits if k is None else k
        if isinstance(k, bool) or not 1 <= k <= _MAX_K or mode not in {"hybrid", "dense", "keyword"}:
            raise BadInput(f"k={k!r} mode={mode!r}", hint=f"k is 1 to {_MAX_K}; mode is hybrid, dense or keyword")
        if beside is not None and not 0 <= beside <= _MAX_K:
            raise BadInput(f"beside={beside!r}", hint=f"beside is 0 to {_MAX_K}")
        if where:
            parsed(where)  # here, so that a filter that no search takes is told of an empty corpus too
        with operation_span(
            "retrieval", self.name, {"sixplane.retrieval.mode": mode, "sixplane.retrieval.k": k}
        ) as span:
            if mode != "keyword" and query_vector is None:
                await self._check_searchable(self._backend)  # before embedding, which may be billed
                query_vector = await self._embeddings.aembed_query(query)
            pool = k if beside is None else _POOL * k
            depth = max(DEPTH, pool)
            asked = Asked(query, mode, k, pool if self._reranker is None else depth, depth, where, self._held)

            async def search(reads: SearchReads) -> list[Passage]:
                await self._check_searchable(reads)  # here too: the corpus may have been made anew since
                return await retrieve(reads, asked, query_vector)

            found = await self._backend.searching(search)
            if self._reranker is not None and rerank and found:
                try:
                    found = await _reranked(self._reranker, query, found)
                except BudgetExceeded:
                    raise
                except Exception as error:  # noqa: BLE001 - any adapter may raise anything, and an answer without its
                    # order is better than none: the run goes on, and log, span, events and scores tell of it.
                    _log.warning("the reranker failed: %s", type(error).__name__)
                    notice("retrieve", "rerank_failed", type(error).__name__)
            found = found[:k] if beside is None else spread(found, k, beside)
            span.set_attribute("sixplane.retrieval.passages", len(found))
            return found

    async def neighbours(self, passage: Passage, *, before: int = 1, after: int = 1) -> list[Passage]:
        """Return the passages before and after `passage` in the same document version, in reading order."""
        return self._readable(await self._backend.neighbours(passage.evidence_id, before, after))

    async def passages(self, evidence_ids: Iterable[str]) -> dict[str, Passage]:
        """Return passages by evidence id: superseded ones, and those of managed sources that were kept, included.

        Unknown and pruned ids are left out.
        """
        keys = list(evidence_ids)
        managed = [key for key in keys if is_managed(key)]
        own = [key for key in keys if not is_managed(key)] if managed else keys
        found = await self._backend.by_evidence(own) if own or not managed else {}
        if managed and self._kept is not None:
            found = {**found, **await self._kept().by_evidence(self.tenant, self.name, managed)}
        return {passage.evidence_id: passage for passage in self._readable(found.values())}

    async def canonical_text(self, document_id: str, text_hash: str) -> str | None:
        """Return the text of one document version; `None` if it is unknown or pruned."""
        if self._kept is not None and is_managed_document(document_id):
            kept = await self._kept().versions(self.tenant, self.name, document_id, text_hash)
            if kept:
                return next((each.text for each in self._readable(kept)), None)
        return await self._backend.canonical_text(document_id, text_hash, self._held)

    async def manifest(self) -> Manifest:
        """Return all document versions that the caller may read, with counts."""
        revision, rows = await self._backend.inventory()
        key = await self._backend.hash_key()
        entries = tuple(
            ManifestEntry(
                **{name: value for name, value in row.items() if name in ManifestEntry.model_fields},
                fingerprint=fingerprint(key, row["text_hash"]),
                audience=row["labels"],
            )
            for row in rows
            if may_read(row["labels"], self._held)
        )
        live = [entry for entry in entries if not entry.superseded]
        return Manifest(
            name=self.name,
            tenant=self.tenant,
            version=revision.generation,
            documents=len(live),
            passages=sum(entry.passages for entry in live),
            embedding_model=revision.embedding_model,
            entries=entries,
        )

    async def live_texts(self, document_ids: Iterable[str]) -> list[str]:
        """Return the canonical texts of those of the documents that are live and that the caller may read."""
        return await self._backend.live_texts(document_ids, self._held)

    async def titles(self) -> list[tuple[str, str]]:
        """Return title and id of each live document that the caller may read, sorted."""
        rows = (await self._backend.inventory())[1]
        live = (row for row in rows if not row["superseded"] and may_read(row["labels"], self._held))
        return sorted((row["title"], row["document_id"]) for row in live)

    async def summary(self) -> CorpusRef:
        """Return name, version and counts, as in the manifest, without listing the documents."""
        revision, documents, passages = await self._backend.counts(self._held)
        return CorpusRef(name=self.name, version=revision.generation, documents=documents, passages=passages)

    async def remove(self, documents: Sequence[str] | None = None) -> Removal:
        """Take documents out of search: by id, all of a folder or source root by its name, or all of the corpus.

        Reports that cite them verify until the corpus is pruned.

        Raises:
            BadInput: a name fits no document that the caller may read.
            Forbidden: one is for an audience that the caller does not belong to; nothing was removed.
        """
        return await remove(self._backend, documents, self._held)

    async def destroy(self) -> None:
        """Delete the corpus for good. Use `Corpora.delete`, which forgets it too. Raises the errors of that."""
        if self._kept is not None and self._held is not None:
            labels = await self._kept().labels(self.tenant, self.name)
            if not all(may_change(each, self._held) for each in labels):
                raise Forbidden("what is kept of its managed sources is for others too", hint="ask an operator")
        await self._backend.destroy(self._may)
        if self._kept is not None:
            await self._kept().forget(self.tenant, self.name)

    async def root_folders(self) -> dict[str, Path]:
        """Return the folders of the source roots by name. They are private to the machine: show none of them."""
        return {root.name: Path(root.folder) for root in await self._backend.roots()}

    async def prune(self) -> int:
        """Delete superseded versions permanently, if the caller may change them; return how many passages."""
        async with self._backend.writer() as writer:
            return await writer.prune(self._may)

    async def copy_into(self, target: Corpus, *, progress: Callable[[CopyReport], None] | None = None) -> CopyReport:
        """Copy every document version with its vectors into `target`, then compare both corpora.

        A copy that was interrupted can be started again and continues. Both corpora are locked against other writers
        meanwhile. Nothing is embedded.

        Raises:
            CorpusBusy: another process is writing to one of the corpora.
            CorpusEmpty: this corpus holds nothing.
            EmbeddingMismatch: a corpus was built with a model other than the configured one.
            BadInput: `target` holds documents that do not come from this corpus.
            Forbidden: the caller may not read and write everything.
            CorpusCorrupt: the two corpora differ after the copy.
        """
        if self._held is not None or target._held is not None:
            raise Forbidden("only an operator copies a corpus", hint="ask whoever runs this installation")
        self._check_same(await self._backend.revision())
        target._check_same(await self._backend.revision())
        target._check_same(await target._backend.revision())
        place = (target.tenant, target.name)
        moved = None if place == (self.tenant, self.name) else place
        return await copy_versions(self._backend, target._backend, moved, progress)

    async def _check_searchable(self, reads: SearchReads) -> None:
        revision, searchable = await reads.refresh(self._held)
        self._check_same(revision)
        if not searchable:
            raise CorpusEmpty(f"the corpus `{self.name}` is empty")

    def _check_same(self, revision: Revision) -> None:
        check_embedding_model(self.name, revision, self._model)

    def _may(self, _: str, labels: Labels) -> bool:
        return may_change(labels, self._held)

    def _readable(self, passages: Iterable[Passage]) -> list[Passage]:
        return [each for each in passages if may_read(stored_labels(each.metadata), self._held)]


async def _reranked(reranker: BaseDocumentCompressor, query: str, passages: list[Passage]) -> list[Passage]:
    from langchain_core.documents import Document

    by_id = {passage.evidence_id: passage for passage in passages[:DEPTH]}
    documents = [Document(page_content=item.text, metadata={"evidence_id": name}) for name, item in by_id.items()]
    ordered = await reranker.acompress_documents(documents, query)
    # LangChain has no common score field: a reranker without `relevance_score` still gives an order, from which a
    # decreasing score is made.
    found = []
    for rank, document in enumerate(ordered):
        passage = by_id[document.metadata["evidence_id"]]
        score = float(document.metadata.get("relevance_score", 1.0 / (1 + rank)))
        found.append(passage.model_copy(update={"scores": passage.scores.model_copy(update={"rerank": score})}))
    return found
