"""A corpus that another process deletes, or deletes and makes anew, while this one has it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval import Corpora, open_corpus
from settings import Settings, load_settings
from state.errors import EmbeddingMismatch
from tests.conformance.planes import Hashed, document


async def made_anew(settings: Settings, model: str = Hashed.model_id) -> None:
    """Delete the corpus and make it anew, as another process does: with objects of its own."""
    embeddings = Hashed()
    embeddings.model_id = model
    async with Corpora(settings, embeddings=embeddings) as corpora:
        await corpora.delete("local", "c")
        corpus = await corpora.create("local", "c")
        await corpus.ingest([document("new", "apple plum")])


class Slow(Hashed):
    """Embeds a query for so long that the corpus is made anew with another model meanwhile."""

    settings: Settings

    async def aembed_query(self, text: str) -> list[float]:
        await made_anew(self.settings, "other")
        return self.embed_query(text)


async def test_a_vector_never_searches_a_corpus_of_another_model(tmp_path: Path) -> None:
    slow = Slow()
    slow.settings = load_settings(home=tmp_path)
    async with open_corpus(slow.settings, "c", embeddings=slow) as corpus:
        await corpus.ingest([document("old", "apple pear")])
        with pytest.raises(EmbeddingMismatch):
            await corpus.search("apple", k=3, mode="dense")
