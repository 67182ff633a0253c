"""Who does the work: one agent, guard or step per file."""

from __future__ import annotations

from nodes.collaborators import Collaborators, context_of
from nodes.memory import PriorWork

__all__ = ["Collaborators", "PriorWork", "context_of"]
