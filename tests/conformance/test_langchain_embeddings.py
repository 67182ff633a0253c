from __future__ import annotations

from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from retrieval import LocalEmbeddings


class TestLocalEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self):
        return LocalEmbeddings

    @property
    def embedding_model_params(self):
        return {}
