"""A large document is encoded and committed in slices, and published at once; an interrupted one is continued."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

import pytest

from retrieval.documents import evidence_id
from retrieval.preparation import PreparedDocument, PreparedPassage
from state.errors import CorpusEmpty
from tests.conformance.planes import ORACLE, Hashed, document, opened_plane

SLICE, WORDS = 4, 18


class Interrupted(Exception):
    """Stands for whatever ends an ingestion."""


class Sliced(Hashed):
    """Encodes four texts at once, and ends the ingestion before more than `most` of them."""

    texts_at_once = SLICE

    def __init__(self, most: int = 10**6, model: str = "hashed") -> None:
        self.model_id = model
        self.encoded: list[str] = []
        self._most = most

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        if len(self.encoded) + len(texts) > self._most:
            raise Interrupted
        self.encoded += texts
        return self.embed_documents(texts)


class Waiting(Sliced):
    """Waits for ever at the third slice."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = asyncio.Event()

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        if len(self.encoded) == 2 * SLICE:
            self.waits.set()
            await asyncio.Event().wait()
        return await super().aembed_documents(texts)


def long_document(name: str, first: int = 0, words: int = WORDS) -> PreparedDocument:
    """Return a document with one passage for each of its words."""
    names = [f"{name}{n:03}" for n in range(first, first + words)]
    text = " ".join(names)
    digest = hashlib.sha256(text.encode()).hexdigest()
    places = [(at * (len(names[0]) + 1), at * (len(names[0]) + 1) + len(names[0])) for at in range(words)]
    spans = tuple(PreparedPassage(evidence_id("local", "c", name, digest, *at), *at) for at in places)
    return PreparedDocument(name, f"{name}.txt", "Words", text, digest, spans)


def texts_of(document: PreparedDocument) -> list[str]:
    """Return what is encoded of each passage."""
    return [document.embedded_text(each) for each in document.passages]


@pytest.fixture(params=["embedded", "played back", ORACLE])
async def plane(request, tmp_path):
    async with opened_plane(request.param, tmp_path) as opened:
        yield opened


async def interrupted(plane, *documents, most=2 * SLICE):
    async with plane.opened(Sliced(most)) as corpus:
        with pytest.raises(Interrupted):
            await corpus.ingest([*documents])


async def kept(plane, given, model="hashed"):
    async with plane.opened() as corpus, corpus._backend.writer() as writer:
        return await writer.kept(given, model)


async def contents(plane):
    async with plane.opened() as corpus:
        _, entries = await corpus._backend.inventory()
        names = ("document_id", "text_hash", "labels", "splitting")
        keys = [[each[name] for name in names] for each in entries]
        versions = [await corpus._backend.version(*key) for key in keys]
        bare = [replace(each.document, ingested_at="") for each in versions]
        return [(one, [list(v) for v in each.vectors], each.texts) for one, each in zip(bare, versions, strict=True)]


async def test_a_document_in_slices_is_the_one_that_is_stored_at_once(plane, tmp_path):
    encoder, told = Sliced(), []
    async with plane.opened(encoder) as corpus:
        report = await corpus.ingest([long_document("a"), document("b", "pear")], progress=told.append)
        assert (report.added, report.passages, report.resumed) == (2, WORDS + 1, 0)
        assert {hit.text for hit in await corpus.search("a003 a017", 2, "keyword")} == {"a003", "a017"}
        assert (await corpus.search("a005", 1, "dense"))[0].text == "a005"
    assert encoder.encoded[:WORDS] == texts_of(long_document("a"))
    assert [(each.done, each.total) for each in told if each.source] == [(n, WORDS) for n in range(0, WORDS, SLICE)]
    stored = [(each.added, each.passages) for each in told if not each.source]
    # the first one before anything is read, the last one before the indexes are built
    assert stored == [(0, 0), (1, WORDS), (2, WORDS + 1), (2, WORDS + 1)]
    async with opened_plane("embedded", tmp_path / "whole") as other:
        async with other.opened() as corpus:
            await corpus.ingest([long_document("a"), document("b", "pear")])
        assert await contents(plane) == await contents(other)
    assert await kept(plane, long_document("a")) == set()


