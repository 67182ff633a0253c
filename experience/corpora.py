"""Opens corpora outside of a run, with the configured embeddings and guards and their cost accounted."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from retrieval import Corpora
from retrieval.embeddings import load_encoder
from settings import Settings

if TYPE_CHECKING:
    from graphs.planes import Planes
    from policy import GuardChain
    from retrieval import ManagedSources


@asynccontextmanager
async def open_corpora(settings: Settings, tenant: str, purpose: str) -> AsyncIterator[Corpora]:
    """Open the corpora of `settings`. Embedding and reranking are charged to `tenant`.

    Args:
        settings: the settings.
        tenant: the tenant that is charged.
        purpose: what the calls are for; the ledger accounts them as a run whose id begins with it.
    """
    async with _opened(settings, tenant, purpose, remote=_calls_models(settings)) as (corpora, _):
        yield corpora


@asynccontextmanager
async def open_search(settings: Settings, tenant: str) -> AsyncIterator[tuple[Corpora, GuardChain]]:
    """Open the corpora of `settings` for searches, and the guards of a run, which screen what is found."""
    from policy import build_guards

    remote = _calls_models(settings) or settings.models.provider == "oci"  # then OCI Guardrails screens evidence too
    async with _opened(settings, tenant, "search", remote=remote) as (corpora, planes):
        local = planes.local if planes is not None else await asyncio.to_thread(load_encoder, settings)
        yield corpora, build_guards(settings, oci=planes.guardrails if planes is not None else None, embeddings=local)


@asynccontextmanager
async def open_sources(settings: Settings, tenant: str) -> AsyncIterator[tuple[ManagedSources, GuardChain]]:
    """Open the managed sources of `settings`, and the guards of a run. Questions are charged to `tenant`."""
    from policy import build_guards
    from retrieval import ManagedSources

    async with _opened(settings, tenant, "source", remote=True) as (corpora, planes):
        if planes is None:
            raise RuntimeError("remote services were not opened")
        guards = build_guards(settings, oci=planes.guardrails, embeddings=planes.local)
        yield ManagedSources(settings.sources, planes.sources, corpora.kept), guards


def _calls_models(settings: Settings) -> bool:
    return settings.data.embeddings == "oci" or bool(settings.oci.rerank_model)


@asynccontextmanager
async def _opened(
    settings: Settings, tenant: str, purpose: str, *, remote: bool
) -> AsyncIterator[tuple[Corpora, Planes | None]]:
    if not remote:
        async with Corpora(settings) as corpora:
            yield corpora, None
        return
    from gateway.ledger.account import Account, accounted
    from graphs.planes import open_planes

    async with (
        open_planes(settings) as planes,
        Corpora(settings, embeddings=planes.embeddings, reranker=planes.reranker, pool=planes.database) as corpora,
    ):
        with accounted(Account(tenant, f"{purpose}-{uuid.uuid4()}")):
            yield corpora, planes
