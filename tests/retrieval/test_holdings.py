"""What a corpus holds, as a planner is told: titles of what the caller may see, and languages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import DeterministicFakeEmbedding

from retrieval import Corpus, open_corpus
from retrieval.holdings import holdings
from retrieval.languages import language_of
from settings import Settings

ENGLISH = "The museum is open from May to September, and a day ticket for it costs 12 euros in that time."
GERMAN = "Das Museum ist von Mai bis September geöffnet, und eine Karte für den Tag kostet in der Zeit 12 Euro."


class Refusing(BaseDocumentCompressor):
    """A reranker that must not be asked."""

    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Any = None) -> Any:
        raise AssertionError("titles are worth no reranking")


def document(name: str, text: str, **metadata: str) -> Document:
    return Document(text, metadata={"source": f"{name}.txt", "title": name.title(), **metadata})


@pytest.fixture
async def corpus(tmp_path: Path) -> AsyncIterator[Corpus]:
    settings = Settings(home=tmp_path)
    given = {"embeddings": DeterministicFakeEmbedding(size=8), "reranker": Refusing()}
    async with open_corpus(settings, "c", **given) as opened:
        await opened.ingest(
            [
                document("museum", ENGLISH, audience="visitors"),
                document("harbour", ENGLISH.replace("museum", "harbour"), audience="visitors"),
                document("karte", GERMAN, audience="staff"),
            ]
        )
        yield opened


async def test_a_small_corpus_is_told_whole(corpus: Corpus) -> None:
    told = await holdings(corpus, "anything", documents=3, most=3)
    assert told.titles == ("Harbour", "Karte", "Museum")
    assert told.languages == ("English", "German")


async def test_a_replaced_version_is_not_told(corpus: Corpus) -> None:
    await corpus.ingest([document("museum", f"{ENGLISH} It is new.").model_copy(update={"metadata": {
        "source": "museum.txt", "title": "New museum"}})])  # fmt: skip
    told = await holdings(corpus, "anything", documents=3, most=3)
    assert told.titles == ("Harbour", "Karte", "New museum")


async def test_of_a_large_corpus_the_titles_that_fit_the_question_are_told(corpus: Corpus) -> None:
    told = await holdings(corpus, "harbour ticket", documents=3, most=1)
    assert told.titles == ("Harbour",)
    assert told.languages == ("English",)


async def test_a_document_that_the_caller_may_not_see_is_never_named(corpus: Corpus) -> None:
    told = await holdings(corpus, "museum ticket Karte", documents=3, most=9, where={"audience": "visitors"})
    assert set(told.titles) == {"Museum", "Harbour"}
    assert told.languages == ("English",)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "English"),
        (GERMAN, "German"),
        ("Le musée est ouvert de mai à juin, et un billet pour la journée est à 12 euros dans les caisses.", "French"),
        ("El museo abre de mayo a septiembre y la entrada de un día cuesta 12 euros en las taquillas.", "Spanish"),
        ("博物馆五月至九月开放，一日票价格为十二欧元。", "Chinese"),
        ("博物館は五月から九月まで開いています。", "Japanese"),
        ("Музей открыт с мая по сентябрь, и билет на день стоит двенадцать евро.", "Russian"),
        ("SELECT id, name FROM t WHERE id = 1 ORDER BY name FETCH FIRST 5 ROWS", ""),
        ("Rates", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_language_is_told_or_left_open(text: str, language: str) -> None:
    assert language_of(text) == language
