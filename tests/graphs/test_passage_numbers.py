"""How many passages a run retrieves for a sub-question."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.corpora import StubCorpora

QUESTION = "When did the Falcon project start?"


@pytest.mark.parametrize(("asked", "searched"), [({}, 5), ({"k": 3}, 3)])
async def test_a_run_retrieves_as_many_passages_as_the_setting_says(
    build: Any, ask: Any, corpora: StubCorpora, asked: dict[str, int], searched: int
) -> None:
    found: list[int] = []
    corpus = await corpora.get("local", "default")
    search = corpus.search

    async def counted(query: str, k: int, **rest: Any) -> Any:
        found.append(k)
        return await search(query, k, **rest)

    corpus.search = counted  # type: ignore[method-assign]
    await ask(build(passages_per_sub_question=5), QUESTION, **asked)
    assert found == [searched]
