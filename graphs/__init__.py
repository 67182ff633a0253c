"""Graphs, and opening them with their services. Checkpointers and stores live in `graphs.persistence`."""

from __future__ import annotations

from settings.process import collected_later  # must be first: LangGraph reads the process defaults on import

with collected_later():
    from graphs.opening import open_collaborators, open_research_graph
    from graphs.persistence.sqlite_checkpoints import open_checkpointer
    from graphs.research import ResearchGraph, build_research_graph

__all__ = [
    "ResearchGraph",
    "build_research_graph",
    "open_checkpointer",
    "open_collaborators",
    "open_research_graph",
]
