"""Passages of different places come before those beside a better one of their document, for searches that ask so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from retrieval.ranking.diversity import BESIDE, spread
from state.errors import BadInput
from state.values import Passage
from tests.conformance.planes import opened_plane


def passage(name: str, start: int, end: int, text_hash: str = "") -> Passage:
    place = {"document_id": name, "title": name, "source": name, "start": start, "end": end, "text_hash": text_hash}
    return Passage(evidence_id=f"{name}{start}-{end}{text_hash}", text="words", **place)


def names(passages: list[Passage]) -> list[str]:
    return [each.evidence_id for each in passages]


def test_a_passage_beside_a_better_one_of_its_document_follows_the_other_places() -> None:
    ranked = [passage("a", 1000, 2000), passage("a", 0, 999), passage("a", 2000, 3000), passage("b", 0, 900)]
    assert names(spread(ranked, 2, 1)) == ["a1000-2000", "b0-900", "a0-999"]
    assert names(spread(ranked, 1, 9)) == ["a1000-2000", "a0-999", "a2000-3000"]
    assert names(spread(ranked, 2, 0)) == ["a1000-2000", "b0-900"]


def test_passages_beside_others_fill_up_where_there_are_too_few_places() -> None:
    ranked = [passage("a", 0, 900), passage("a", 901, 1300), passage("a", 1301, 1700), passage("b", 0, 900)]
    assert names(spread(ranked, 3, 0)) == ["a0-900", "b0-900", "a901-1300"]
    assert names(spread(ranked, 3, 4)) == ["a0-900", "b0-900", "a901-1300", "a1301-1700"]


@pytest.mark.parametrize(("gap", "another"), [(0, False), (BESIDE, False), (BESIDE + 1, True)])
def test_a_passage_far_away_in_the_same_document_is_another_place(gap: int, another: bool) -> None:
    best, far, other = passage("a", 0, 500), passage("a", 500 + gap, 900 + gap), passage("b", 0, 500)
    assert spread([best, far, other], 2, 0) == ([best, far] if another else [best, other])


def test_another_version_of_a_document_is_another_place() -> None:
    ranked = [passage("a", 0, 500, "old"), passage("a", 0, 500, "new"), passage("a", 500, 900, "new")]
    assert spread(ranked, 2, 0) == ranked[:2]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), max_size=12, unique=True),
    st.integers(1, 8),
    st.integers(0, 4),
)
def test_the_best_passage_comes_first_and_none_comes_twice(places: list[tuple[str, int]], k: int, beside: int) -> None:
    ranked = [passage(name, 800 * at, 800 * at + 700) for name, at in places]
    found = spread(ranked, k, beside)
    assert found[:1] == ranked[:1]
    assert len(set(names(found))) == len(found)
    assert set(names(found)) <= set(names(ranked))
    assert min(k, len(ranked)) <= len(found) <= k + beside
    assert len(spread(ranked, len(ranked) or 1, 0)) == len(ranked)


@pytest.mark.parametrize("plane", ["embedded", "played back"])
async def test_only_a_search_that_asks_for_places_leaves_the_order_of_scores(plane: str, tmp_path: Path) -> None:
    filler = "It grows. " * 80
    long = "\n\n".join(f"The red apple tree number {n} bears apple after apple. {filler}" for n in range(4))
    texts = {"long": long, **{f"d{n}": f"A tree number {n} in red. {filler}" for n in range(4)}}
    async with opened_plane(plane, tmp_path) as plane_, plane_.opened() as corpus:
        await corpus.ingest([Document(text, metadata={"source": name}) for name, text in texts.items()])
        listed = await corpus.search("red apple", k=8, mode="keyword")
        places = await corpus.search("red apple", k=3, mode="keyword", beside=1)
    scores = [each.scores.keyword or 0.0 for each in listed]
    assert scores == sorted(scores, reverse=True)
    assert {each.document_id for each in listed[:3]} == {"long"}
    assert places == spread(listed, 3, 1)
    assert [each.document_id for each in places].count("long") == 3  # two places of the four, and one beside them


@pytest.mark.parametrize("beside", [-1, 1001])
async def test_a_number_that_makes_no_sense_is_refused(beside: int, tmp_path: Path) -> None:
    async with opened_plane("embedded", tmp_path) as plane, plane.opened() as corpus:
        await corpus.ingest([Document("apple", metadata={"source": "a"})])
        with pytest.raises(BadInput, match="beside"):
            await corpus.search("apple", beside=beside)
