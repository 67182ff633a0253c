from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import signal
import sqlite3

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from retrieval import Corpora, open_corpus
from retrieval.documents import evidence_id
from retrieval.preparation import PreparedDocument, PreparedPassage
from retrieval.store import Store
from settings import load_settings
from state.errors import BadInput, CorpusBusy, CorpusCorrupt, CorpusEmpty, CorpusMissing, EmbeddingMismatch, StorageFull


class Hashed(Embeddings):
    model_id = "hashed"

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        vector = np.zeros(32, dtype=np.float32)
        for word in text.lower().split():
            vector[int(hashlib.md5(word.encode()).hexdigest(), 16) % 32] += 1
        return vector.tolist()


def document(name, text, **metadata):
    digest = hashlib.sha256(text.encode()).hexdigest()
    span = PreparedPassage(evidence_id("local", "c", name, digest, 0, len(text)), 0, len(text))
    return PreparedDocument(name, f"{name}.txt", name, text, digest, (span,), metadata=metadata)


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path, data={"lock_timeout_seconds": 0.1})


@pytest.fixture
async def corpus(settings):
    async with open_corpus(settings, "c", embeddings=Hashed()) as opened:
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


async def test_a_document_can_go_back_to_its_old_text(corpus):
    for text in ("red apple", "blue plum", "red apple"):
        await corpus.ingest([document("a", text)])
    assert [item.text for item in await corpus.search("apple", mode="keyword")] == ["red apple"]


@pytest.mark.parametrize("mode", ["keyword", "dense", "hybrid"])
async def test_a_rare_filter_never_under_returns(corpus, mode):
    rows = [
        document(f"d{n}", f"common words number{n}", kind="rare" if n % 1000 == 0 else "usual") for n in range(20_000)
    ]
    async with corpus._backend.writer() as writer:
        await writer.put([(row, Hashed().embed_documents([row.text])) for row in rows], "hashed")
    found = await corpus.search("common words", 50, mode, {"kind": {"$in": ["rare"]}})
    assert len(found) == 20
    assert {item.metadata["kind"] for item in found} == {"rare"}


async def test_bad_calls_are_typed(corpus, settings):
    with pytest.raises(CorpusEmpty):
        await corpus.search("x")
    await corpus.ingest([document("a", "x")])
    for arguments in ({"k": 0}, {"mode": "no"}, {"where": {"a') --": 1}}, {"where": {"a": {"$no": 1}}}):
        with pytest.raises(BadInput):
            await corpus.search("x", **arguments)
    with pytest.raises(CorpusMissing):
        await Corpora(settings, embeddings=Hashed()).get("local", "none")


async def test_another_embedder_is_refused(corpus, settings):
    await corpus.ingest([document("a", "x")])
    other = Hashed()
    other.model_id = "other"
    async with open_corpus(settings, "c", embeddings=other) as second:
        with pytest.raises(EmbeddingMismatch):
            await second.ingest([document("b", "y")])


async def test_one_writer_at_a_time(corpus):
    async with corpus._backend.writer():
        with pytest.raises(CorpusBusy):
            await corpus.ingest([document("a", "x")])
    assert (await corpus.ingest([document("a", "x")])).added == 1


async def test_a_reader_sees_another_corpus_objects_ingest(corpus, settings):
    await corpus.ingest([document("a", "apple")])
    await corpus.search("apple")
    async with open_corpus(settings, "c", embeddings=Hashed()) as other:
        await other.ingest([document("b", "pear")])
    assert (await corpus.search("pear", 1))[0].document_id == "b"


async def test_hostile_queries_are_plain_words(corpus):
    await corpus.ingest([document("a", "apple AND pear")])
    for query in ('"', "a:b AND (", "NOT *", "+-[]{}^~", ""):
        assert isinstance(await corpus.search(query), list)


def test_a_corrupt_database_is_named(tmp_path):
    (tmp_path / "corpus.db").write_bytes(b"junk" * 4096)
    with pytest.raises(CorpusCorrupt):
        Store(tmp_path / "corpus.db")


def _overfill(store):
    with store.write() as connection:
        connection.execute("PRAGMA max_page_count = 1")
        for n in range(10_000):
            connection.execute("INSERT INTO meta VALUES (?, ?)", (f"k{n}", "x" * 4000))


def test_a_full_disk_is_named_and_loses_nothing(tmp_path):
    store = Store(tmp_path / "corpus.db")
    with pytest.raises(StorageFull):
        _overfill(store)
    assert store.revision().generation == 0


def _ingest_then_die(home):
    async def run():
        async with open_corpus(load_settings(home=home), "c", embeddings=Hashed()) as opened:

            def rows():
                for n in range(100):
                    yield document(f"d{n}", f"word{n}")
                os.kill(os.getpid(), signal.SIGKILL)

            await opened.ingest(rows())

    asyncio.run(run())


async def test_a_killed_ingest_leaves_a_consistent_corpus_that_continues(settings, tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=_ingest_then_die, args=(tmp_path,))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == -signal.SIGKILL
    async with open_corpus(settings, "c", embeddings=Hashed()) as opened:
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
