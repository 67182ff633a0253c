"""What checkpoints hold of ours: the types that a checkpointer may bring back."""

from __future__ import annotations

import inspect
from enum import Enum

import state.channels
import state.report
import state.values
from state.values import Value


def checkpointed_types() -> list[tuple[str, str]]:
    """Return module and name of each type of ours that channels hold."""
    modules = (state.values, state.report, state.channels)
    return [
        (kind.__module__, kind.__qualname__)
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__ and issubclass(kind, Value | Enum)
    ]
