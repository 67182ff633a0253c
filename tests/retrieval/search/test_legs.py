"""What the legs find with a filter is what a scan of all finds, whatever the filter has to do with the query."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pytest

import retrieval.embedded.graphs as graphs
import retrieval.embedded.indexes as indexes
import retrieval.embedded.vector as vector
from retrieval import Corpus
from retrieval.embedded.graphs import Kind, kind_of, open_graph, unit, write_graphs
from retrieval.embedded.selection import Selection
from retrieval.embedded.vector import VectorIndex
from retrieval.ranking.duplicates import Groups, words_of
from settings import load_settings
from state.values import Passage
from tests.conformance.planes import Plane, document, opened_plane

ROWS, SIZE = 3_000, 16


@pytest.fixture(scope="module", params=[("f32", 1), ("f16", 1), ("i8", 1), ("f16", 4), ("i8", 4)])
def searched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[VectorIndex, object]:
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(ROWS, SIZE)).astype(np.float32)
    folder = tmp_path_factory.mktemp("graph")
    kind: Kind = request.param[0]
    in_graphs = ROWS if request.param[1] == 1 else ROWS - 500  # the others are scanned
    rows = [{"id": n, "vector": row.tobytes()} for n, row in enumerate(vectors[:in_graphs])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "_SMALL", 1 + (in_graphs - 1) // request.param[1])
        found = [open_graph(folder / each.file) for each in write_graphs(folder, "vectors", rows, (), kind, 0)]
    assert [kind_of(each) for each in found] == [kind] * request.param[1]

    def load(rows: object) -> object:
        ids = np.arange(in_graphs, ROWS) if rows is None else np.asarray(rows)
        return ids, unit(vectors[ids])

    return VectorIndex(ROWS, load, found), vectors


@pytest.mark.parametrize("chosen", ["all", "half", "rare", "far from the query", "nothing"])
def test_the_nearest_of_a_filter(searched, chosen, monkeypatch):
    monkeypatch.setattr(vector, "HELD_ROWS", 100)
    index, vectors = searched
    asked = vectors[7]
    scores = unit(vectors) @ unit(asked[None, :])[0]
    rows = {
        "all": np.arange(ROWS),
        "half": np.arange(0, ROWS, 2),
        "rare": np.arange(5, ROWS, 60),
        "far from the query": np.sort(np.argsort(scores)[:400]),
        "nothing": np.array([], dtype=np.int64),
    }[chosen]
    only = None if chosen == "all" else Selection(rows, index._load)
    found = index.search(asked, 10, only)
    best = rows[np.argsort(-scores[rows])][:10]
    assert len(set(found) & set(best.tolist())) >= len(best) - 1  # a graph may miss one
    assert list(found.values()) == sorted(found.values(), reverse=True)
    for row, score in found.items():
        assert score == pytest.approx(scores[row], abs=1e-3)


@pytest.fixture
async def plane(tmp_path: Path) -> Plane:
    async with opened_plane("embedded", tmp_path) as plane, plane.opened() as corpus:
        texts = [f"apple number{n} " + "pear " * (n % 7) for n in range(300)]
        await corpus.ingest([document(f"d{n}", text, part=n % 100) for n, text in enumerate(texts)])
    return plane


@pytest.mark.parametrize(
    ("where", "matching"),
    [({"part": 3}, {3}), ({"part": {"$lt": 50}}, {*range(50)}), ({"part": {"$gte": 0}}, {*range(100)})],
)
async def test_the_words_of_a_filter(plane, where, matching):
    async with plane.opened() as corpus:
        every = await corpus.search("apple pear", k=300, mode="keyword")
        found = await corpus.search("apple pear", k=300, mode="keyword", where=where)
        wanted = [hit.document_id for hit in every if hit.metadata["part"] in matching]
        assert [hit.document_id for hit in found] == wanted


async def test_a_filter_that_is_remembered_forgets_with_a_write(plane):
    async def found(corpus: Corpus) -> set[str]:
        return {hit.document_id for hit in await corpus.search("apple", k=20, where={"part": 3})}

    async with plane.opened() as corpus, plane.opened() as other:
        assert await found(corpus) == {"d3", "d103", "d203"}
        await other.ingest([document("d103", "apple again", part=4), document("new", "apple new", part=3)])
        assert await found(corpus) == {"d3", "d203", "new"}
        await other.remove(["d3"])
        assert await found(corpus) == {"d203", "new"}


async def test_a_corpus_that_was_made_anew_is_read_anew(plane):
    async with plane.corpora() as one, plane.corpora() as another:
        corpus = await one.get("local", "c")
        assert await corpus.search("apple", k=1)
        await another.delete("local", "c")
        made = await another.create("local", "c")
        await made.ingest([document("only", "plum alone")])
        assert [hit.document_id for hit in await corpus.search("apple plum", k=5)] == ["only"]


async def test_a_graph_of_another_kind_serves_until_the_next_write(plane, monkeypatch):
    monkeypatch.setattr(indexes, "EXACT_BELOW", 1)
    home = plane.settings.home
    folder = home / "corpora" / "local" / "c"

    def kinds(numbers: Kind) -> Plane:
        return Plane(load_settings(home=home, data={"vector_numbers": numbers}))

    async with kinds("f32").opened() as corpus:  # as earlier releases made it
        await corpus.ingest([document("old", "apple old")])
        before = [hit.document_id for hit in await corpus.search("apple old", k=5)]
    (old,) = folder.glob("vectors-*")
    assert kind_of(open_graph(old)) == "f32"
    async with kinds("i8").opened() as corpus:
        assert [hit.document_id for hit in await corpus.search("apple old", k=5)] == before
        assert [*folder.glob("vectors-*")] == [old]
        await corpus.ingest([document("newer", "pear newer")])
        (new,) = folder.glob("vectors-*")
        assert (len(open_graph(new)), kind_of(open_graph(new))) == (302, "i8")
        assert [hit.document_id for hit in await corpus.search("apple old", k=1)] == ["old"]


def test_texts_in_ascii_have_the_words_that_all_texts_have():
    rng = np.random.default_rng(3)
    signs = string.ascii_letters + string.digits + "  \n\t-.,:/|=+~<>$%?'\"_#&"
    for _ in range(400):
        text = "".join(rng.choice(list(signs), 120)) + "the un- \nder der 3:4 -5 a-6"
        words = words_of(_passage(text))
        assert words_of(_passage(text + " é"))[: len(words) - 1] == words[:-1]


def _passage(text: str) -> Passage:
    place = {"evidence_id": text, "document_id": "d", "title": "t", "source": "s", "start": 0, "end": len(text)}
    return Passage(text=text, **place)


def test_a_misread_word_late_in_a_text_is_found():
    words = " ".join(f"longword{chr(97 + n % 26)}x{n}" for n in range(60))
    groups = Groups()
    for text in (words + " completely different", words + " completley different", words + " another difference"):
        groups.add(_passage(text))
    assert [len(group.others) for group in groups.found] == [1, 0]
