"""The graph for LangGraph's server (`langgraph.json`), without checkpointer and store.

The server raises `ValueError` for a graph that was compiled with its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from graphs.opening import CompiledResearchGraph, open_collaborators
from graphs.research import build_research_graph
from settings import load_settings


@asynccontextmanager
async def research() -> AsyncIterator[CompiledResearchGraph]:
    """Yield the research graph, opened with the settings of this process."""
    settings = await asyncio.to_thread(load_settings)
    async with open_collaborators(settings) as collaborators:
        graph = build_research_graph(collaborators, node_timeout=settings.run.node_timeout_seconds)
        yield graph.compile(name="research")
