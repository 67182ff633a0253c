# ruff: noqa: ARG002 - LangChain fixes the signatures; we need no `run_manager`
"""A corpus as a LangChain retriever."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from retrieval.sync import run_sync
from state.values import Passage

_CITED = ("evidence_id", "document_id", "title", "source", "page", "page_end", "start", "end")


class CorpusRetriever(BaseRetriever):
    """Returns `k` passages by hybrid search; `metadata` holds document, page and offsets of each."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    corpus: Any
    k: int | None = None
    """`None` uses the setting `retrieval.hits`."""
    loop: Any = None
    """The event loop that the corpus's connections belong to, if any; `invoke` runs the search on it."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return run_sync(self._search(query), self.loop)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await self._search(query)

    async def _search(self, query: str) -> list[Document]:
        return [as_document(passage) for passage in await self.corpus.search(query, self.k)]


def as_document(passage: Passage) -> Document:
    """Return a LangChain document with the passage's metadata and its place in the source."""
    # Our own fields come last, so that metadata of the same name cannot change what a citation points to.
    place = {name: getattr(passage, name) for name in _CITED}
    if passage.also_in:
        place["also_in"] = [each.model_dump() for each in passage.also_in]
    return Document(id=passage.evidence_id, page_content=passage.text, metadata={**passage.metadata, **place})
