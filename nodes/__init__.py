"""The nodes of the graph, one agent, guard or step per file, and the pure functions that they use."""

from __future__ import annotations

from nodes.collaborators import Collaborators, context_of
from nodes.memory import PriorWork

__all__ = ["Collaborators", "PriorWork", "context_of"]
