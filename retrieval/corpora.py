"""The corpora of a home folder, opened once and shared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings

from retrieval.corpus import Corpus
from retrieval.embedded_backend import EmbeddedBackend
from retrieval.embeddings import load_embeddings
from settings import Settings, checked_name
from state.errors import CorpusMissing


class Corpora:
    """Corpora by tenant and name; `async with` closes them."""

    def __init__(
        self,
        settings: Settings,
        *,
        embeddings: Embeddings | None = None,
        reranker: BaseDocumentCompressor | None = None,
    ) -> None:
        self._settings, self._embeddings, self._reranker = settings, embeddings, reranker
        self._open: dict[tuple[str, str], Corpus] = {}
        self._lock = asyncio.Lock()

    async def get(self, tenant: str, name: str) -> Corpus:
        """Return a corpus that exists.

        Raises:
            CorpusMissing: it does not.
        """
        if not (self._folder(tenant, name) / "corpus.db").is_file():
            raise CorpusMissing(f"there is no corpus `{name}`")
        return await self.create(tenant, name)

    async def create(self, tenant: str, name: str) -> Corpus:
        """Return a corpus, made if it does not exist."""
        folder = self._folder(tenant, name)
        async with self._lock:
            if (tenant, name) not in self._open:
                self._open[tenant, name] = await asyncio.to_thread(self._make, tenant, name, folder)
            return self._open[tenant, name]

    async def names(self, tenant: str) -> list[str]:
        """Return the names of a tenant's corpora, sorted."""
        root = self._settings.home / "corpora" / checked_name("tenant", tenant)
        return await asyncio.to_thread(lambda: sorted(path.parent.name for path in root.glob("*/corpus.db")))

    async def aclose(self) -> None:
        """Forget the open corpora."""
        self._open.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _folder(self, tenant: str, name: str) -> Path:
        return self._settings.home / "corpora" / checked_name("tenant", tenant) / checked_name("corpus", name)

    def _make(self, tenant: str, name: str, folder: Path) -> Corpus:
        embeddings = self._embeddings or load_embeddings(self._settings)
        backend = EmbeddedBackend(folder, name, self._settings.data.lock_timeout_seconds)
        return Corpus(self._settings, name, tenant, backend, embeddings, self._reranker)


@asynccontextmanager
async def open_corpus(
    settings: Settings,
    name: str,
    *,
    tenant: str = "local",
    embeddings: Embeddings | None = None,
    reranker: BaseDocumentCompressor | None = None,
    create: bool = True,
) -> AsyncIterator[Corpus]:
    """Open one corpus for a block.

    Raises:
        CorpusMissing: it does not exist and `create` is false.
    """
    async with Corpora(settings, embeddings=embeddings, reranker=reranker) as corpora:
        yield await (corpora.create if create else corpora.get)(tenant, name)
