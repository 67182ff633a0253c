"""The nodes of the graph, one agent, guard or step per file, and the pure functions that they use.

Names are resolved on first use: who reads a report needs `nodes.draft`, and no graph.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodes.collaborators import Collaborators, context_of
    from nodes.memory import PriorWork

_MODULES = {"Collaborators": "collaborators", "PriorWork": "memory", "context_of": "collaborators"}

__all__ = ["Collaborators", "PriorWork", "context_of"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module `nodes` has no attribute {name!r}")
    return getattr(import_module(f"nodes.{_MODULES[name]}"), name)
