from __future__ import annotations

import pytest
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from retrieval.embedded.indexes import Indexes
from retrieval.embedded.store import Store
from retrieval.vector_store import EmbeddedVectorStore


class TestEmbeddedVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        store = Store(tmp_path / "corpus.db")
        return EmbeddedVectorStore(store, Indexes(store), self.get_embeddings())
