"""Defaults of the process, set before the libraries that read them are imported. What the user set stays."""

from __future__ import annotations

import os

_DEFAULTS = {
    "LANGGRAPH_STRICT_MSGPACK": "true",
    "TOKENIZERS_PARALLELISM": "false",
}


def set_process_defaults() -> None:
    """Turn strict deserialisation of checkpoints on, and the tokenizer's own threads off."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
