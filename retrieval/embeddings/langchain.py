"""The local encoder as LangChain's `Embeddings`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from langchain_core.embeddings import Embeddings

from retrieval.embeddings.local import LocalEncoder, load_encoder, loaded, loading

if TYPE_CHECKING:
    from settings import Settings


class LocalEmbeddings(LocalEncoder, Embeddings):
    """A `LocalEncoder` that LangChain knows as embeddings."""


def load_embeddings(settings: Settings) -> Embeddings:
    """Return what `load_encoder` returns, as LangChain's `Embeddings`. The model is loaded once per process.

    Raises:
        DependencyUnavailable: the weights are missing or differ from the published ones.
    """
    load_encoder(settings)
    folder = settings.data.embedding_model_path
    with loading:
        known = as_embeddings(loaded[folder])
        loaded[folder] = cast("LocalEncoder", known)
        return known


def as_embeddings(encoder: LocalEncoder | Embeddings) -> Embeddings:
    """Return `encoder` if it is LangChain's `Embeddings`, and otherwise embeddings that share its model."""
    if isinstance(encoder, Embeddings):
        return encoder
    shared = LocalEmbeddings.__new__(LocalEmbeddings)  # without loading the model again
    vars(shared).update(vars(encoder))
    return shared