async def test_an_interrupted_document_cannot_be_found_and_is_continued(plane):
    await interrupted(plane, document("b", "pear"), long_document("a"), most=1 + 2 * SLICE)
    encoder = Sliced()
    async with plane.opened(encoder) as corpus:
        assert await corpus.search("a003", mode="keyword") == []
        assert {hit.text for hit in await corpus.search("a003")} == {"pear"}
        assert [entry.document_id for entry in (await corpus.manifest()).entries] == ["b"]
        report = await corpus.ingest([document("b", "pear"), long_document("a")])
        assert (report.added, report.unchanged, report.resumed) == (1, 1, 2 * SLICE)
        assert [hit.text for hit in await corpus.search("a003", 1, "keyword")] == ["a003"]
    assert encoder.encoded == texts_of(long_document("a"))[2 * SLICE :]
    async with plane.opened() as corpus:
        assert (await corpus.ingest([long_document("a")])).unchanged == 1


async def test_the_old_version_is_found_until_the_new_one_is_whole(plane):
    async with plane.opened() as corpus:
        await corpus.ingest([document("a", "apple")])
    await interrupted(plane, long_document("a"))
    async with plane.opened(Sliced()) as corpus:
        assert {hit.text for hit in await corpus.search("a003 apple")} == {"apple"}
        report = await corpus.ingest([long_document("a")])
        assert (report.updated, report.superseded, report.resumed) == (1, 1, 2 * SLICE)
        assert "apple" not in {hit.text for hit in await corpus.search("a003 apple", 50)}


async def test_a_cancelled_ingestion_keeps_its_slices(plane):
    encoder = Waiting()
    async with plane.opened(encoder) as corpus:
        task = asyncio.create_task(corpus.ingest([long_document("a")]))
        await encoder.waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(CorpusEmpty):
            await corpus.search("a003")
    assert len(await kept(plane, long_document("a"))) == 2 * SLICE


async def test_what_was_kept_of_another_text_is_removed(plane):
    await interrupted(plane, long_document("a"))
    await interrupted(plane, long_document("a", first=1), most=SLICE)
    assert await kept(plane, long_document("a", first=1)) == {
        long_document("a", first=1).vector_id(each) for each in long_document("a", first=1).passages[:SLICE]
    }
    async with plane.opened(Sliced()) as corpus:
        await corpus.ingest([document("a", "short")])
    for first in (0, 1):
        assert await kept(plane, long_document("a", first=first)) == set()


async def test_what_was_kept_under_another_title_is_encoded_again(plane):
    await interrupted(plane, long_document("a"))
    encoder, renamed = Sliced(), replace(long_document("a"), title="Harbours")
    async with plane.opened(encoder) as corpus:
        assert (await corpus.ingest([renamed])).resumed == 0
    assert encoder.encoded == [renamed.embedded_text(each) for each in renamed.passages]


async def test_what_was_kept_under_another_label_or_model_is_encoded_again(plane):
    await interrupted(plane, long_document("a"))
    encoder = Sliced(SLICE)
    async with plane.opened(encoder) as corpus:
        with pytest.raises(Interrupted):
            await corpus.ingest([long_document("a")], audience="board")
    assert len(encoder.encoded) == SLICE
    async with plane.opened(Sliced(model="other")) as corpus:  # nothing is stored yet, so that another model may come
        report = await corpus.ingest([replace(long_document("a"), audience=("board",))])
        assert (report.added, report.resumed) == (1, 0)
        assert await corpus.seen_by([]).passages([each.evidence_id for each in long_document("a").passages]) == {}
    assert await kept(plane, long_document("a").labelled(("board",), "local", "c")) == set()


@pytest.mark.parametrize("way", ["delete", "prune"])
async def test_what_was_kept_goes_with_its_document(plane, way):
    async with plane.opened() as corpus:
        await corpus.ingest([document("a", "apple"), document("b", "pear")])
    await interrupted(plane, long_document("a"))
    async with plane.opened() as corpus, corpus._backend.writer() as writer:
        await (writer.delete(["b"], lambda *_: True) if way == "delete" else asyncio.sleep(0))
        await (writer.delete(["a"], lambda *_: True) if way == "delete" else writer.prune(lambda *_: True))
    assert await kept(plane, long_document("a")) == set()
