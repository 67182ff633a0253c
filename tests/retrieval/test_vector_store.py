"""The vector store follows the rules of the corpus, on every backend that `tests/conformance` knows."""

from __future__ import annotations

import asyncio

import pytest
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from retrieval import open_corpus
from retrieval.embedded.backend import EmbeddedBackend
from retrieval.vector_store import CorpusVectorStore
from settings import load_settings
from state.errors import CorpusBusy, EmbeddingMismatch
from tests.conformance.planes import Hashed, document


class TestCorpusVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        return CorpusVectorStore(EmbeddedBackend(tmp_path, "local", "c", 2.0), self.get_embeddings())


class Other(Hashed):
    model_id = "other"


@pytest.fixture
async def corpus(tmp_path):
    async with open_corpus(load_settings(home=tmp_path), "c", embeddings=Hashed()) as opened:
        await opened.ingest([document("a", "red apple")])
        yield opened


async def test_another_model_neither_reads_nor_writes_and_the_corpus_keeps_its_own(corpus, tmp_path):
    async with open_corpus(load_settings(home=tmp_path), "c", embeddings=Other()) as other:
        with pytest.raises(EmbeddingMismatch):
            await other.vector_store.asimilarity_search("apple")
        with pytest.raises(EmbeddingMismatch):
            await other.vector_store.aadd_texts(["green pear"])
    assert (await corpus.manifest()).embedding_model == Hashed().model_id
    assert (await corpus.ingest([document("b", "green pear")])).added == 1
    assert [hit.text for hit in await corpus.search("apple", 1)] == ["red apple"]


async def test_a_model_that_is_refused_is_not_asked(corpus, tmp_path):
    asked = []

    class Counted(Other):
        async def aembed_documents(self, texts):
            asked.extend(texts)
            return await super().aembed_documents(texts)

    async with open_corpus(load_settings(home=tmp_path), "c", embeddings=Counted()) as other:
        with pytest.raises(EmbeddingMismatch):
            await other.vector_store.aadd_texts(["green pear"])
    assert asked == []


async def test_while_another_writes_it_is_busy_and_stores_nothing(corpus):
    store = corpus.vector_store
    async with corpus._backend.writer():
        with pytest.raises(CorpusBusy):
            await store.aadd_texts(["green pear"], ids=["b"])
        with pytest.raises(CorpusBusy):
            await store.adelete(["a"])
    assert await store.aget_by_ids(["b"]) == []
    assert await store.aadd_texts(["green pear"], ids=["b"]) == ["b"]


async def test_two_tenants_and_two_corpora_that_store_one_text_get_evidence_ids_of_their_own(tmp_path):
    found = set()
    for tenant, name in (("one", "c"), ("two", "c"), ("one", "d")):
        async with open_corpus(load_settings(home=tmp_path), name, tenant=tenant, embeddings=Hashed()) as opened:
            await opened.vector_store.aadd_texts(["red apple"], ids=["same"])
            found.add((await opened.search("red apple"))[0].evidence_id)
    assert len(found) == 3


async def test_a_text_that_was_replaced_or_deleted_is_not_found_any_more(corpus):
    store = corpus.vector_store
    await store.aadd_texts(["blue plum"], ids=["p"])
    await store.aadd_texts(["blue fig"], ids=["p"])
    assert [each.page_content for each in await store.aget_by_ids(["p"])] == ["blue fig"]
    assert [each.page_content for each in await store.asimilarity_search("blue plum", 9)][:1] == ["blue fig"]
    await store.adelete(["p"])
    assert await store.aget_by_ids(["p"]) == []
    assert "p" not in [each.id for each in await store.asimilarity_search("blue", 9)]


async def test_synchronous_methods_work_in_a_thread_that_runs_a_loop(corpus):
    store = corpus.vector_store
    assert store.add_texts(["green pear"], ids=["b"]) == ["b"]
    assert [each.id for each in store.similarity_search("green pear", 1)] == ["b"]
    assert [each.id for each in await asyncio.to_thread(store.get_by_ids, ["b"])] == ["b"]
    assert store.delete(["b"])
    assert store.get_by_ids(["b"]) == []


def test_from_texts_makes_a_corpus_of_its_own(tmp_path):
    made = CorpusVectorStore.from_texts(["red apple", "green pear"], Hashed(), ids=["a", "b"], folder=tmp_path / "f")
    assert [each.id for each in made.similarity_search("green pear", 1)] == ["b"]
    assert (tmp_path / "f" / "corpus.db").is_file()
