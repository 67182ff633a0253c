"""Opens corpora outside of a run, with the configured embeddings and their cost accounted."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from retrieval import Corpora
from settings import Settings


@asynccontextmanager
async def open_corpora(settings: Settings, tenant: str, purpose: str) -> AsyncIterator[Corpora]:
    """Open the corpora of `settings`. Embedding and reranking are charged to `tenant`.

    Args:
        settings: the settings.
        tenant: the tenant that is charged.
        purpose: what the calls are for; the ledger accounts them as a run whose id begins with it.
    """
    if settings.data.embeddings != "oci" and not settings.oci.rerank_model:
        async with Corpora(settings) as corpora:
            yield corpora
        return
    from gateway.ledger.account import Account, accounted
    from graphs.planes import open_planes

    async with (
        open_planes(settings) as planes,
        Corpora(settings, embeddings=planes.embeddings, reranker=planes.reranker, pool=planes.database) as corpora,
    ):
        with accounted(Account(tenant, f"{purpose}-{uuid.uuid4()}")):
            yield corpora
