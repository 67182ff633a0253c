# ruff: noqa: ARG002 - the signatures are LangChain's
"""A corpus in Oracle Database as a LangChain vector store.

`OracleVS` itself cannot stand here: its constructor embeds a probe text, which is billed, and makes a table of its own
layout, whose id keeps 64 bits of a hash. It has no room for evidence ids, versions, or tenants, and its filtered
search can return too few rows. This adapter asks the same SQL as the corpus.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from retrieval.documents import evidence_id
from retrieval.oracle.backend import OracleBackend
from retrieval.oracle.session import sent
from retrieval.preparation import PreparedDocument, PreparedPassage


class OracleVectorStore(VectorStore):
    """Adds, gets, deletes and searches by cosine similarity. An id that exists is replaced.

    The pool belongs to one loop: made within it, the asynchronous methods run there, and the synchronous ones are
    sent there from another thread.
    """

    def __init__(self, backend: OracleBackend, embeddings: Embeddings) -> None:
        self._backend, self._embeddings = backend, embeddings
        self._model = str(getattr(embeddings, "model_id", type(embeddings).__name__))
        self._loop = asyncio.get_running_loop()

    @property
    def embeddings(self) -> Embeddings:
        """The encoder."""
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
        vectors = await self._embeddings.aembed_documents(contents)
        batch = [
            (self._document(name, text, metadata), [vector])
            for name, text, metadata, vector in zip(names, contents, described, vectors, strict=True)
        ]
        async with self._backend.writer() as writer:
            await writer.put(batch, self._model)
        return names

    async def adelete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Remove texts from search."""
        if ids:
            async with self._backend.writer() as writer:
                await writer.delete(ids)
        return True

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the texts that exist."""
        return [_returned(passage) for passage in await self._backend.live_by_document(ids)]

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """Return the `k` nearest texts."""
        return [document for document, _ in await self.asimilarity_search_with_score(query, k, **kwargs)]

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Return the `k` nearest texts with cosine similarities; `filter` is a `where`."""
        vector = await self._embeddings.aembed_query(query)
        scores = (await self._backend.legs(None, vector, k, kwargs.get("filter"))).dense
        passages = await self._backend.live(scores)
        return [(_returned(passages[row]), score) for row, score in scores.items() if row in passages]

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Store texts, from another thread than the loop's."""
        return sent(self.aadd_texts(texts, metadatas, ids=ids), self._loop)

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Remove texts from search, from another thread than the loop's."""
        return sent(self.adelete(ids), self._loop)

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the texts that exist, from another thread than the loop's."""
        return sent(self.aget_by_ids(ids), self._loop)

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """Return the `k` nearest texts, from another thread than the loop's."""
        return sent(self.asimilarity_search(query, k, **kwargs), self._loop)

    def similarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Document, float]]:
        """Return the `k` nearest texts with similarities, from another thread than the loop's."""
        return sent(self.asimilarity_search_with_score(query, k, **kwargs), self._loop)

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> OracleVectorStore:
        """Return a store of `texts` on the corpus of `backend`."""
        made = cls(kwargs["backend"], embedding)
        made.add_texts(texts, metadatas, ids=ids)
        return made

    def _document(self, name: str, text: str, metadata: dict[str, Any]) -> PreparedDocument:
        digest = hashlib.sha256(text.encode()).hexdigest()
        identity = evidence_id(self._backend.tenant, self._backend.name, name, digest, 0, len(text))
        span = PreparedPassage(identity, 0, len(text))
        return PreparedDocument(name, name, "", text, digest, (span,), parser="vector_store", metadata=metadata)


def _returned(passage: Any) -> Document:
    return Document(id=passage.document_id, page_content=passage.text, metadata=passage.metadata)
