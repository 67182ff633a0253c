"""The list of our types that a checkpointer may load from a checkpoint.

LangGraph will block unregistered types; with `LANGGRAPH_STRICT_MSGPACK` it already does, and returns plain dicts.
"""

from __future__ import annotations

import inspect
from enum import Enum

import state.channels
import state.report
import state.values
from state.values import Value


def checkpointed_types() -> list[tuple[str, str]]:
    """Return module and name of each of our types that channels contain."""
    modules = (state.values, state.report, state.channels)
    return [
        (kind.__module__, kind.__qualname__)
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__ and issubclass(kind, Value | Enum)
    ]
