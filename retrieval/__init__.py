"""The data and retrieval plane: stores documents and returns passages that can be cited and verified.

Names are imported on first use: `sixplane --help` must not load NumPy, tantivy and LangChain.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrieval.corpora import Corpora, open_corpus
    from retrieval.corpus import Corpus
    from retrieval.embeddings import LocalEmbeddings, load_embeddings
    from retrieval.managed.asking import ManagedSources
    from retrieval.reports import CopyReport, IngestProgress, IngestReport, Manifest, ManifestEntry
    from retrieval.upkeep.removal import Removal

__all__ = [
    "CopyReport",
    "Corpora",
    "Corpus",
    "IngestProgress",
    "IngestReport",
    "LocalEmbeddings",
    "ManagedSources",
    "Manifest",
    "ManifestEntry",
    "Removal",
    "load_embeddings",
    "open_corpus",
]

_HOMES = {
    "Corpora": "corpora",
    "open_corpus": "corpora",
    "Corpus": "corpus",
    "LocalEmbeddings": "embeddings",
    "load_embeddings": "embeddings",
    "ManagedSources": "managed.asking",
    "CopyReport": "reports",
    "IngestProgress": "reports",
    "IngestReport": "reports",
    "Manifest": "reports",
    "ManifestEntry": "reports",
    "Removal": "upkeep.removal",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"retrieval.{_HOMES[name]}"), name)
