"""Embeddings: the local encoder, and what the pipelines ask of any other.

What needs LangChain is imported on first use: a search works without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from retrieval.embeddings.local import LocalEncoder, load_encoder, model_of
from retrieval.embeddings.portions import Portion, groups_at_once

if TYPE_CHECKING:
    from retrieval.embeddings.langchain import LocalEmbeddings, as_embeddings, load_embeddings

__all__ = [
    "LocalEmbeddings",
    "LocalEncoder",
    "Portion",
    "as_embeddings",
    "groups_at_once",
    "load_embeddings",
    "load_encoder",
    "model_of",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("retrieval.embeddings.langchain"), name)
