# ruff: noqa: ARG002 - the signatures are LangChain's
"""A corpus database as a LangChain vector store: each text is a document of one passage, named by its id."""

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

from retrieval.documents import evidence_id
from retrieval.embedded.indexes import Indexes
from retrieval.embedded.store import Store
from retrieval.preparation import PreparedDocument, PreparedPassage


class EmbeddedVectorStore(VectorStore):
    """Adds, gets, deletes and searches by cosine similarity. An id that exists is replaced."""

    def __init__(self, store: Store, indexes: Indexes, embeddings: Embeddings) -> None:
        self._store, self._indexes, self._embeddings = store, indexes, embeddings
        self._model = str(getattr(embeddings, "model_id", type(embeddings).__name__))

    @property
    def embeddings(self) -> Embeddings:
        """The encoder."""
        return self._embeddings

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Store texts; return their ids."""
        contents = list(texts)
        names = [name or str(uuid.uuid4()) for name in (ids or [""] * len(contents))]
        described = metadatas or [{} for _ in contents]
        vectors = self._embeddings.embed_documents(contents)
        batch = [
            (_document(name, text, metadata), [vector])
            for name, text, metadata, vector in zip(names, contents, described, vectors, strict=True)
        ]
        self._store.put(batch, self._model)
        return names

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Remove texts from search."""
        self._store.delete(ids or [])
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the texts that exist."""
        found = self._store.live_by_document(ids)
        return [_returned(passage) for passage in found]

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """Return the `k` nearest texts."""
        return [document for document, _ in self.similarity_search_with_score(query, k, **kwargs)]

    def similarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Document, float]]:
        """Return the `k` nearest texts with cosine similarities; `filter` is a `where`."""
        self._indexes.refresh()
        where = kwargs.get("filter")
        only = self._store.matching(where) if where else None
        scores = self._indexes.dense(self._embeddings.embed_query(query), k, only)
        passages = self._store.live(scores)
        return [(_returned(passages[row]), score) for row, score in scores.items() if row in passages]

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> EmbeddedVectorStore:
        """Return a store of `texts` in `folder`, a temporary one unless it is given."""
        folder = Path(kwargs.get("folder") or tempfile.mkdtemp(prefix="sixplane-"))
        store = Store(folder / "corpus.db")
        made = cls(store, Indexes(store), embedding)
        made.add_texts(texts, metadatas, ids=ids)
        return made


def _document(name: str, text: str, metadata: dict[str, Any]) -> PreparedDocument:
    digest = hashlib.sha256(text.encode()).hexdigest()
    span = PreparedPassage(evidence_id("", "", name, digest, 0, len(text)), 0, len(text))
    return PreparedDocument(name, name, "", text, digest, (span,), parser="vector_store", metadata=metadata)


def _returned(passage: Any) -> Document:
    return Document(id=passage.document_id, page_content=passage.text, metadata=passage.metadata)
