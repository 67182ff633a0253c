"""Opening corpora by tenant and name, in a home folder or in Oracle Database; each is opened once and shared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from retrieval.backend import CorpusBackend
from retrieval.corpus import Corpus
from retrieval.embedded.names import FOLDER, corpus_names
from retrieval.embeddings import load_encoder
from settings import MEMORY_CORPUS, checked_name
from settings.pools import IO
from state.errors import CorpusMissing, DependencyUnavailable

if TYPE_CHECKING:
    import oracledb
    from langchain_core.documents import BaseDocumentCompressor
    from langchain_core.embeddings import Embeddings

    from retrieval.managed.kept import KeptPassages
    from retrieval.oracle.backend import OracleBackend
    from settings import Settings

CHECKED = 32
"""How many open corpora one check reads. A chosen value: a probe stays cheap however many tenants there are."""


class Corpora:
    """Corpora by tenant and name; `async with` closes them.

    Args:
        settings: home folder, backend and table prefix.
        embeddings: used instead of the configured ones.
        reranker: reorders search results.
        pool: a connection pool of Oracle Database, which then holds the corpora. Without it, `async with` opens a
            pool if `settings.data.backend` is `oracle`, and closes it at the end.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        embeddings: Embeddings | None = None,
        reranker: BaseDocumentCompressor | None = None,
        pool: oracledb.AsyncConnectionPool | None = None,
    ) -> None:
        self._pool, self._stack = pool, AsyncExitStack()
        self._settings, self._embeddings, self._reranker = settings, embeddings, reranker
        self._open: dict[tuple[str, str], Corpus] = {}
        self._lock = asyncio.Lock()

    @cached_property
    def kept(self) -> KeptPassages:
        """What managed sources returned. It loads SQLAlchemy, so that only who asks for it waits for that."""
        from retrieval.managed.kept import KeptPassages

        return KeptPassages(self._settings)

    async def get(self, tenant: str, name: str, audiences: Iterable[str] | None = None) -> Corpus:
        """Return an existing corpus, limited to what a member of `audiences` may read and change; `None`: to nothing.

        One for which a managed source is declared exists, with or without documents.

        Raises:
            CorpusMissing: there is no such corpus.
        """
        if not await self._exists(tenant, name) and not self._has_source(tenant, name):
            raise CorpusMissing(f"there is no corpus `{name}`")
        return await self.create(tenant, name, audiences)

    async def known(self, tenant: str, name: str, audiences: Iterable[str] | None = None) -> Corpus:
        """Return a corpus like `get`, for steps of a run that has asked for it before.

        Oracle Database is not asked again whether an open corpus exists, which would be a round trip for each step. If
        it was deleted meanwhile, its searches and counts raise `CorpusMissing`, and it has no passages.
        """
        corpus = self._open.get((tenant, name)) if self._in_oracle else None
        return corpus.seen_by(audiences) if corpus is not None else await self.get(tenant, name, audiences)

    async def create(self, tenant: str, name: str, audiences: Iterable[str] | None = None) -> Corpus:
        """Return a corpus as `get` does; create it if it does not exist."""
        return (await self._shared(tenant, name)).seen_by(audiences)

    async def _shared(self, tenant: str, name: str) -> Corpus:
        folder = self._folder(tenant, name)
        async with self._lock:  # two tasks that ask for one corpus must share one backend and its loaded indexes
            if (tenant, name) not in self._open:
                self._use_database_embeddings()
                backend = await self._backend(tenant, name, folder)
                self._open[tenant, name] = await IO.run(self._make, tenant, name, backend)
            return self._open[tenant, name]

    async def delete(self, tenant: str, name: str, audiences: Iterable[str] | None = None) -> None:
        """Delete a corpus for good, with all document versions, index files and source roots.

        Reports that cite it verify as pruned. `audiences` are those of the caller; `None`: an operator.

        Raises:
            CorpusMissing: there is no such corpus.
            CorpusBusy: another process is writing to it.
            Forbidden: the caller may not change all of its documents; nothing was deleted.
        """
        corpus = await self.get(tenant, name, audiences)
        async with self._lock:
            await corpus.destroy()
            self._open.pop((tenant, name), None)

    async def names(self, tenant: str, *, internal: bool = False) -> list[str]:
        """Return the names of a tenant's corpora, sorted. `internal`: with the reserved one, which nobody may ask."""
        if self._in_oracle:
            names = await self._oracle(checked_name("tenant", tenant), "").names()
        else:
            names = await IO.run(corpus_names, self._settings.home, checked_name("tenant", tenant))
        return [name for name in names if internal or name != MEMORY_CORPUS]

    async def check(self) -> None:
        """Read from stores and indexes of the corpora that were opened last, through the handles that are open.

        Raises:
            DependencyUnavailable: one of them cannot be read.
        """
        for (tenant, name), corpus in [*self._open.items()][-CHECKED:]:
            if await self._exists(tenant, name):  # another process may have deleted it, as it may
                await corpus.check()

    async def encoder(self) -> Embeddings:
        """Return the model that encodes new corpora."""
        self._use_database_embeddings()
        if self._embeddings is not None:
            return self._embeddings
        return await asyncio.to_thread(load_encoder, self._settings)

    async def aclose(self) -> None:
        """Drop the open corpora; close the pool if `async with` opened it."""
        self._open.clear()
        if "kept" in vars(self):
            await self.kept.aclose()
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        if self._in_oracle and self._pool is None:
            from settings.connections.oracle_pool import open_oracle_pool

            self._pool = await self._stack.enter_async_context(open_oracle_pool(self._settings))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _folder(self, tenant: str, name: str) -> Path:
        return self._settings.home / FOLDER / checked_name("tenant", tenant) / checked_name("corpus", name)

    def _has_source(self, tenant: str, name: str) -> bool:
        return any(each.serves(tenant, name) for each in self._settings.sources.values())

    @property
    def _in_oracle(self) -> bool:
        return self._pool is not None or self._settings.data.backend == "oracle"

    async def _exists(self, tenant: str, name: str) -> bool:
        folder = self._folder(tenant, name)  # checks both names, on Oracle Database too
        if self._in_oracle:
            return await self._oracle(tenant, name).exists()
        return await IO.run((folder / "corpus.db").is_file)

    async def _backend(self, tenant: str, name: str, folder: Path) -> CorpusBackend:
        if not self._in_oracle:
            from retrieval.embedded.backend import EmbeddedBackend  # here: it imports NumPy, tantivy and usearch

            data = self._settings.data
            memory = data.index_memory_mb * 2**20
            return await asyncio.to_thread(
                EmbeddedBackend, folder, tenant, name, data.lock_timeout_seconds, data.vector_numbers, memory
            )
        backend = self._oracle(tenant, name)
        await backend.create()
        return backend

    def _oracle(self, tenant: str, name: str) -> OracleBackend:
        from retrieval.oracle.backend import OracleBackend

        if self._pool is None:
            raise DependencyUnavailable("the pool of Oracle Database is not open", hint="use `async with Corpora(…)`")
        return OracleBackend(self._pool, self._settings.oracle, tenant, name)

    def _make(self, tenant: str, name: str, backend: CorpusBackend) -> Corpus:
        embeddings = self._embeddings or load_encoder(self._settings)
        return Corpus(self._settings, name, tenant, backend, embeddings, self._reranker, lambda: self.kept)

    def _use_database_embeddings(self) -> None:
        """Use the model in the database if `data.embeddings` says so. Call it on the pool's event loop."""
        if self._embeddings is None and self._settings.data.embeddings == "database" and self._pool is not None:
            from retrieval.oracle.embeddings import DatabaseEmbeddings

            self._embeddings = DatabaseEmbeddings(self._pool, self._settings.oracle)


@asynccontextmanager
async def open_corpus(
    settings: Settings,
    name: str,
    *,
    tenant: str = "local",
    audiences: Iterable[str] | None = None,
    embeddings: Embeddings | None = None,
    reranker: BaseDocumentCompressor | None = None,
    pool: oracledb.AsyncConnectionPool | None = None,
    create: bool = True,
) -> AsyncIterator[Corpus]:
    """Open one corpus for a block, for a member of `audiences`; without them, as an operator.

    Raises:
        CorpusMissing: the corpus does not exist and `create` is false.
    """
    async with Corpora(settings, embeddings=embeddings, reranker=reranker, pool=pool) as corpora:
        yield await (corpora.create if create else corpora.get)(tenant, name, audiences)
