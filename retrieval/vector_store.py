# ruff: noqa: ARG002 - LangChain fixes the signatures; we do not use all of their arguments
"""A corpus as a LangChain vector store, on any backend: each text becomes a document of one passage with the text's id.

Why Oracle Database is not served by langchain-oracledb's `OracleVS` (1.6.0): its constructor embeds a probe text, which
is billed, and creates a table of its own layout, whose id keeps 64 bits of a hash. The table has no columns for
evidence ids, versions and tenants, and a filtered search can return too few rows (oracle/langchain-oracle PR #233).
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from retrieval.access import judged
from retrieval.backend import CorpusBackend, Revision, check_embedding_model
from retrieval.documents import evidence_id
from retrieval.embeddings import model_of
from retrieval.preparation import PreparedDocument, PreparedPassage, splitting_of
from retrieval.sync import run_sync
from state.access import Held, Labels, may_change, may_read, stored_labels
from state.errors import Forbidden
from state.values import Passage

_LOCK_SECONDS = 2.0
"""How long `from_texts` waits for another writer of its folder; the default of `data.lock_timeout_seconds`."""


class CorpusVectorStore(VectorStore):
    """Stores texts and searches them by cosine similarity; adding an existing id replaces its text.

    The rules of `Corpus` hold here too: searching and writing require the model that the corpus was built with, and
    writing takes the writer lock. If the backend's connections belong to an event loop, create the store on that loop
    and call its synchronous methods from another thread.

    Raises, from its methods:
        EmbeddingMismatch: the corpus was built with another model.
        CorpusBusy: another process is writing.
        BadInput: a filter or an access label is malformed, or the caller may not store or replace a text.
        Forbidden: the caller may not delete a text.

    Args:
        backend: where the texts are stored.
        embeddings: the model of the corpus.
        held: the audiences of the caller; `None`: not restricted.
    """

    def __init__(self, backend: CorpusBackend, embeddings: Embeddings, held: Held = None) -> None:
        self._backend, self._embeddings, self._held = backend, embeddings, held
        self._model = model_of(embeddings)
        self._loop = backend.loop()

    @property
    def embeddings(self) -> Embeddings:
        """The embeddings of this store."""
        return self._embeddings

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Store texts in one transaction; return their ids."""
        contents = list(texts)
        names = [name or str(uuid.uuid4()) for name in (ids or [""] * len(contents))]
        described = metadatas or [{} for _ in contents]
        self._check(await self._backend.revision())  # before embedding, which may be billed
        given = [self._document(*each) for each in zip(names, contents, described, strict=True)]
        [await self._labelled(each) for each in given]  # a text that may not be stored is not embedded
        vectors = await self._embeddings.aembed_documents(contents)
        async with self._backend.writer() as writer:
            self._check(await self._backend.revision())  # under the lock: another process may have written meanwhile
            batch = [(await self._labelled(each), [vector]) for each, vector in zip(given, vectors, strict=True)]
            await writer.put(batch, self._model, lambda _, old: may_change(old, self._held))
        return names

    async def adelete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Remove texts from search. Their passages can still be cited until the corpus is pruned."""
        if ids:
            async with self._backend.writer() as writer:
                found = await self._backend.live_versions(ids)
                for name, live in found.items():
                    for each in live:
                        if may_read(each.labels, self._held) and not may_change(each.labels, self._held):
                            raise Forbidden(
                                f"{name[:80]!r} is also for an audience that you do not belong to",
                                hint="ask a member of all of its audiences to delete it",
                            )
                await writer.delete(ids, self._may)
        return True

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the texts with these ids; unknown ids are left out."""
        found = await self._backend.live_by_document(ids)
        return [_returned(each) for each in found if may_read(stored_labels(each.metadata), self._held)]

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """Return the `k` nearest texts."""
        return [document for document, _ in await self.asimilarity_search_with_score(query, k, **kwargs)]

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Return the `k` nearest texts with their cosine similarities; `filter` takes the syntax of `where`."""
        revision, _ = await self._backend.refresh()
        self._check(revision)
        vector = await self._embeddings.aembed_query(query)
        scores = (await self._backend.legs(None, vector, k, kwargs.get("filter"), self._held)).dense
        passages = await self._backend.live(scores)  # rows superseded since the search are left out
        return [(_returned(passages[row]), score) for row, score in scores.items() if row in passages]

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Store texts in one transaction; return their ids."""
        return run_sync(self.aadd_texts(texts, metadatas, ids=ids), self._loop)

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Remove texts from search."""
        return run_sync(self.adelete(ids), self._loop)

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the texts with these ids; unknown ids are left out."""
        return run_sync(self.aget_by_ids(ids), self._loop)

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """Return the `k` nearest texts."""
        return run_sync(self.asimilarity_search(query, k, **kwargs), self._loop)

    def similarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Document, float]]:
        """Return the `k` nearest texts with their cosine similarities."""
        return run_sync(self.asimilarity_search_with_score(query, k, **kwargs), self._loop)

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> CorpusVectorStore:
        """Return a store with `texts`, on the given `backend` or else in an embedded corpus in `folder`.

        Without `folder`, the corpus is created in a new temporary folder. `tenant` and `name`, `local` and `default` if
        not given, are part of its evidence ids.
        """
        tenant, name = kwargs.get("tenant", "local"), kwargs.get("name", "default")
        made = cls(kwargs.get("backend") or _embedded(kwargs.get("folder"), tenant, name), embedding)
        made.add_texts(texts, metadatas, ids=ids)
        return made

    def _may(self, _: str, labels: Labels) -> bool:
        return may_change(labels, self._held)

    async def _labelled(self, document: PreparedDocument) -> PreparedDocument:
        """Return a document with its access label. Raises `BadInput` if the caller may not store it."""
        live = (await self._backend.live_versions([document.document_id])).get(document.document_id, ())
        return judged(document, live, (self._backend.tenant, self._backend.name), self._held)[0]

    def _check(self, revision: Revision) -> None:
        check_embedding_model(self._backend.name, revision, self._model)

    def _document(self, name: str, text: str, metadata: dict[str, Any]) -> PreparedDocument:
        digest = hashlib.sha256(text.encode()).hexdigest()
        # Tenant and corpus are part of the id: two tenants that store one text must not share its evidence id.
        identity = evidence_id(self._backend.tenant, self._backend.name, name, digest, 0, len(text))
        span = PreparedPassage(identity, 0, len(text))
        return PreparedDocument(
            name,
            name,
            "",
            text,
            digest,
            (span,),
            parser="vector_store",
            metadata=metadata,
            splitting=splitting_of([span]),
        )


def _embedded(folder: str | Path | None, tenant: str, name: str) -> CorpusBackend:
    from retrieval.embedded.backend import EmbeddedBackend

    home = Path(folder) if folder else Path(tempfile.mkdtemp(prefix="sixplane-"))
    return EmbeddedBackend(home, tenant, name, _LOCK_SECONDS)


def _returned(passage: Passage) -> Document:
    return Document(id=passage.document_id, page_content=passage.text, metadata=dict(passage.metadata))
