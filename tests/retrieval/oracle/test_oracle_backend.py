"""The Oracle backend on scripted answers: searches, transactions, locks and errors. No database answers here."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import Any

import pytest

from retrieval import Corpora
from retrieval.preparation import PreparedDocument, splitting_of
from retrieval.vector_store import CorpusVectorStore
from settings import Settings
from state.errors import (
    BadInput,
    CorpusEmpty,
    CorpusMissing,
    DependencyUnavailable,
    EmbeddingMismatch,
)
from tests.doubles.oracle import RecordingPool, oracle_error
from tests.doubles.oracle.recording import RecordingCursor
from tests.retrieval.oracle.scripted import EMBEDDINGS, LEASE, MODEL, backend, changes, document, opened, scripted


async def test_a_filter_is_exact_and_without_a_hint(pool: RecordingPool) -> None:
    await backend(pool).legs("apple", [1, 2, 3], 5, {"kind": "rare"})
    keyword, dense = pool.statements
    assert "FETCH FIRST :depth ROWS ONLY" in dense.text
    for statement in (keyword, dense):
        assert "JSON_VALUE(p.metadata, '$.\"kind\".stringOnly()' RETURNING VARCHAR2(4000)) IN (:w0)" in statement.text
        assert not re.search(r"APPROX|/\*\+|VECTOR_INDEX_TRANSFORM", statement.text)
        assert (statement.binds["w0"], statement.binds["depth"]) == ("rare", 5)


async def test_the_approximate_search_gives_way_where_too_few_rows_are_ours(pool: RecordingPool) -> None:
    legs = await backend(pool, target_accuracy=90).legs(None, [1, 2, 3], 2)
    assert legs == ({}, {11: 0.75, 12: 0.0})
    approximate, exact = pool.statements
    assert "FETCH APPROX FIRST :near ROWS ONLY WITH TARGET ACCURACY 90" in approximate.text
    assert approximate.binds["near"] == 8
    assert "APPROX" not in exact.text
    pool.statements.clear()
    assert (await backend(pool).legs(None, [1, 2, 3], 1)).dense == {11: 0.75}
    assert len(pool.statements) == 1


async def test_without_a_vector_index_search_is_exact(pool: RecordingPool) -> None:
    await backend(pool, vector_index="none").legs(None, [1, 2, 3], 2)
    assert ["APPROX" in statement.text for statement in pool.statements] == [False]


@pytest.mark.parametrize("depth", [0, -1, True, "5", "1 ROWS ONLY; --", 1.5, None])
async def test_a_depth_is_a_whole_number(pool: RecordingPool, depth: Any) -> None:
    with pytest.raises(BadInput, match="number of rows"):
        await backend(pool).legs("apple", None, depth)
    assert pool.statements == []


BAD_VECTORS = [
    ([1, float("nan"), 3], BadInput),
    ([1, float("inf"), 3], BadInput),
    ([1, 2], EmbeddingMismatch),
    ([1, 2, 3, 4], EmbeddingMismatch),
    ([], EmbeddingMismatch),
]


@pytest.mark.parametrize(("vector", "error"), BAD_VECTORS)
async def test_a_bad_vector_is_refused_before_anything_is_written(
    pool: RecordingPool, vector: list[float], error: type[BadInput]
) -> None:
    good, bad = (document("a", "red"), [[1, 2, 3]]), (document("b", "blue"), [vector])
    async with backend(pool).writer() as writer:
        with pytest.raises(error):
            await writer.put([good, bad], MODEL, lambda *_: True)
    assert changes(pool) == []


@pytest.mark.parametrize(
    "bad",
    [
        document("x" * 1001, "red"),
        PreparedDocument("a", "a", "ü" * 2001, "red", "0", ()),
        document("a", "red", weight=float("nan")),
        document("a", "red", author="\ud800"),
    ],
    ids=["id", "title", "metadata", "half a character"],
)
async def test_what_fits_no_column_is_refused(pool: RecordingPool, bad: PreparedDocument) -> None:
    with pytest.raises(BadInput):
        async with backend(pool).writer() as writer:
            await writer.put([(bad, [[1, 2, 3]] * len(bad.passages))], MODEL, lambda *_: True)
    assert (pool.commits, pool.rollbacks > 0) == (LEASE, True)
    assert not [each for each in pool.statements if each.text.startswith("INSERT INTO SIXPLANE_PASSAGES")]


async def test_every_row_error_is_told_and_the_batch_is_undone(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [oracle_error("ORA-00001").args[0], oracle_error("ORA-12899").args[0]]
    errors[1].offset = 1
    batches = iter([[], [], errors])
    monkeypatch.setattr(RecordingCursor, "getbatcherrors", lambda _: next(batches))
    documents = [document("a", "red"), document("b", "blue")]
    with pytest.raises(DependencyUnavailable) as caught:
        async with backend(pool).writer() as writer:
            await writer.put([(each, [[1, 2, 3]]) for each in documents], MODEL, lambda *_: True)
    for item, code in zip(documents, ("ORA-00001", "ORA-12899"), strict=True):
        assert f"{item.passages[0].evidence_id} ({code})" in caught.value.message
    assert "2 of 2 rows" in caught.value.message
    assert (pool.commits, pool.rollbacks > 0) == (LEASE, True)


async def test_a_failing_statement_undoes_the_batch_and_the_lock_is_taken_anew(pool: RecordingPool) -> None:
    pool.fail(r"INSERT INTO SIXPLANE_PASSAGES", "ORA-01653")
    async with backend(pool).writer() as writer:
        with pytest.raises(DependencyUnavailable, match="ORA-01653"):
            await writer.put([(document("a", "red"), [[1, 2, 3]])], MODEL, lambda *_: True)
        assert (pool.commits, pool.rollbacks) == (1, 1)
        assert await writer.put([(document("a", "red"), [[1, 2, 3]])], MODEL, lambda *_: True) == (1, 1)
    assert sum("FOR UPDATE" in statement.text for statement in pool.statements) == 2


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ORA-00942", DependencyUnavailable),
        ("ORA-01031", DependencyUnavailable),
        ("ORA-03113", DependencyUnavailable),
        ("DPY-4011", DependencyUnavailable),
        ("ORA-51808", EmbeddingMismatch),
        ("ORA-99999", DependencyUnavailable),
    ],
)
async def test_errors_of_the_database_are_classified(
    pool: RecordingPool, code: str, error: type[DependencyUnavailable]
) -> None:
    for pattern in ("FETCH APPROX", "CASE WHEN EXISTS", r"p\.id IN"):
        pool.script.errors.clear()
        pool.fail(pattern, code, 2)  # a first read that is lost is asked once more
        corpus = await opened(scripted()).create("local", "c")
        corpus._backend = backend(pool)
        with pytest.raises(error) as caught:
            await corpus.search("apple")
        assert code in caught.value.message
        assert caught.value.hint


async def test_a_document_twice_in_a_batch_is_stored_in_two_waves(pool: RecordingPool) -> None:
    async with backend(pool).writer() as writer:
        await writer.put([(document("a", text), [[1, 2, 3]]) for text in ("red", "blue")], MODEL, lambda *_: True)
    heads = [statement.text[:27] for statement in pool.statements if statement.many]
    wave = [
        "UPDATE SIXPLANE_DOCUMENTS d",
        "INSERT INTO SIXPLANE_DOCUME",
        "INSERT INTO SIXPLANE_PASSAG",
        "DELETE FROM SIXPLANE_PENDIN",
    ]
    assert heads == [*wave, *wave]
    assert pool.commits == LEASE + 1


async def test_a_corpus_that_is_not_there(pool: RecordingPool) -> None:
    pool.answer(r"FROM SIXPLANE_CORPORA", [])
    with pytest.raises(CorpusMissing):
        await opened(pool).get("local", "c")
    with pytest.raises(CorpusMissing):
        await backend(pool).counts()
    with pytest.raises(CorpusMissing):
        async with backend(pool).writer():
            pytest.fail("there is nothing to lock")


async def test_corpora_open_a_pool_of_their_own_where_none_is_given(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []

    @asynccontextmanager
    async def opening(_: Settings) -> Any:
        yield pool
        events.append("closed")

    monkeypatch.setattr("settings.connections.oracle_pool.open_oracle_pool", opening)
    settings = Settings(data={"backend": "oracle"})  # type: ignore[arg-type]
    async with Corpora(settings, embeddings=EMBEDDINGS) as corpora:
        assert await corpora.names("local") == ["c"]
    assert events == ["closed"]
    async with Corpora(settings, embeddings=EMBEDDINGS, pool=pool):
        events.clear()
    assert events == []
    with pytest.raises(DependencyUnavailable, match="not open"):
        await Corpora(settings, embeddings=EMBEDDINGS).names("local")


async def test_an_empty_corpus_and_another_model_are_told(pool: RecordingPool) -> None:
    corpus = await opened(pool).get("local", "c")
    pool.answer(r"CASE WHEN EXISTS", [(0, 0, None, 0)])
    with pytest.raises(CorpusEmpty):
        await corpus.search("apple")
    with pytest.raises(BadInput, match="not a metadata key"):  # a filter that no search takes is told here too
        await corpus.search("apple", where={"": 1})
    pool.answer(r"CASE WHEN EXISTS", [(0, 0, "another", 1)])
    with pytest.raises(EmbeddingMismatch, match="another"):
        await corpus.search("apple")


async def test_two_that_make_a_corpus_at_once_both_get_it(pool: RecordingPool) -> None:
    pool.answer(r"CASE WHEN EXISTS", [])
    pool.fail(r"INSERT INTO SIXPLANE_CORPORA", "ORA-00001")
    assert await opened(pool).create("local", "c")
    pool.fail(r"INSERT INTO SIXPLANE_CORPORA", "ORA-01031")
    with pytest.raises(DependencyUnavailable, match="privilege"):
        await opened(pool).create("local", "d")


async def test_an_unchanged_document_is_not_written(pool: RecordingPool) -> None:
    item = document("a", "red")
    stored = (1, splitting_of(item.passages), item.text_hash, "text", "1", "{}", "a")
    pool.answer(r"^SELECT d.version_no, d.splitting", [stored])
    report = await (await opened(pool).get("local", "c")).ingest([item])
    assert (report.unchanged, report.added, report.generation) == (1, 0, 3)
    assert changes(pool) == []


async def test_the_passages_of_a_row_are_ours(pool: RecordingPool) -> None:
    found = list((await backend(pool).live([11])).values())
    assert [passage.title for passage in found] == ["", ""]
    passage = found[0]
    assert (passage.heading_path, passage.metadata, passage.superseded) == (("Fruit",), {"n": 1}, False)
    assert await backend(pool).live([]) == {}


async def test_the_vector_store_serves_other_threads_and_refuses_its_own_loop(pool: RecordingPool) -> None:
    store = CorpusVectorStore(backend(pool), EMBEDDINGS)
    with pytest.raises(RuntimeError, match="asynchronous"):
        store.similarity_search("apple", k=1)
    found = await asyncio.to_thread(store.similarity_search, "apple", k=1)
    assert [each.id for each in found] == ["d11"]
    assert await asyncio.to_thread(store.add_texts, ["red"], ids=["a"]) == ["a"]


async def test_a_retriever_made_outside_the_loop_searches_on_it_for_other_threads(pool: RecordingPool) -> None:
    async with Corpora(Settings(), embeddings=EMBEDDINGS, pool=pool) as corpora:  # type: ignore[arg-type]
        corpus = await corpora.get("t", "c")
        retriever = await asyncio.to_thread(corpus.as_retriever, 1)
        assert retriever.loop is asyncio.get_running_loop()  # type: ignore[attr-defined]
        found = await asyncio.to_thread(retriever.invoke, "apple")
    assert [each.metadata["document_id"] for each in found] == ["d11"]


async def test_a_long_list_is_read_in_parts_and_no_id_beyond_the_columns_is_asked_for(pool: RecordingPool) -> None:
    asked = [*range(1000), 5]
    await backend(pool).live(asked)
    assert [len(statement.binds) - 2 for statement in pool.statements] == [512, 512]
    assert [each for statement in pool.statements for each in statement.items] == asked[:-1]
    pool.statements.clear()
    long = "x" * 1001
    assert await backend(pool).by_evidence([long]) == {}
    assert await backend(pool).live_versions([long]) == {}
    assert await backend(pool).remembered([long]) == []
    assert await backend(pool).canonical_text(long, "0") is None
    assert await backend(pool).canonical_text("a", long) is None
    assert pool.statements == []
    await backend(pool).legs("apple " * 500 + " ".join(f"w{n}" for n in range(500)), None, 5, {"title": long[1:]})
    (keyword,) = pool.statements
    assert 980 < len(keyword.binds["query"]) <= 1000
