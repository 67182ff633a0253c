"""The keyword leg in several languages and of identifiers: every planted answer is among the first three."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from retrieval.embedded.keyword import KeywordIndex

SET: dict[str, dict[str, list[Any]]] = tomllib.loads(
    Path(__file__).with_name("languages.toml").read_text(encoding="utf-8")
)
PLANTED = [
    pytest.param(name, each["ask"], each["answer"], id=f"{name} {number}")
    for name, part in SET.items()
    for number, each in enumerate(part["queries"])
]


def indexed(texts: list[tuple[int, str]]) -> KeywordIndex:
    """Return an index of texts with the number of their document; the id of each is its place."""
    index = KeywordIndex()
    untitled = {"ordinal": 0, "title": "", "opening": ""}
    index.add(
        [
            {"id": place, "version": document, "heading_path": "[]", "text": text, **untitled}
            for place, (document, text) in enumerate(texts)
        ]
    )
    return index


ALL = [(number, text) for number, part in enumerate(SET.values()) for text in part["passages"]]


@pytest.fixture(scope="module")
def alone() -> dict[str, KeywordIndex]:
    return {name: indexed([(0, text) for text in part["passages"]]) for name, part in SET.items()}


@pytest.fixture(scope="module")
def together() -> KeywordIndex:
    return indexed(ALL)


@pytest.mark.parametrize(("language", "ask", "answer"), PLANTED)
def test_a_planted_answer_is_among_the_first_three(
    language: str, ask: str, answer: str, alone: dict[str, KeywordIndex], together: KeywordIndex
) -> None:
    texts = SET[language]["passages"]
    assert any(text.startswith(answer) for text in texts), "the set itself"
    found = [texts[row] for row in alone[language].search(ask, 3)]
    assert any(text.startswith(answer) for text in found), found
    among_all = [ALL[row][1] for row in together.search(ask, 3)]
    assert any(text.startswith(answer) for text in among_all), among_all
