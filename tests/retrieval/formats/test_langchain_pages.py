"""The pages of LangChain documents are those that their metadata name."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document

from retrieval.loaders import load_langchain
from retrieval.splitting import split_document


def cited(documents: list[Document]) -> list[tuple[str, int | None]]:
    """Return the first word and the page of each passage."""
    (loaded,) = load_langchain(documents)
    spans = split_document(loaded, chunk_chars=100, overlap=0)
    return [(loaded.text[span.start : span.end].split()[0], span.page) for span in spans]


def pages(*values: object, **more: object) -> list[Document]:
    return [
        Document(f"p{at} " + "x " * 30, metadata={"source": "s.pdf", "page": value, **more})
        for at, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        (pages(4, 5, 6), [4, 5, 6]),
        (pages(0, 1, 2), [1, 2, 3]),
        (pages("4", "6"), [4, 6]),
        (pages(6, 4), [4, 6]),
        (pages(4, 5, total_pages=9), [5, 6]),
        (pages(8, 9, total_pages=9), [8, 9]),
        (pages(4, page_label="5"), [5]),
        (pages(4, page_label="4", total_pages=9), [4]),
        (pages("iv", "v"), [1, 2]),
        (pages(10**6, 10**6 + 1), [1, 2]),
        (pages(True, None), [1, 2]),
    ],
)
def test_a_passage_is_cited_with_the_page_of_its_document(documents, found):
    assert [page for _, page in cited(documents)] == found


def test_chunks_of_one_page_stand_on_that_page():
    assert cited(pages(0, 0, 0, 1, 1)) == [("p0", 1), ("p1", 1), ("p2", 1), ("p3", 2), ("p4", 2)]


def test_pages_are_put_in_order_with_their_text():
    assert cited(pages(3, 1)) == [("p1", 1), ("p0", 3)]
