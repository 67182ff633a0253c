"""Opens the research graph: its collaborators, its checkpointer and its store."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore

from graphs.persistence.checkpointed import checkpointed_types
from graphs.persistence.sqlite_checkpoints import open_checkpointer
from graphs.planes import open_planes
from graphs.research import build_research_graph
from nodes import Collaborators
from policy import build_guards
from retrieval import Corpora, ManagedSources
from settings.folders import private_folder
from state.channels import ResearchContext, ResearchInput, ResearchOutput, ResearchState
from state.errors import DependencyUnavailable, StorageFull

if TYPE_CHECKING:
    from settings import Settings

CompiledResearchGraph = CompiledStateGraph[ResearchState, ResearchContext, ResearchInput, ResearchOutput]


@asynccontextmanager
async def open_collaborators(
    settings: Settings,
    *,
    models: Mapping[str, BaseChatModel] | None = None,
    embeddings: Embeddings | None = None,
) -> AsyncIterator[Collaborators]:
    """Yield the collaborators that `settings` configure.

    Args:
        settings: the application's settings.
        models: additional chat models by id, for tests and for models of your own.
        embeddings: replaces the configured embeddings.

    Raises:
        StorageFull: there is no space for the home folder.
    """
    await asyncio.to_thread(prepare_home, settings.home)
    async with (
        open_planes(settings, models=models, embeddings=embeddings) as planes,
        Corpora(settings, embeddings=planes.embeddings, reranker=planes.reranker, pool=planes.database) as corpora,
    ):
        # In a thread: it reads files.
        guards = await asyncio.to_thread(build_guards, settings, oci=planes.guardrails, embeddings=planes.local)
        yield Collaborators(
            gateway=planes.gateway,
            corpora=corpora,
            guards=guards,
            passages_per_sub_question=settings.retrieval.passages_per_sub_question,
            neighbours=settings.retrieval.neighbours,
            search_mode=settings.retrieval.mode,
            review=settings.run.review,
            database=planes.database,
            sources=ManagedSources(settings.sources, planes.sources, corpora.kept),
        )


@asynccontextmanager
async def open_research_graph(
    settings: Settings, *, models: Mapping[str, BaseChatModel] | None = None, embeddings: Embeddings | None = None
) -> AsyncIterator[CompiledResearchGraph]:
    """Yield the research graph, compiled with the configured checkpointer and store.

    Example:
        ```python
        async with open_research_graph(load_settings()) as graph:
            context = ResearchContext(corpus="handbook")
            config = {"configurable": {"thread_id": "local/first"}}
            answer = await graph.ainvoke({"question": "…"}, config, context=context, durability="sync")
            print(answer["report"]["markdown"])
        ```
    """
    async with (
        open_collaborators(settings, models=models, embeddings=embeddings) as collaborators,
        compile_research_graph(settings, collaborators) as graph,
    ):
        yield graph


@asynccontextmanager
async def compile_research_graph(
    settings: Settings, collaborators: Collaborators
) -> AsyncIterator[CompiledResearchGraph]:
    """Yield the graph of `collaborators`, compiled with the persistence of `settings`."""
    async with AsyncExitStack() as stack:
        saver, store = await _persistence(settings, collaborators, stack)
        graph = build_research_graph(collaborators, node_timeout=settings.run.node_timeout_seconds)
        yield graph.compile(checkpointer=saver, store=store, name="research")


async def _persistence(
    settings: Settings, collaborators: Collaborators, stack: AsyncExitStack
) -> tuple[BaseCheckpointSaver[Any], BaseStore]:
    """Open checkpointer and store: in Oracle Database if the collaborators have a pool, else in the home folder."""
    if collaborators.database is not None:
        from graphs.persistence.oracle_checkpoints import open_oracle_checkpointer
        from graphs.persistence.oracle_store import open_oracle_store

        pool = collaborators.database
        return (
            await stack.enter_async_context(open_oracle_checkpointer(pool, checkpointed_types())),
            await stack.enter_async_context(open_oracle_store(pool)),
        )
    from graphs.persistence.sqlite_store import open_store  # here: it imports NumPy

    checkpoints, reports = settings.home / "checkpoints.db", settings.home / "store.db"
    with named_in_errors(checkpoints):
        saver = await stack.enter_async_context(open_checkpointer(checkpoints))
    with named_in_errors(reports):
        store = await stack.enter_async_context(open_store(reports))
    return saver, store


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Translate errors of SQLite into errors that name the database file.

    Raises:
        StorageFull: the disk is full.
        DependencyUnavailable: the file is damaged or not readable.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if "full" in str(error):
            raise StorageFull(f"`{path}` cannot be written: the disk is full") from error
        hint = "restore it from a backup, or move it away and start again; corpora are stored elsewhere"
        raise DependencyUnavailable(f"the database `{path}` cannot be used: {error}", hint=hint) from error


def prepare_home(home: Path) -> None:
    """Create the home folder. Raises `StorageFull` with the folder's name, or `OSError`."""
    try:
        private_folder(home)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull(f"there is no space left for {home}") from error
        raise
