"""Passages that say the same are one hit with all of its places; what differs in something that matters is another."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import retrieval.corpus
from retrieval.embedded.snapshot import Snapshot
from retrieval.ranking.duplicates import Groups
from state.values import Passage
from tests.conformance.planes import document, opened_plane

PAIRS: dict[str, list[list[str]]] = tomllib.loads(Path(__file__).with_name("near.toml").read_text(encoding="utf-8"))


def passage(name: str, text: str, **more: Any) -> Passage:
    place = {"document_id": name, "title": name, "source": name, "start": 0, "end": len(text)}
    return Passage(evidence_id=name, text=text, **place, **more)


def names_of(hit: Passage) -> set[str]:
    return {hit.document_id, *(place.document_id for place in hit.also_in)}


def groups_of(*passages: Passage) -> int:
    groups = Groups()
    for each in passages:
        groups.add(each)
    return len(groups.found)


@pytest.mark.parametrize(("kind", "wanted"), [("same", 1), ("other", 2)])
def test_pairs_are_told_apart_by_what_matters(kind: str, wanted: int) -> None:
    wrong = [pair for pair in PAIRS[kind] if groups_of(passage("a", pair[0]), passage("b", pair[1])) != wanted]
    assert wrong == []
    assert len(PAIRS[kind]) >= 10


def test_no_threshold_of_similarity_tells_the_pairs_apart() -> None:
    """The reason why similarity does not decide."""

    def shingles(text: str) -> set[tuple[str, ...]]:
        words = text.split()
        return {tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2))}

    def alike(pair: list[str]) -> float:
        first, second = map(shingles, pair)
        return len(first & second) / len(first | second)

    assert max(map(alike, PAIRS["other"])) > 0.8
    assert min(map(alike, PAIRS["same"])) < 0.2


def test_short_passages_need_the_same_headings_and_long_ones_do_not() -> None:
    short, long = "Run the installer.", "Run the installer and wait. " * 10
    assert groups_of(passage("a", short, heading_path=("Linux",)), passage("b", short, heading_path=("Windows",))) == 2
    assert groups_of(passage("a", long, heading_path=("Linux",)), passage("b", long, heading_path=("Windows",))) == 1


def test_every_sign_of_code_and_every_cell_of_a_table_counts() -> None:
    assert groups_of(passage("a", "if x == y:", kind="code"), passage("b", "if x != y:", kind="code")) == 2
    assert groups_of(passage("a", "| 1 | | 2 |", kind="table"), passage("b", "| 1 | 2 | |", kind="table")) == 2
    assert groups_of(passage("a", "if x == y:", kind="code"), passage("b", "if x  ==  y:", kind="code")) == 1


@pytest.mark.parametrize("plane", ["embedded", "played back"])
@pytest.mark.parametrize("copies", [30, 300])
async def test_equal_documents_fill_one_place(plane: str, copies: int, tmp_path: Path) -> None:
    text = "apple pie with the red apple"
    documents = [document(f"copy{n:03}", text) for n in range(copies)]
    documents += [document(f"other{n}", f"apple number {n} in the cellar") for n in range(12)]
    async with opened_plane(plane, tmp_path) as found, found.opened() as corpus:
        await corpus.ingest(documents)
        hits = await corpus.search("red apple pie", k=10)
        assert len({hit.text for hit in hits}) == len(hits) == 10
        assert hits[0].text == text
        assert names_of(hits[0]) == {f"copy{n:03}" for n in range(copies)}
        assert all(hit.also_in == () for hit in hits[1:])
        first = await corpus.search("red apple pie", k=1, mode="keyword")
        assert len(first[0].also_in) == copies - 1


@pytest.mark.parametrize("plane", ["embedded", "played back"])
async def test_only_places_that_the_caller_may_read_and_asked_for_are_listed(plane: str, tmp_path: Path) -> None:
    async with opened_plane(plane, tmp_path) as found, found.opened() as corpus:
        labelled: dict[str, dict[str, Any]] = {"open": {"team": "a"}, "mine": {"team": "b", "audience": ["staff"]}}
        labelled["secret"] = {"team": "b", "audience": ["board"]}
        await corpus.ingest([document(name, "red apple", **metadata) for name, metadata in labelled.items()])
        mine = await corpus.seen_by(["staff"]).search("apple")
        assert [names_of(hit) for hit in mine] == [{"open", "mine"}]
        of_team = await corpus.search("apple", where={"team": "b"})
        assert [names_of(hit) for hit in of_team] == [{"mine", "secret"}]


async def test_a_search_reads_no_deeper_than_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened_plane("embedded", tmp_path) as found, found.opened() as corpus:
        await corpus.ingest([document(f"d{n}", f"apple number {n}") for n in range(20)])
        asked = []
        legs = Snapshot.legs

        async def counted(reads: Snapshot, *args: Any) -> Any:
            asked.append(args[2])
            return await legs(reads, *args)

        monkeypatch.setattr(Snapshot, "legs", counted)
        monkeypatch.setattr(retrieval.corpus, "DEPTH", 10)
        assert len(await corpus.search("apple", k=5)) == 5
        assert asked == [10]
        assert len(await corpus.search("apple", k=20)) == 20
        assert asked == [10, 20]
