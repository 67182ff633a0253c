"""The settings that switch parts of a run off: neighbours, one of the two rankings, the reviewer."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.extractive.plan import plan
from settings import Settings
from tests.doubles.corpora import StubCorpora
from tests.doubles.roles import scripted

QUESTION = "When did the Falcon project start?"
OBJECTION = {"verdict": "revise", "findings": [{"claim_id": "", "severity": "major", "remedy": "say more"}]}


@pytest.mark.parametrize(("neighbours", "looked"), [(0, 0), (1, 1), (2, 2)])
async def test_a_run_looks_beside_as_many_passages_as_the_setting_says(
    build: Any, ask: Any, corpora: StubCorpora, neighbours: int, looked: int
) -> None:
    corpus = await corpora.get("local", "default")
    beside: list[str] = []

    async def noted(passage: Any, **_: Any) -> list[Any]:
        beside.append(passage.evidence_id)
        return []

    corpus.neighbours = noted  # type: ignore[method-assign]
    await ask(build(neighbours=neighbours), QUESTION)
    assert len(beside) == looked


async def test_a_run_searches_in_the_mode_of_the_setting(build: Any, ask: Any, corpora: StubCorpora) -> None:
    corpus = await corpora.get("local", "default")
    search, modes = corpus.search, []

    async def noted(query: str, k: int, *, mode: str, **rest: Any) -> Any:
        modes.append(mode)
        return await search(query, k, **rest)

    corpus.search = noted  # type: ignore[method-assign]
    await ask(build(search_mode="keyword"), QUESTION)
    assert modes == ["keyword"]


async def test_without_the_reviewer_no_draft_is_revised_and_the_report_says_so(build: Any, ask: Any) -> None:
    reviewed = await ask(build(scripted(Review=OBJECTION)), QUESTION)
    assert (reviewed["revisions"], reviewed["stop_reason"]) == (2, "revisions_exhausted")
    report = await ask(build(scripted(Review=OBJECTION), review=False), QUESTION)
    assert (report["status"], report["stop_reason"], report["revisions"]) == ("answered", "not_reviewed", 0)
    assert report["usage"]["calls"] < reviewed["usage"]["calls"]


def test_the_switches_are_settings() -> None:
    settings = Settings()
    assert (settings.retrieval.neighbours, settings.retrieval.mode, settings.run.review) == (2, "hybrid", True)


def test_a_single_sub_question_is_the_whole_question() -> None:
    question = "Who was born first, Ada Lovelace or Alan Turing?"
    assert len(plan({"question": question}).sub_questions) == 2
    assert plan({"question": question, "max_sub_questions": 1}).sub_questions == [question]
