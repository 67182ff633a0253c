"""`OCIGenAIEmbeddings` of langchain-oci, one instance for documents and one for queries, charged like every call.

langchain-oci 0.4.0 embeds queries with the input type of documents, and drops the usage that the service reports.
"""

from __future__ import annotations

import asyncio

from langchain_core.embeddings import Embeddings
from langchain_oci import OCIGenAIEmbeddings

from gateway.catalog import ModelEntry
from gateway.governor import Governor
from gateway.metering import input_usage
from gateway.oci.answers import EmbedAnswer, check, read
from gateway.planned_call import unmemoised_call
from gateway.sync import run_sync
from settings.connections.oci_inference import InferenceClients
from state.values import Usage

MAX_BATCH = 96
"""Most texts in one call: the limit of the service."""

PARALLEL_BATCHES = 4
"""A chosen value: enough to hide the latency of a call, few enough not to exhaust the rate limit at once."""


class OCIEmbeddings(Embeddings):
    """Embeds documents and queries in their own input types, in batches, charged to the current account."""

    texts_at_once = MAX_BATCH * PARALLEL_BATCHES

    def __init__(
        self, clients: InferenceClients, governor: Governor, entry: ModelEntry, *, dimensions: int | None = None
    ) -> None:
        self.model_id = f"{entry.id}-{dimensions}" if dimensions else entry.id
        self._clients, self._governor, self._entry = clients, governor, entry
        self._documents = _upstream(clients, entry.id, dimensions, "SEARCH_DOCUMENT")
        self._queries = _upstream(clients, entry.id, dimensions, "SEARCH_QUERY")

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text, in the same order."""
        batches = [texts[start : start + MAX_BATCH] for start in range(0, len(texts), MAX_BATCH)]
        gate = asyncio.Semaphore(PARALLEL_BATCHES)

        async def one(batch: list[str]) -> list[list[float]]:
            async with gate:
                return await self._embed(self._documents, batch)

        return [vector for vectors in await asyncio.gather(*map(one, batches)) for vector in vectors]

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        return (await self._embed(self._queries, [text]))[0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text, in the same order."""
        return run_sync(lambda: self.aembed_documents(texts), self._clients.aclose)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        return run_sync(lambda: self.aembed_query(text), self._clients.aclose)

    async def _embed(self, upstream: _Upstream, texts: list[str]) -> list[list[float]]:
        most = input_usage(self._entry, texts)
        answer = await self._governor.call(
            unmemoised_call(
                "embeddings",
                self._entry,
                most,
                lambda: upstream.ask(texts),
                lambda answer: self._used(answer, most),
                texts,
            )
        )
        return answer.embeddings

    def _used(self, answer: EmbedAnswer, most: Usage) -> Usage:
        reported = answer.usage and answer.usage.prompt_tokens
        if not reported or self._entry.unit == "characters":
            return most
        return most.model_copy(update={"input_tokens": reported, "cost_micro_usd": self._entry.cost(reported, 0)})


class _Upstream(OCIGenAIEmbeddings):  # type: ignore[misc]  # upstream is untyped
    """Builds requests with langchain-oci and sends them through the session's clients."""

    async def ask(self, texts: list[str]) -> EmbedAnswer:
        """Return the service's answer to one batch. Raises `ProviderError` if it is not one usable vector per text."""
        details = self._build_embed_request(texts)
        data, _ = await self.client.call("embed_text", self.model_id, details)
        answer = read(EmbedAnswer, data)
        vectors, wanted = answer.embeddings, self.output_dimensions
        check(len(vectors) == len(texts), f"{len(vectors)} vectors for {len(texts)} inputs")
        sizes = {len(vector) for vector in vectors}
        check(sizes == {wanted or len(vectors[0])}, f"vectors of {', '.join(map(str, sorted(sizes)))} numbers")
        check(all(map(any, vectors)), "a vector of nothing but zeros")  # it points nowhere, and nothing is like it
        return answer


def _upstream(clients: InferenceClients, model: str, dimensions: int | None, input_type: str) -> _Upstream:
    return _Upstream(
        client=clients,
        model_id=model,
        service_endpoint=clients.session.inference_endpoint,
        compartment_id=clients.session.compartment_id,
        truncate="END",
        input_type=input_type,
        output_dimensions=dimensions,
    )
