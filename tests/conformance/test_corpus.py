"""One suite for every backend of a corpus. `pytest -m oracle` runs it on the database of `SIXPLANE_ORACLE__DSN`."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from langchain_core.documents import Document

from retrieval import open_corpus
from retrieval.documents import evidence_id
from retrieval.embedded import reads
from retrieval.embedded.database import Database
from retrieval.preparation import PreparedDocument, PreparedPassage
from settings import load_settings
from state.errors import BadInput, CorpusBusy, CorpusCorrupt, CorpusEmpty, CorpusMissing, EmbeddingMismatch, StorageFull
from tests.conformance.planes import ORACLE, Hashed, document, opened_plane


@pytest.fixture(params=["embedded", "played back", ORACLE])
async def plane(request, tmp_path):
    async with opened_plane(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def corpus(plane):
    async with plane.opened() as opened:
        yield opened


async def test_ingest_is_idempotent_and_a_change_supersedes(corpus):
    first = await corpus.ingest([document("a", "red apple"), document("b", "green pear")])
    again = await corpus.ingest([document("a", "red apple"), document("b", "green pear")])
    assert (first.added, again.added, again.unchanged, again.generation) == (2, 0, 2, first.generation)
    old = (await corpus.search("apple", mode="keyword"))[0]
    changed = await corpus.ingest([document("a", "blue plum")])
    assert (changed.updated, changed.superseded) == (1, 1)
    assert await corpus.search("apple", mode="keyword") == []
    assert (await corpus.passages([old.evidence_id]))[old.evidence_id].superseded
    assert await corpus.canonical_text("a", old.text_hash) == "red apple"
    assert await corpus.prune() == 1
    assert await corpus.passages([old.evidence_id]) == {}
    assert (await corpus.manifest()).documents == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
async def test_metadata_that_no_database_stores_are_reported_and_filters_go_on(corpus, value):
    report = await corpus.ingest([document("odd", "red apple", n=value), document("a", "green apple", n=1)])
    assert (report.added, [each.source for each in report.failed]) == (1, ["odd.txt"])
    assert "NaN, infinity or a lone surrogate" in report.failed[0].reason
    assert [each.document_id for each in await corpus.search("apple", where={"n": 1})] == ["a"]


async def test_a_superseded_row_is_never_taken_for_live(corpus):
    backend = corpus._backend
    await corpus.ingest([document("a", "red apple"), document("gone", "a plum"), document("kept", "green pear")])
    await backend.refresh()
    rows = list((await backend.legs("apple plum pear", None, 10)).keyword)
    assert {hit.document_id for hit in (await backend.live(rows)).values()} == {"a", "gone", "kept"}
    await corpus.ingest([document("a", "blue quince")])
    async with backend.writer() as writer:
        await writer.delete(["gone"], lambda *_: True)
    # the row numbers of before: an index that was not caught up still names them
    assert [hit.document_id for hit in (await backend.live(rows)).values()] == ["kept"]
    found = await backend.live_by_document(["a", "gone", "kept"])
    assert sorted(hit.text for hit in found) == ["blue quince", "green pear"]
    for mode in ("keyword", "dense", "hybrid"):
        hits = await corpus.search("apple plum", 10, mode)
        assert not {"red apple", "a plum"} & {hit.text for hit in hits}, mode


async def test_new_metadata_of_an_unchanged_text_take_the_place_of_the_old(corpus):
    await corpus.ingest([document("a", "red apple", kind="open", year=2024)])
    old = (await corpus.search("apple", mode="keyword"))[0]
    changed = await corpus.ingest([document("a", "red apple", kind="secret", year=2024)])
    assert (changed.updated, changed.unchanged) == (1, 0)
    assert await corpus.search("apple", mode="keyword", where={"kind": "open"}) == []
    new = (await corpus.search("apple", mode="keyword", where={"kind": "secret"}))[0]
    assert new.evidence_id == old.evidence_id
    assert (await corpus.passages([old.evidence_id]))[old.evidence_id].metadata["kind"] == "secret"
    again = await corpus.ingest([document("a", "red apple", year=2024, kind="secret")])
    assert (again.updated, again.unchanged) == (0, 1)


async def test_a_document_can_go_back_to_its_old_text(corpus):
    for text in ("red apple", "blue plum", "red apple"):
        await corpus.ingest([document("a", text)])
    assert [item.text for item in await corpus.search("apple", mode="keyword")] == ["red apple"]


@pytest.mark.parametrize("size", [4_000, pytest.param(20_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("mode", ["keyword", "dense", "hybrid"])
async def test_a_rare_filter_never_under_returns(corpus, mode, size):
    rare = size // 20
    rows = [
        document(f"d{n}", f"common words number{n}", kind="rare" if n % rare == 0 else "usual") for n in range(size)
    ]
    async with corpus._backend.writer() as writer:
        await writer.put([(row, Hashed().embed_documents([row.text])) for row in rows], "hashed", lambda *_: True)
    found = await corpus.search("common words", 50, mode, {"kind": {"$in": ["rare"]}})
    assert len(found) == 20
    assert {item.metadata["kind"] for item in found} == {"rare"}


async def test_bad_calls_are_typed(corpus, plane):
    with pytest.raises(CorpusEmpty):
        await corpus.search("x")
    await corpus.ingest([document("a", "x")])
    for arguments in ({"k": 0}, {"mode": "no"}, {"where": {"a') --": 1}}, {"where": {"a": {"$no": 1}}}):
        with pytest.raises(BadInput):
            await corpus.search("x", **arguments)
    with pytest.raises(CorpusMissing):
        await plane.corpora().get("local", "none")


async def test_corpora_are_listed_by_tenant(corpus, plane):
    corpora = plane.corpora()
    await corpora.create("other", "theirs")
    assert (await corpora.names("local"), await corpora.names("other")) == (["c"], ["theirs"])
    await corpus.ingest([document("a", "apple")])
    assert (await (await corpora.get("other", "theirs")).summary()).passages == 0


async def test_another_tenant_s_passages_neither_show_nor_crowd_out(corpus, plane):
    await corpus.ingest([document("mine", "apple pear")])
    theirs = await plane.corpora().create("other", "c")
    near = [document(f"d{n}", f"apple {n}") for n in range(500)]
    near = [
        replace(item, passages=(PreparedPassage(evidence_id("other", "c", item.document_id, "", 0, 1), 0, 5),))
        for item in near
    ]
    async with theirs._backend.writer() as writer:
        await writer.put([(item, Hashed().embed_documents(["apple"])) for item in near], "hashed", lambda *_: True)
    for mode in ("dense", "keyword", "hybrid"):
        assert [hit.document_id for hit in await corpus.search("apple", 5, mode)] == ["mine"]
    assert await corpus.passages([near[0].passages[0].evidence_id]) == {}


DESCRIBED = {"a": {"n": 1, "kind": "x", "flag": True}, "b": {"n": 2, "kind": ""}, "c": {"kind": None, "half": 0.5}}
FILTERS = [
    ({"n": 1}, "a"),
    ({"n": "1"}, ""),
    ({"n": {"$gt": 1}}, "b"),
    ({"n": {"$gte": 1, "$lt": 2}}, "a"),
    ({"n": {"$lte": 2}, "kind": "x"}, "a"),
    ({"n": {"$ne": 1}}, "bc"),
    ({"n": {"$in": [1, 2, None]}}, "abc"),
    ({"n": {"$in": [None]}}, "c"),
    ({"n": {"$in": [1, None], "$ne": None}}, "a"),
    ({"n": {"$in": []}}, ""),
    ({"n": {"$lt": 2**70}}, "ab"),
    ({"n": True}, ""),
    ({"flag": 1}, ""),
    ({"n": {"$nin": [1, None]}}, "b"),
    ({"n": {"$exists": True}}, "ab"),
    ({"kind": {"$exists": False}}, "c"),
    ({"n": {"$not": {"$gt": 1}}}, "ac"),
    ({"$or": [{"n": 2}, {"half": 0.5}]}, "bc"),
    ({"$and": [{"n": {"$gt": 0}}, {"$not": {"kind": "x"}}]}, "b"),
    ({"kind": {"$gt": ""}}, "a"),
    ({"kind": {"$lte": "x"}}, "ab"),
    ({"$title": "a"}, "a"),
    ({"$source": {"$in": ["b.txt", "c.txt"]}}, "bc"),
    ({"$title": {"$gte": "b"}, "$kind": "prose"}, "bc"),
    ({"$kind": {"$nin": ["prose"]}}, ""),
    ({"$title": None}, ""),
    ({"kind": None}, "c"),
    ({"kind": {"$ne": None}}, "ab"),
    ({"kind": ""}, "b"),
    ({"kind": {"$ne": ""}}, "ac"),
    ({"kind": {"$in": ["x", ""]}}, "ab"),
    ({"flag": True}, "a"),
    ({"flag": {"$ne": True}}, "bc"),
    ({"half": 0.5}, "c"),
    ({"kind": "' OR 1=1 --"}, ""),
    ({"unknown": 1}, ""),
    ({"unknown": {"$gte": "a"}}, ""),
    ({"unknown": None}, "abc"),
    ({"unknown": {"$ne": 1}}, "abc"),
]


async def test_filters_mean_the_same_everywhere(corpus):
    await corpus.ingest([document(name, f"apple {name}", **metadata) for name, metadata in DESCRIBED.items()])
    found = {}
    for n, (where, _) in enumerate(FILTERS):
        hits = await corpus.search("apple", where=where)
        found[n] = "".join(sorted(hit.document_id for hit in hits))
    assert found == {n: wanted for n, (_, wanted) in enumerate(FILTERS)}


async def test_text_comes_back_code_point_by_code_point(corpus):
    text = "\N{PILE OF POO} apple 'quoted' \N{COMBINING ACUTE ACCENT}"
    await corpus.ingest([document("a", text), PreparedDocument("empty", "", "", "", "0" * 64, ())])
    found = (await corpus.search("apple", mode="keyword"))[0]
    assert (found.text, found.end) == (text, len(text))
    assert await corpus.canonical_text("a", found.text_hash) == text
    assert await corpus.canonical_text("empty", "0" * 64) == ""
    assert await corpus.canonical_text("none", "0" * 64) is None
    assert {entry.document_id: entry.chars for entry in (await corpus.manifest()).entries} == {
        "a": len(text),
        "empty": 0,
    }


async def test_neighbours_stand_in_reading_order(corpus):
    text = "one two three four"
    digest = hashlib.sha256(text.encode()).hexdigest()
    places = {(0, 3): "prose", (4, 7): "table", (8, 13): "code", (14, 18): "list"}
    spans = tuple(
        PreparedPassage(evidence_id("local", "c", "a", digest, *at), *at, kind=kind) for at, kind in places.items()
    )
    await corpus.ingest([PreparedDocument("a", "a.txt", "a", text, digest, spans)])
    middle = next(hit for hit in await corpus.search("two", mode="keyword") if hit.text == "two")
    found = await corpus.neighbours(middle, before=1, after=2)
    assert [(hit.text, hit.kind) for hit in found] == [("one", "prose"), ("three", "code"), ("four", "list")]
    assert middle.kind == "table"


async def test_a_corpus_of_an_earlier_release_gets_the_columns_that_it_lacks(tmp_path):
    async with opened_plane("embedded", tmp_path) as plane, plane.opened() as corpus:
        await corpus.ingest([document("a", "red apple")])
        path = next(tmp_path.rglob("corpus.db"))
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE passages DROP COLUMN kind")
    async with opened_plane("embedded", tmp_path) as plane, plane.opened() as corpus:
        (found,) = await corpus.search("apple", mode="keyword")
        assert (found.text, found.kind) == ("red apple", "prose")
        assert (await corpus.ingest([document("a", "red apple"), document("b", "pear")])).unchanged == 1


async def test_a_later_version_within_one_batch_supersedes(corpus):
    vectors = Hashed().embed_documents(["apple"])
    async with corpus._backend.writer() as writer:
        assert await writer.put(
            [(document("a", text), vectors) for text in ("apple", "pear")], "hashed", lambda *_: True
        ) == (1, 1)
        await writer.build()
    assert [hit.text for hit in await corpus.search("apple pear")] == ["pear"]


async def test_it_is_a_vector_store(corpus):
    store = corpus.vector_store
    await store.aadd_texts(["red apple", "green pear"], [{"n": 1}, {"n": 2}], ids=["a", "b"])
    found = await store.asimilarity_search_with_score("red apple", k=2)
    assert [document.id for document, _ in found] == ["a", "b"]
    assert found[0][1] == pytest.approx(1, abs=1e-5)
    assert [item.id for item in await store.asimilarity_search("apple", k=2, filter={"n": 2})] == ["b"]
    await store.adelete(["a"])
    assert [item.page_content for item in await store.aget_by_ids(["a", "b"])] == ["green pear"]


async def test_another_embedder_is_refused(corpus, plane):
    await corpus.ingest([document("a", "x")])
    other = Hashed()
    other.model_id = "other"
    async with plane.opened(other) as second:
        with pytest.raises(EmbeddingMismatch):
            await second.ingest([document("b", "y")])


async def test_one_writer_at_a_time(corpus):
    async with corpus._backend.writer():
        with pytest.raises(CorpusBusy):
            await corpus.ingest([document("a", "x")])
    assert (await corpus.ingest([document("a", "x")])).added == 1


async def test_a_reader_sees_another_corpus_objects_ingest(corpus, plane):
    await corpus.ingest([document("a", "apple")])
    await corpus.search("apple")
    async with plane.opened() as other:
        await other.ingest([document("b", "pear")])
    assert (await corpus.search("pear", 1))[0].document_id == "b"


async def test_hostile_queries_are_plain_words(corpus):
    await corpus.ingest([document("a", "apple AND pear")])
    for query in ('"', "a:b AND (", "NOT *", "+-[]{}^~", ""):
        assert isinstance(await corpus.search(query), list)


def test_a_corrupt_database_is_named(tmp_path):
    (tmp_path / "corpus.db").write_bytes(b"junk" * 4096)
    with pytest.raises(CorpusCorrupt):
        Database(tmp_path / "corpus.db")


def _overfill(store):
    with store.write() as connection:
        connection.execute("PRAGMA max_page_count = 1")
        for n in range(10_000):
            connection.execute("INSERT INTO meta VALUES (?, ?)", (f"k{n}", "x" * 4000))


def test_a_full_disk_is_named_and_loses_nothing(tmp_path):
    store = Database(tmp_path / "corpus.db")
    with pytest.raises(StorageFull):
        _overfill(store)
    assert store.ask(reads.revision).generation == 0


def _ingest_then_die(home):
    async def run():
        async with open_corpus(load_settings(home=home), "c", embeddings=Hashed()) as opened:

            def rows():
                for n in range(100):
                    yield document(f"d{n}", f"word{n}")
                os.kill(os.getpid(), signal.SIGKILL)

            await opened.ingest(rows())

    asyncio.run(run())


async def test_a_killed_ingest_leaves_a_consistent_corpus_that_continues(tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=_ingest_then_die, args=(tmp_path,))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == -signal.SIGKILL
    async with open_corpus(load_settings(home=tmp_path), "c", embeddings=Hashed()) as opened:
        assert (await opened.manifest()).documents == 64
        report = await opened.ingest([document(f"d{n}", f"word{n}") for n in range(100)])
        assert (report.added, report.unchanged) == (36, 64)
    connection = sqlite3.connect(tmp_path / "corpora/local/c/corpus.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_pages_of_one_langchain_source_stay_one_document(corpus):
    pages = [
        Document(page_content=text, metadata={"source": "s.pdf", "page": n}) for n, text in enumerate(["red", "blue"])
    ]
    report = await corpus.ingest(pages)
    assert (report.added, report.superseded, report.failed) == (1, 0, ())
    assert (await corpus.search("red blue"))[0].text == "red\fblue"
