"""The graph and the checkpointer for LangGraph's server (`langgraph.json`).

The server raises `ValueError` for a graph that was compiled with a checkpointer of its own, so it gets both apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from opentelemetry import propagate, trace
from opentelemetry.trace import Link, Span

from graphs.opening import CompiledResearchGraph, open_collaborators, prepare_home
from graphs.persistence.sqlite_checkpoints import open_checkpointer
from graphs.research import build_research_graph
from observability import configure_tracing, operation_span
from settings import load_settings
from settings.connections.sql import Database

EXECUTES = "__is_for_execution__"
"""The key with which the server says whether it opens the graph for a run, and not to draw it or to read a thread."""


@asynccontextmanager
async def research(config: RunnableConfig) -> AsyncIterator[CompiledResearchGraph]:
    """Yield the research graph, opened with the settings of this process.

    The server opens it for each run. The block is the run's span, so that all its nodes belong to one trace, which
    names the client's as a link if the client sent `traceparent`.
    """
    settings = await asyncio.to_thread(load_settings)
    await asyncio.to_thread(configure_tracing, settings, batched=True)  # the server forbids writing in the loop
    Database.in_loop = False  # likewise
    given = config.get("configurable", {})
    async with open_collaborators(settings) as collaborators:
        graph = build_research_graph(collaborators, node_timeout=settings.run.node_timeout_seconds)
        with _run_span(given) if given.get(EXECUTES) else nullcontext():
            yield graph.compile(name="research")


def _run_span(given: Mapping[str, Any]) -> AbstractContextManager[Span]:
    caller = trace.get_current_span(propagate.extract(given)).get_span_context()
    attributes = {
        "gen_ai.conversation.id": str(given.get("thread_id", "")),
        "sixplane.run_id": str(given.get("run_id", "")),
    }
    return operation_span("invoke_workflow", "research", attributes, links=(Link(caller),) if caller.is_valid else ())


@asynccontextmanager
async def checkpointer() -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Yield the checkpointer, which loads our types and no others. The server's own cannot be told about them."""
    settings = await asyncio.to_thread(load_settings)
    await asyncio.to_thread(prepare_home, settings.home)
    # The server forbids writing in the loop.
    async with open_checkpointer(settings.home / "studio.db", in_loop=False) as saver:
        yield saver
