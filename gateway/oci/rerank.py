"""`OCIGenAIRerank` of langchain-oci on the session's clients, charged like every call."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_oci import OCIGenAIRerank
from pydantic import ConfigDict

from gateway.catalog import ModelEntry
from gateway.governor import Governor
from gateway.metering import rerank_usage
from gateway.oci.answers import Rank, RerankAnswer, check, read
from gateway.planned_call import unmemoised_call
from gateway.sync import run_sync
from settings.connections.oci_inference import InferenceClients


class OCIReranker(BaseDocumentCompressor):
    """Orders documents by their relevance to a query, and adds `relevance_score` to their metadata."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    clients: InferenceClients
    governor: Governor
    entry: ModelEntry

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """Return all documents, most relevant first.

        Raises:
            ModelUnavailable: the service did not answer.
            ModelOutputInvalid: its answer is malformed.
            BudgetExceeded: a limit does not cover the call.
        """
        del callbacks
        if not documents:
            return []
        texts = [document.page_content for document in documents]
        ranks = await self._ranked(query, texts)
        return [
            Document(
                id=documents[rank.index].id,
                page_content=documents[rank.index].page_content,
                metadata={**documents[rank.index].metadata, "relevance_score": rank.relevance_score},
            )
            for rank in ranks
        ]

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """Return all documents, most relevant first."""
        return run_sync(lambda: self.acompress_documents(documents, query, callbacks), self.clients.aclose)

    async def _ranked(self, query: str, texts: list[str]) -> list[Rank]:
        upstream = _Upstream(
            client=self.clients,
            model_id=self.entry.id,
            service_endpoint=self.clients.session.inference_endpoint,
            compartment_id=self.clients.session.compartment_id,
            top_n=None,
        )
        most = rerank_usage(self.entry, query, texts)
        return await self.governor.call(
            unmemoised_call(
                "rerank", self.entry, most, lambda: upstream.ask(texts, query), lambda _: most, [*texts, query]
            )
        )


class _Upstream(OCIGenAIRerank):  # type: ignore[misc]  # upstream is untyped
    """Builds requests with langchain-oci and sends them through the session's clients."""

    async def ask(self, texts: list[str], query: str) -> list[Rank]:
        """Return the ranks, best first. Raises `ProviderError` unless every text is ranked exactly once."""
        details = self._build_rerank_details(texts, query, len(texts))
        data, _ = await self.client.call("rerank_text", self.model_id, details)
        ranks = read(RerankAnswer, data).document_ranks
        indexes = sorted(rank.index for rank in ranks)
        check(indexes == list(range(len(texts))), f"{len(ranks)} ranks that are not one for each of {len(texts)} texts")
        return sorted(ranks, key=lambda rank: -rank.relevance_score)
