"""A title that says nothing has no weight: the opening words of its document stand for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.documents import Document

from retrieval.preparation import PreparedDocument, prepare
from retrieval.subjects import OPENING, says_something, subject_of
from settings import Settings
from tests.conformance.planes import opened_plane

COMPANIES = ("Alder Robotics", "Birch Foods", "Cobalt Energy")


def report(name: str) -> str:
    """Return an invented quarterly report: who it is about stands on its first page only."""
    filler = "The figures were not audited. " * 35
    parts = ("QUARTERLY REPORT", "for the quarter ended June 30, 2023", f"{name}, Inc.", filler, "Net sales 82,313")
    return "\n\n".join(parts)


@pytest.mark.parametrize(
    "title",
    [
        "Rate tiers",
        "rate-tiers",
        "Q3-report.pdf",
        "10-K of Acme",
        "料金",
        "Тарифы",
        "Face value",
        "Untitled Goose Game",
    ],
)
def test_titles_with_words_say_something(title: str) -> None:
    assert says_something(title)
    assert subject_of(title, "other words", first=False) == title


@pytest.mark.parametrize(
    "title",
    [
        *("", "0001234567-23-000089", "d41d8cd98f00b204e9800998ecf8427e", "9f1b3c2e-77aa-4d0e-9c3b-1f2e3d4c5b6a"),
        *("doc_00012", "Untitled", "Microsoft Word - Document1", "IMG_2031.PDF", "42", "facefeed", "ohne Titel"),
    ],
)
def test_titles_without_words_say_nothing(title: str) -> None:
    assert not says_something(title)
    assert subject_of(title, "The words of the text.", first=False) == "The words of the text."
    assert subject_of(title, "The words of the text.", first=True) == title


def test_the_opening_is_short_ends_with_a_word_and_does_not_repeat_the_title() -> None:
    opening = subject_of("000123", "000123\n\n" + "some words " * 200, first=False)
    assert opening.startswith("some words some")
    assert opening.endswith(("some", "words"))
    assert OPENING - 6 < len(opening) <= OPENING
    assert len(subject_of("000123", "料" * 5000, first=False)) == OPENING


def test_each_later_passage_is_embedded_with_the_opening() -> None:
    given = [Document(report("Alder Robotics"), metadata={"source": "0001234567-23-000089"})]
    (made,) = prepare(given, Settings(), "local", "c")
    assert isinstance(made, PreparedDocument)
    texts = [made.embedded_text(each) for each in made.passages]
    assert len(texts) == 2
    assert texts[0].startswith("0001234567-23-000089")
    assert texts[1].startswith("QUARTERLY REPORT for the quarter ended June 30, 2023 Alder Robotics, Inc.")


async def test_reports_that_are_worded_alike_are_told_apart(tmp_path: Path) -> None:
    async with opened_plane("embedded", tmp_path) as plane, plane.opened() as corpus:
        for number, name in enumerate(COMPANIES):
            await corpus.ingest([Document(report(name), metadata={"source": f"000123456{number}-23-00008{number}"})])
        for number, name in enumerate(COMPANIES):
            found = await corpus.search(f"net sales of {name} 82,313", 3, "keyword")
            tables = [each.document_id for each in found if "82,313" in each.text]
            assert f"000123456{number}" in tables[0]
        (named, *_) = await corpus.search("0001234561-23-000081", 1, "keyword")
        assert "Birch Foods" in named.text
