"""Environment variables that libraries read on import. They are set first, and never override the user's values."""

from __future__ import annotations

import os

_DEFAULTS = {
    # Without it LangGraph only warns about types that no channel contains, and loads them from a checkpoint.
    "LANGGRAPH_STRICT_MSGPACK": "true",
    # The tokenizer would start a thread for each core, beside our own worker threads, and warn after a fork.
    "TOKENIZERS_PARALLELISM": "false",
}


def set_process_defaults() -> None:
    """Enable strict deserialisation of checkpoints; disable the tokenizer's own threads."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
