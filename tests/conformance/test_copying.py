"""Copying a corpus both ways, killed in the middle, and compared. `pytest -m oracle` runs it on a database."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from retrieval import Corpora, Corpus
from retrieval.copying import BATCH_PASSAGES
from retrieval.documents import evidence_id
from retrieval.oracle.lease import LEASE_SECONDS
from retrieval.preparation import PreparedDocument, PreparedPassage
from state.errors import (
    BadInput,
    CorpusBusy,
    CorpusCorrupt,
    CorpusEmpty,
    CorpusMissing,
    DependencyUnavailable,
    EmbeddingMismatch,
    StorageFull,
)
from tests.conformance.planes import DIMENSIONS, ORACLE, Hashed, Plane, document, opened_plane
from tests.doubles.processes import FORKS
from tests.retrieval.oracle.recording import PlaybackPool

WAYS = [("embedded", "played back"), ("played back", "embedded"), ("embedded", "embedded")]
TO_ORACLE = [("embedded", "oracle"), ("oracle", "embedded")]


class Refusing(Embeddings):
    """Names the model of the corpus, and embeds nothing: a copy has no need of it."""

    model_id = "hashed"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        pytest.fail("something was embedded")

    def embed_query(self, text: str) -> list[float]:
        pytest.fail("something was embedded")


@pytest.fixture(params=[*WAYS, *(pytest.param(way, marks=ORACLE.marks) for way in TO_ORACLE)], ids=" to ".join)
async def planes(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Plane]]:
    async with AsyncExitStack() as stack:
        found = []
        for number, kind in enumerate(request.param):
            folder = tmp_path / str(number)
            folder.mkdir()
            found.append(await stack.enter_async_context(opened_plane(kind, folder)))
        yield found


def long(name: str, start: int) -> PreparedDocument:
    """Return a document of so many passages that three of them are more than a batch."""
    words = [f"word{n:05d} cherry" for n in range(start * 1000, start * 1000 + BATCH_PASSAGES // 3 + 1)]
    whole = document(name, " ".join(words))
    places = [(n * 17, n * 17 + 16) for n in range(len(words))]
    spans = [PreparedPassage(evidence_id("local", "c", name, whole.text_hash, *at), *at) for at in places]
    return replace(whole, passages=tuple(spans))


async def filled(plane: Plane) -> Corpus:
    """Return a corpus with a document of three versions, one that was deleted, one without passages, and others."""
    corpus = await plane.corpora().create("local", "c")
    texts = ["one apple", "two apples", "three apples \N{PILE OF POO}"]
    for text in texts:
        await corpus.ingest([document("a", text, n=1, half=0.5, kind="x", empty="", none=None)])
    await corpus.ingest([document("gone", "a plum"), document("z", "pear", deep={"a": [1, 2.0, {"b": True}]})])
    await corpus.vector_store.adelete(["gone"])
    await corpus.ingest([long(f"long{n}", n) for n in range(9)])
    return corpus


async def copied(planes: list[Plane], name: str = "c") -> Any:
    source, target = [Corpora(plane.settings, embeddings=Refusing(), pool=plane.pool) for plane in planes]
    return await (await source.get("local", "c")).copy_into(await target.create("local", name))


async def test_everything_arrives_and_nothing_is_embedded(planes: list[Plane]) -> None:
    source = await filled(planes[0])
    report = await copied(planes)
    target = await planes[1].corpora().get("local", "c")
    mine, theirs = await source.manifest(), await target.manifest()
    assert (report.copied, report.unchanged) == (len(mine.entries), 0)
    assert report.passages == sum(entry.passages for entry in mine.entries) > 3 * BATCH_PASSAGES
    entries = [
        sorted(each.model_copy(update={"fingerprint": ""}).model_dump_json() for each in one.entries)
        for one in (mine, theirs)
    ]
    assert entries[0] == entries[1]
    assert not {each.fingerprint for each in mine.entries} & {each.fingerprint for each in theirs.entries}
    assert (mine.documents, mine.embedding_model) == (theirs.documents, theirs.embedding_model)
    for query in ("apples", "plum", "pear", "word03001 cherry"):
        for mode in ("keyword", "dense", "hybrid"):
            found = [await each.search(query, 3, mode) for each in (source, target)]  # type: ignore[arg-type]
            assert {each.evidence_id for each in found[0][:1]} == {each.evidence_id for each in found[1][:1]}
    old = evidence_id("local", "c", "a", document("a", "one apple").text_hash, 0, 9)
    assert (await source.passages([old])) == (await target.passages([old]))
    assert (await target.passages([old]))[old].superseded
    assert (await target.passages([old]))[old].metadata == {"n": 1, "half": 0.5, "kind": "x", "empty": "", "none": None}


async def test_again_is_nothing_and_what_is_new_follows(planes: list[Plane]) -> None:
    source = await filled(planes[0])
    first = await copied(planes)
    again = await copied(planes)
    assert (again.copied, again.unchanged, again.digest) == (0, first.copied, first.digest)
    await source.ingest([document("a", "four apples"), document("new", "a quince")])
    await source.vector_store.adelete(["z"])
    more = await copied(planes)
    target = await planes[1].corpora().get("local", "c")
    assert (more.copied, more.unchanged) == (2, first.copied)
    assert [each.text for each in await target.search("apples", mode="keyword")] == ["four apples"]
    assert await target.search("pear", mode="keyword") == []


async def test_another_name_gets_evidence_ids_of_its_own(planes: list[Plane]) -> None:
    await filled(planes[0])
    report = await copied(planes, "other")
    hit = (await (await planes[1].corpora().get("local", "other")).search("pear", mode="keyword"))[0]
    assert hit.evidence_id == evidence_id("local", "other", "z", hit.text_hash, 0, 4)
    assert (await copied(planes, "other")).digest == report.digest != (await copied(planes)).digest


async def test_other_documents_another_model_and_emptiness_are_told(planes: list[Plane]) -> None:
    await planes[0].corpora().create("local", "c")
    with pytest.raises(CorpusEmpty):
        await copied(planes)
    await filled(planes[0])
    target = await planes[1].corpora().create("local", "taken")
    await target.ingest([document("foreign", "not of the source")])
    with pytest.raises(BadInput, match="'foreign'") as caught:
        await copied(planes, "taken")
    assert "--as" in caught.value.hint
    other = Hashed()
    other.model_id = "another"
    async with Corpora(planes[1].settings, embeddings=other, pool=planes[1].pool) as corpora:
        refused = await corpora.create("local", "model")
        async with refused._backend.writer() as writer:
            await writer.put([(document("x", "x"), Hashed().embed_documents(["x"]))], "another", lambda *_: True)
    with pytest.raises(EmbeddingMismatch, match="another"):
        await copied(planes, "model")
    with pytest.raises(CorpusMissing):
        await Corpora(planes[0].settings, embeddings=Hashed(), pool=planes[0].pool).get("local", "nowhere")


async def test_neither_side_may_be_written_meanwhile(planes: list[Plane]) -> None:
    source = await filled(planes[0])
    target = await planes[1].corpora().create("local", "c")
    for held in (source, target):
        async with held._backend.writer():
            with pytest.raises(CorpusBusy):
                await copied(planes)
    assert (await copied(planes)).unchanged == 0


# --- broken off -------------------------------------------------------------------------------------------------------


def _copy_then_die(folders: list[Path], kinds: tuple[str, str], batches: int) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            opened = [opened_plane(kind, folder) for kind, folder in zip(kinds, folders, strict=True)]
            planes = [await stack.enter_async_context(each) for each in opened]
            corpora = [plane.corpora() for plane in planes]
            source, target = await corpora[0].get("local", "c"), await corpora[1].create("local", "c")
            told: list[Any] = []

            def progress(report: Any) -> None:
                told.append(report)
                if len(told) == batches:
                    os.kill(os.getpid(), signal.SIGKILL)

            await source.copy_into(target, progress=progress)

    asyncio.run(run())


@pytest.mark.parametrize("kinds", WAYS[:2], ids=" to ".join)
@pytest.mark.parametrize("batches", [pytest.param(1, marks=pytest.mark.long), 2])
async def test_a_killed_copy_goes_on_and_nothing_is_there_twice(
    kinds: tuple[str, str], batches: int, tmp_path: Path
) -> None:
    folders = [tmp_path / "0", tmp_path / "1"]
    async with AsyncExitStack() as stack:
        planes = []
        for kind, folder in zip(kinds, folders, strict=True):
            folder.mkdir()
            planes.append(await stack.enter_async_context(opened_plane(kind, folder)))
        source = await filled(planes[0])
        process = FORKS.Process(target=_copy_then_die, args=(folders, kinds, batches))
        process.start()
        await asyncio.to_thread(process.join)
        assert process.exitcode == -signal.SIGKILL
        for plane in planes:
            if isinstance(plane.pool, PlaybackPool):  # the killed writer's lease ends
                plane.pool.clock = lambda: time.time() + LEASE_SECONDS + 1
        there = len((await (await planes[1].corpora().get("local", "c")).manifest()).entries)
        report = await copied(planes)
        assert report.unchanged == there > batches
        assert report.copied == len((await source.manifest()).entries) - there > 0
        assert (await copied(planes)).digest == report.digest


WRITES = [
    "FOR UPDATE",
    "UPDATE SIXPLANE_D",
    "INSERT INTO SIXPLANE_D",
    "INSERT INTO SIXPLANE_P",
    "UPDATE SIXPLANE_CORPORA",
]
HALVES = "SELECT * FROM SIXPLANE_DOCUMENTS WHERE version_no NOT IN (SELECT version_no FROM SIXPLANE_PASSAGES)"
FAULTS: dict[str, type[DependencyUnavailable]] = {"ORA-03113": DependencyUnavailable, "ORA-01653": StorageFull}


@pytest.mark.parametrize("code", ["ORA-03113", pytest.param("ORA-01653", marks=pytest.mark.long)])
@pytest.mark.parametrize("statement", WRITES)
async def test_a_fault_at_any_write_leaves_whole_transactions_and_the_copy_goes_on(
    code: str, statement: str, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    async with opened_plane("embedded", tmp_path / "home") as home, opened_plane("played back", tmp_path) as target:
        await filled(home)
        # A lock is a transaction's first statement: where its connection is lost, it is asked once more on another.
        target.pool.fail(statement, code, 2 if (statement, code) == ("FOR UPDATE", "ORA-03113") else 1)
        with pytest.raises(FAULTS[code], match=code):
            await copied([home, target])
        assert not rows(tmp_path, HALVES)
        report = await copied([home, target])
    assert len(rows(tmp_path, "SELECT DISTINCT evidence_id FROM SIXPLANE_PASSAGES")) == report.passages


# --- compared ---------------------------------------------------------------------------------------------------------

CHANGES = [
    "DELETE FROM SIXPLANE_PASSAGES WHERE id = 5",
    "UPDATE SIXPLANE_PASSAGES SET text = 'a lemon' WHERE id = 5",
    "UPDATE SIXPLANE_PASSAGES SET evidence_id = 'E' WHERE id = 5",
    "UPDATE SIXPLANE_PASSAGES SET metadata = '{\"n\": 2}' WHERE id = 5",
    "UPDATE SIXPLANE_PASSAGES SET embedding = zeroblob(128) WHERE id = 5",
    "UPDATE SIXPLANE_PASSAGES SET end_at = 3 WHERE id = 5",
    "UPDATE SIXPLANE_DOCUMENTS SET text = 'a lemon' WHERE version_no = 5",
    "UPDATE SIXPLANE_DOCUMENTS SET title = 'a lemon' WHERE version_no = 5",
]
LOSSES = [
    "UPDATE SIXPLANE_DOCUMENTS SET superseded = 1 WHERE version_no = 9",
    "UPDATE SIXPLANE_DOCUMENTS SET text_hash = 'x' WHERE version_no = 5",
]


@pytest.mark.parametrize("change", [*CHANGES, *LOSSES])
async def test_a_row_that_was_changed_is_found(change: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    async with opened_plane("embedded", tmp_path / "home") as home, opened_plane("played back", tmp_path) as target:
        await filled(home)
        await copied([home, target])
        with closing(sqlite3.connect(tmp_path / "oracle.db")) as database:
            assert database.execute(change).rowcount == 1
            database.commit()
        with pytest.raises(CorpusCorrupt if change in CHANGES else BadInput, match="document") as caught:
            await copied([home, target])
        assert "--as" in caught.value.hint
        assert (await copied([home, target], "again")).copied > 0


async def test_vectors_of_another_length_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    pool = PlaybackPool(tmp_path / "oracle.db", DIMENSIONS + 1)
    async with opened_plane("embedded", tmp_path / "home") as home:
        await filled(home)
        with pytest.raises(EmbeddingMismatch, match="33"):
            await copied([home, Plane(home.settings, pool)])
    assert not rows(tmp_path, "SELECT * FROM SIXPLANE_DOCUMENTS")


async def test_metadata_that_oracle_s_json_does_not_hold_are_told_with_their_document(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    async with opened_plane("embedded", tmp_path / "home") as home, opened_plane("played back", tmp_path) as target:
        await (await home.corpora().create("local", "c")).ingest([document("odd", "text", n=1)])
        with closing(sqlite3.connect(home.settings.home / "corpora" / "local" / "c" / "corpus.db")) as database:
            database.execute("UPDATE passages SET metadata = '{\"n\": NaN}'")  # as earlier releases stored it
            database.commit()
        with pytest.raises(BadInput, match=r"'odd'.*NaN"):
            await copied([home, target])
    assert not rows(tmp_path, "SELECT * FROM SIXPLANE_DOCUMENTS")


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "oracle.db")) as database:
        return database.execute(query).fetchall()
