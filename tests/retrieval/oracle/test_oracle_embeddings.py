"""Embeddings by a model in the database: statements, binds, errors, and a corpus on tables played back."""

from __future__ import annotations

import array
import asyncio
from pathlib import Path
from typing import Any

import oracledb
import pytest

from retrieval import Corpora, open_corpus
from retrieval.oracle.embeddings import BATCH, DatabaseEmbeddings
from settings import Settings, load_settings
from settings.oracle import OracleSettings
from state.errors import DependencyUnavailable, EmbeddingMismatch, SettingsInvalid
from tests.conformance.planes import DIMENSIONS, Hashed, document
from tests.doubles.oracle import RecordingPool
from tests.retrieval.oracle.recording import PlaybackPool

HOSTILE = "x' AS DATA) FROM dual -- :items {MODEL}"


@pytest.fixture
def pool() -> RecordingPool:
    found = RecordingPool()
    answer = [[1.0, 2.0], [3.0, 4.0]] * BATCH
    found.answer(r"VECTOR_EMBEDDING", lambda s: [(array.array("f", each),) for each in answer[: len(s.binds["items"])]])
    return found


def embeddings(pool: Any, model: str = "minilm") -> DatabaseEmbeddings:
    return DatabaseEmbeddings(pool, OracleSettings(embedding_model=model))


async def test_texts_are_binds_and_the_model_is_an_identifier(pool: RecordingPool) -> None:
    made = embeddings(pool, "models.minilm_v2")
    assert await made.aembed_documents([HOSTILE, "b"]) == [[1.0, 2.0], [3.0, 4.0]]
    (statement,) = pool.statements
    assert statement.text.startswith("SELECT VECTOR_EMBEDDING(MODELS.MINILM_V2 USING t.item AS DATA) FROM JSON_TABLE(")
    assert statement.text.endswith("ORDER BY t.place")
    assert statement.binds == {"items": [HOSTILE, "b"]}
    assert statement.types == {"items": oracledb.DB_TYPE_JSON}
    assert made.model_id == "database:MODELS.MINILM_V2"


async def test_many_texts_go_in_batches_and_none_is_too_long_or_null(pool: RecordingPool) -> None:
    texts = ["", "ü" * 5000, *["x"] * (2 * BATCH)]
    assert len(await embeddings(pool).aembed_documents(texts)) == len(texts)
    sent = [text for statement in pool.statements for text in statement.binds["items"]]
    assert [len(statement.binds["items"]) for statement in pool.statements] == [BATCH, BATCH, 2]
    assert sent[:3] == [" ", "ü" * 2000, "x"]
    assert await embeddings(pool).aembed_documents([]) == []


@pytest.mark.parametrize("model", ["", 'a"b', "a.b.c", "1x", "x USING", "x;", "ü", ".x", "a" * 129])
async def test_a_model_that_is_no_identifier_reaches_no_statement(pool: RecordingPool, model: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        embeddings(pool, model)
    assert "SIXPLANE_ORACLE__EMBEDDING_MODEL" in caught.value.hint
    assert pool.statements == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [("ORA-40284", SettingsInvalid), ("DPY-4011", DependencyUnavailable), ("ORA-01031", DependencyUnavailable)],
)
async def test_errors_are_told_with_their_remedy(pool: RecordingPool, code: str, kind: type[Exception]) -> None:
    pool.fail("VECTOR_EMBEDDING", code, 2)  # what is lost with its connection is asked once more
    with pytest.raises(kind, match=code) as caught:
        await embeddings(pool).aembed_query("x")
    assert caught.value.hint  # type: ignore[attr-defined]
    assert pool.held == 0


@pytest.mark.parametrize("rows", [[], [(None,)], [([1.0],), ([2.0],)]])
async def test_other_than_a_vector_for_each_text_is_an_error(pool: RecordingPool, rows: list[Any]) -> None:
    pool.answer("VECTOR_EMBEDDING", rows)
    with pytest.raises(DependencyUnavailable, match="for 1 texts"):
        await embeddings(pool).aembed_query("x")


async def test_it_serves_other_threads_and_refuses_its_own_loop(pool: RecordingPool) -> None:
    made = embeddings(pool)
    assert await asyncio.to_thread(made.embed_query, "x") == [1.0, 2.0]
    assert await asyncio.to_thread(made.embed_documents, ["x", "y"]) == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(RuntimeError, match="asynchronous"):
        made.embed_query("x")


def in_database(home: Path) -> Settings:
    return load_settings(
        home=home, data={"backend": "oracle", "embeddings": "database"}, oracle={"embedding_model": "minilm"}
    )


async def test_a_corpus_is_embedded_and_searched_by_the_database_alone(tmp_path: Path) -> None:
    """Both legs and the fusion are those of every corpus: tenant, filters and evidence ids hold as there."""
    pool = PlaybackPool(tmp_path / "oracle.db", DIMENSIONS)
    pool.embed = Hashed().embed_query
    texts = {name: f"{name} common words" for name in ("apple", "pear", "plum")}
    async with open_corpus(in_database(tmp_path), "c", pool=pool) as corpus:
        await corpus.ingest([document(name, text, kind=name) for name, text in texts.items()])
        assert (await corpus.manifest()).embedding_model == "database:MINILM"
        for mode in ("keyword", "dense", "hybrid"):
            assert (await corpus.search("apple", 1, mode))[0].document_id == "apple"  # type: ignore[arg-type]
            found = await corpus.search("apple", 3, mode, {"kind": "plum"})  # type: ignore[arg-type]
            assert [hit.document_id for hit in found] in (["plum"], [])
    async with open_corpus(in_database(tmp_path), "c", tenant="other", pool=pool) as other:
        assert (await other.manifest()).documents == 0
    async with Corpora(load_settings(home=tmp_path), embeddings=Hashed(), pool=pool) as corpora:
        with pytest.raises(EmbeddingMismatch, match="database:MINILM"):
            await (await corpora.get("local", "c")).search("apple")


async def test_a_copy_to_where_another_model_would_ask_is_refused(tmp_path: Path) -> None:
    pool = PlaybackPool(tmp_path / "oracle.db", DIMENSIONS)
    pool.embed = Hashed().embed_query
    async with open_corpus(in_database(tmp_path), "c", pool=pool) as source:
        await source.ingest([document("a", "apple")])
        async with open_corpus(load_settings(home=tmp_path), "c", embeddings=Hashed()) as target:
            with pytest.raises(EmbeddingMismatch, match="database:MINILM"):
                await source.copy_into(target)
            assert (await target.manifest()).entries == ()


def test_the_database_embeds_only_what_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(home=tmp_path, data={"embeddings": "database"})
    assert "SIXPLANE_DATA__BACKEND=oracle" in caught.value.hint
