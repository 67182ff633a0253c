"""A reranker that fails: the passages stay in the order of the search, unless the budget is spent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from pydantic import ConfigDict

from retrieval import Corpus, open_corpus
from settings import Settings
from state.errors import BudgetExceeded


class Failing(BaseDocumentCompressor):
    """A reranker that raises `error`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    error: Exception = RuntimeError("no order today")

    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Any = None) -> Any:
        raise self.error


@pytest.fixture
def failing() -> Failing:
    return Failing()


@pytest.fixture
async def corpus(tmp_path: Path, failing: Failing) -> AsyncIterator[Corpus]:
    given = {"embeddings": DeterministicFakeEmbedding(size=8), "reranker": failing}
    async with open_corpus(Settings(home=tmp_path), "c", **given) as opened:
        await opened.ingest([Document("The museum is open in May.", metadata={"source": "museum.txt"})])
        yield opened


async def test_a_reranker_that_fails_leaves_the_order_of_the_search(corpus: Corpus, caplog: Any) -> None:
    found = await corpus.search("museum")
    assert [passage.scores.rerank for passage in found] == [None]
    assert "the reranker failed: RuntimeError" in caplog.messages
    assert "no order today" not in " ".join(caplog.messages)


async def test_a_spent_budget_ends_the_search(corpus: Corpus, failing: Failing) -> None:
    failing.error = BudgetExceeded("run", 1, 2)
    with pytest.raises(BudgetExceeded):
        await corpus.search("museum")
