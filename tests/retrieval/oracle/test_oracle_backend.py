"""The Oracle backend on a recording connection: statements, binds, errors. No database answers here.

`python -m tests.retrieval.oracle.test_oracle_backend` writes the golden file anew.
"""

from __future__ import annotations

import array
import asyncio
import hashlib
import json
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding

from retrieval import Corpora
from retrieval.documents import evidence_id
from retrieval.oracle import sql as oracle_sql
from retrieval.oracle.backend import OracleBackend
from retrieval.oracle.embeddings import DatabaseEmbeddings
from retrieval.oracle.filters import compile_where
from retrieval.oracle.schema import corpus_ddl, corpus_drops
from retrieval.oracle.sql import as_vector, contains_query, similarity
from retrieval.preparation import PreparedDocument, PreparedPassage
from retrieval.vector_store import CorpusVectorStore
from settings import Settings
from settings.tree import OracleSettings
from state.errors import (
    BadInput,
    CorpusBusy,
    CorpusEmpty,
    CorpusMissing,
    DependencyUnavailable,
    EmbeddingMismatch,
    SettingsInvalid,
)
from tests.doubles.oracle import RecordingPool, oracle_error
from tests.doubles.oracle.recording import RecordingCursor

GOLDEN = Path(__file__).parents[2] / "golden" / "oracle_corpus.sql.json"
EMBEDDINGS = DeterministicFakeEmbedding(size=3)
MODEL = "DeterministicFakeEmbedding"
_WORDS = (
    "access add all as asc by char check column comment create current date default delete desc distinct "
    "drop exists file for from group having in increment index initial insert integer into is level like "
    "lock long minus mode not null number of offline on online option or order prior public raw rename "
    "resource row rowid rownum rows select session set share size start synonym table then to trigger "
    "uid union unique update user validate values view whenever where with"
)
RESERVED = set(_WORDS.split())
"""No names for binds (ORA-01745)."""
HOSTILE = "x' OR '1'='1 ]] -- :x {P} {WHERE} \"; DROP"


def document(name: str, text: str, **metadata: Any) -> PreparedDocument:
    digest = hashlib.sha256(text.encode()).hexdigest()
    span = PreparedPassage(evidence_id("local", "c", name, digest, 0, len(text)), 0, len(text))
    return PreparedDocument(name, f"{name}.txt", name, text, digest, (span,), metadata=metadata)


def passage_row(number: int) -> tuple[Any, ...]:
    place = (number, f"E{number}", f"d{number}", None, "d.txt", None, None, 0, 5, "apple")
    return (*place, "0" * 64, 0, '["Fruit"]', '{"n":1}')


def scripted() -> RecordingPool:
    """Return a pool that holds one corpus of two passages, 11 and 12."""
    pool = RecordingPool()
    listed = [passage_row(11), passage_row(12)]
    pool.answer(r"SELECT c.generation, c.epoch, c.embedding_model, CASE", [(3, 1, MODEL, 1)])
    pool.answer(r"SELECT c.generation, c.epoch, c.embedding_model, \(SELECT", [(3, 1, MODEL, 2, 2)])
    version = ("d11", "d.txt", None, "text", "1", "0" * 64, None, 5, 1, "2026-01-01T00:00:00+00:00", 0)
    pool.answer(r"SELECT c.generation, c.epoch, c.embedding_model, d.document_id", [(3, 1, MODEL, *version)])
    pool.answer(r"FOR UPDATE NOWAIT", [(3,)])
    pool.answer(r"^SELECT d.document_id, d.version_no", lambda s: [(name, 7, 2) for name in s.binds["items"][:1]])
    pool.answer(r"^INSERT INTO SIXPLANE_DOCUMENTS", lambda _: _all_live(pool))
    pool.answer(r"CONTAINS", [(12, 40), (11, 8)])
    pool.answer(r"^SELECT p.id, VECTOR_DISTANCE", [(11, 0.25), (12, None)])
    pool.answer(r"FETCH APPROX", [(11, 0.25)])
    pool.answer(r"^SELECT p.id, p.evidence_id", listed)
    pool.answer(r"^SELECT COUNT", [(1,)])
    pool.answer(r"^SELECT d.text FROM", [(None,)])
    pool.answer(r"^SELECT d.source", [("d.txt", None, "apple", "text", "1", None, "2026-01-01T00:00:00+00:00")])
    pool.answer(r"^SELECT p.evidence_id", [("E11", 0, 5, None, None, "[]", "{}", "apple", array.array("f", [1, 2, 3]))])
    pool.answer(r"^SELECT VECTOR_EMBEDDING", lambda s: [(array.array("f", [1, 2, 3]),) for _ in s.binds["items"]])
    pool.answer(r"^SELECT c.name", [("c",)])
    return pool


def _all_live(pool: RecordingPool) -> list[Any]:
    pool.answer(r"^SELECT d.document_id, d.version_no", lambda s: [(name, 8, 1) for name in s.binds["items"]])
    return []


@pytest.fixture
def pool() -> RecordingPool:
    return scripted()


def backend(pool: RecordingPool, **oracle: Any) -> OracleBackend:
    return OracleBackend(pool, OracleSettings(**oracle), "local", "c")


def opened(pool: RecordingPool) -> Corpora:
    return Corpora(Settings(), embeddings=EMBEDDINGS, pool=pool)


async def everything(pool: RecordingPool) -> None:
    """Issue every statement that a corpus can."""
    corpora = opened(pool)
    await corpora.names("local")
    corpus = await corpora.get("local", "c")
    await corpus.ingest([document(HOSTILE, HOSTILE, kind=HOSTILE), document("b", "green pear")])
    await corpus.search(HOSTILE, 2)
    await corpus.search("apple", 2, "dense", {"kind": HOSTILE, "n": {"$gt": 1, "$ne": 3}, "flag": True})
    await corpus.search("apple", 2, "keyword", {"n": {"$in": [1, 2.5, "", HOSTILE]}, "gone": None})
    found = await corpus.passages([HOSTILE])
    await corpus.neighbours(found["E11"])
    await corpus.canonical_text(HOSTILE, HOSTILE)
    await corpus.manifest()
    await corpus.summary()
    await backend(pool).version("d11", "0" * 64)
    await corpus.prune()
    store = corpus.vector_store
    await store.aadd_texts([HOSTILE], [{"kind": HOSTILE}], ids=[HOSTILE])
    await store.aget_by_ids([HOSTILE])
    await store.asimilarity_search("apple", k=1, filter={"kind": HOSTILE})
    await store.adelete([HOSTILE])
    await DatabaseEmbeddings(pool, OracleSettings(embedding_model="minilm")).aembed_documents([HOSTILE, ""])
    pool.answer(r"SELECT c.generation, c.epoch, c.embedding_model, CASE", [])
    await corpora.create("local", "new")


def plain(binds: Any) -> Any:
    """Return binds as JSON: vectors as how long they are, the time of ingestion left out."""
    if isinstance(binds, dict):
        return {name: "(now)" if name == "ingested_at" else plain(value) for name, value in binds.items()}
    if isinstance(binds, list):
        return [plain(value) for value in binds]
    return f"(vector of {len(binds)})" if isinstance(binds, array.array) else binds


async def recorded() -> list[dict[str, Any]]:
    pool = scripted()
    await everything(pool)
    return [{"sql": each.text, "binds": plain(each.binds), "array": each.many} for each in pool.statements]


async def test_statements_and_binds_are_those_of_the_golden_file() -> None:
    wanted = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert wanted == {
        "ddl": corpus_ddl(OracleSettings(), 384),
        "drops": corpus_drops(OracleSettings()),
        "statements": await recorded(),
    }
    texts = {each["sql"] for each in wanted["statements"]}
    constants = [value for name, value in vars(oracle_sql).items() if name.isupper() and name[0] != "_"]
    heads = {
        value.replace("{P}", "SIXPLANE").replace("{MODEL}", "MINILM")[:40]
        for value in constants
        if isinstance(value, str)
    }
    assert not [head for head in heads if not any(text.startswith(head) for text in texts)]


async def test_no_value_stands_in_a_statement(pool: RecordingPool) -> None:
    await everything(pool)
    for statement in pool.statements:
        for part in ("OR '1'", "]]", "--", ":x", "DROP", "{", "local", "apple", "/*"):
            assert part not in statement.text.replace("'$.", ""), statement.text
    assert any("]] -- :x {P}" in str(statement.binds) for statement in pool.statements)


async def test_every_bind_has_its_place_and_every_place_its_bind(pool: RecordingPool) -> None:
    await everything(pool)
    for statement in pool.statements:
        places = set(re.findall(r"(?<![\w']):(\w+)", statement.text))
        for row in statement.binds if statement.many else [statement.binds or {}]:
            assert set(row) == places, statement.text
        assert not places & RESERVED, "ORA-01745: no name of a bind"


async def test_every_statement_is_oracle_s_language(pool: RecordingPool) -> None:
    await everything(pool)
    for text in {statement.text for statement in pool.statements}:
        known = re.sub(r"FETCH APPROX FIRST :near ROWS ONLY WITH TARGET ACCURACY \d+", "FETCH FIRST 5 ROWS ONLY", text)
        known = known.replace("RETURNING CLOB", "").replace(" NOWAIT", "").replace(" USING t.item AS DATA", ", t.item")
        assert type(sqlglot.parse_one(known, read="oracle")) is not sqlglot.exp.Command, text


async def test_every_statement_but_of_other_tenants_rows_binds_the_tenant(pool: RecordingPool) -> None:
    await everything(pool)
    free = ("INSERT INTO SIXPLANE_PASSAGES", "SELECT VECTOR_EMBEDDING")  # bound by its version; reads no table
    for statement in pool.statements:
        assert ":tenant" in statement.text or statement.text.startswith(free), statement.text


async def test_a_filter_is_exact_and_without_a_hint(pool: RecordingPool) -> None:
    await backend(pool).legs("apple", [1, 2, 3], 5, {"kind": "rare"})
    keyword, dense = pool.statements
    assert "FETCH FIRST :depth ROWS ONLY" in dense.text
    for statement in (keyword, dense):
        assert "JSON_VALUE(p.metadata, '$.\"kind\".stringOnly()' RETURNING VARCHAR2(4000)) = :w0" in statement.text
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
            await writer.put([good, bad], MODEL)
    assert [statement for statement in pool.statements if not statement.text.startswith("SELECT")] == []


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
            await writer.put([(bad, [[1, 2, 3]] * len(bad.passages))], MODEL)
    assert (pool.commits, pool.rollbacks > 0) == (0, True)
    assert not [each for each in pool.statements if each.text.startswith("INSERT INTO SIXPLANE_PASSAGES")]


async def test_every_row_error_is_told_and_the_batch_is_undone(
    pool: RecordingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [oracle_error("ORA-00001").args[0], oracle_error("ORA-12899").args[0]]
    errors[1].offset = 1
    batches = iter([[], [], [], errors])
    monkeypatch.setattr(RecordingCursor, "getbatcherrors", lambda _: next(batches))
    documents = [document("a", "red"), document("b", "blue")]
    with pytest.raises(DependencyUnavailable) as caught:
        async with backend(pool).writer() as writer:
            await writer.put([(each, [[1, 2, 3]]) for each in documents], MODEL)
    for item, code in zip(documents, ("ORA-00001", "ORA-12899"), strict=True):
        assert f"{item.passages[0].evidence_id} ({code})" in caught.value.message
    assert "2 of 2 rows" in caught.value.message
    assert (pool.commits, pool.rollbacks > 0) == (0, True)


async def test_a_failing_statement_undoes_the_batch_and_the_lock_is_taken_anew(pool: RecordingPool) -> None:
    pool.fail(r"INSERT INTO SIXPLANE_PASSAGES", "ORA-01653")
    async with backend(pool).writer() as writer:
        with pytest.raises(DependencyUnavailable, match="ORA-01653"):
            await writer.put([(document("a", "red"), [[1, 2, 3]])], MODEL)
        assert (pool.commits, pool.rollbacks) == (0, 1)
        assert await writer.put([(document("a", "red"), [[1, 2, 3]])], MODEL) == (1, 1)
    assert sum("FOR UPDATE" in statement.text for statement in pool.statements) == 3


async def test_another_writer_makes_the_corpus_busy(pool: RecordingPool) -> None:
    pool.fail(r"FOR UPDATE NOWAIT", "ORA-00054")
    with pytest.raises(CorpusBusy, match="`c`"):
        async with backend(pool).writer():
            pytest.fail("the lock was not held")


async def test_a_lock_lost_between_batches_is_told_at_the_next(pool: RecordingPool) -> None:
    one = [(document("a", "red"), [[1, 2, 3]])]
    async with backend(pool).writer() as writer:
        pool.fail(r"FOR UPDATE NOWAIT", "ORA-00054", times=2)
        assert await writer.put(one, MODEL) == (1, 2)
        with pytest.raises(CorpusBusy):
            await writer.put(one, MODEL)
    assert [each.text[:6] for each in pool.statements].count("INSERT") == 2


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
    for pattern in ("FETCH APPROX", "CASE WHEN EXISTS", "JSON_TABLE"):
        pool.fail(pattern, code)
        corpus = await opened(scripted()).create("local", "c")
        corpus._backend = backend(pool)
        with pytest.raises(error) as caught:
            await corpus.search("apple")
        assert code in caught.value.message
        assert caught.value.hint


async def test_a_document_twice_in_a_batch_is_stored_in_two_waves(pool: RecordingPool) -> None:
    async with backend(pool).writer() as writer:
        await writer.put([(document("a", text), [[1, 2, 3]]) for text in ("red", "blue")], MODEL)
    heads = [statement.text[:27] for statement in pool.statements if statement.many]
    wave = ["UPDATE SIXPLANE_DOCUMENTS d", "DELETE FROM SIXPLANE_DOCUME", "INSERT INTO SIXPLANE_DOCUME"]
    assert heads == [*wave, "INSERT INTO SIXPLANE_PASSAG", *wave, "INSERT INTO SIXPLANE_PASSAG"]
    assert pool.commits == 2


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
    pool.answer(r"^SELECT d.text_hash", [(item.text_hash, "text", "1", "{}")])
    report = await (await opened(pool).get("local", "c")).ingest([item])
    assert (report.unchanged, report.added, report.generation) == (1, 0, 3)
    assert not [each for each in pool.statements if each.text.startswith(("INSERT", "UPDATE", "DELETE"))]


async def test_the_passages_of_a_row_are_ours(pool: RecordingPool) -> None:
    found = list((await backend(pool).live([11])).values())
    assert [passage.title for passage in found] == ["", ""]
    passage = found[0]
    assert (passage.heading_path, passage.metadata, passage.superseded) == (("Fruit",), {"n": 1}, False)
    assert await backend(pool).live([]) == {}


@pytest.mark.parametrize(
    "where", [{"a') --": 1}, {'a"b': 1}, {"": 1}, {"a" * 65: 1}, {"a[*]": 1}, {"ü": 1}, {"a\n": 1}, {1: 2}]
)
def test_a_key_of_unknown_characters_is_refused(where: dict[Any, Any]) -> None:
    with pytest.raises(BadInput, match="metadata key"):
        compile_where(where)


@pytest.mark.parametrize(
    "condition", [{"$no": 1}, {"$in": 1}, {"$eq": object()}, {"$gt": float("nan")}, {"$gt": ""}, {"$lt": True}, [1]]
)
def test_a_condition_that_is_none_is_refused(condition: Any) -> None:
    with pytest.raises(BadInput):
        compile_where({"key": condition})


@given(st.text())
def test_a_key_never_leaves_its_path(key: str) -> None:
    try:
        text, _ = compile_where({key: 1})
    except BadInput:
        return
    assert re.fullmatch(r"""JSON_VALUE\(p\.metadata, '\$\."[\w.-]+"\.numberOnly\(\)' RETURNING NUMBER\) = :w0""", text)


@given(st.text() | st.text(alphabet="{}\\\"'%_-$?!,;|&~*()[] NOTandABOUT\u00e9"))
def test_a_query_is_words_in_braces_and_nothing_else(query: str) -> None:
    expression = contains_query(query)
    assert re.fullmatch(r"(\{\w+\}( ACCUM \{\w+\})*)?", expression)
    words = re.findall(r"\w+", query.lower())
    assert bool(expression) is bool(words) or len(words[0].encode()) > 3990
    assert set(re.findall(r"\{(\w+)\}", expression)) <= set(words)


def test_a_long_query_fits_and_repeats_nothing() -> None:
    assert contains_query("b a b {a}") == "{b} ACCUM {a}"
    long = contains_query(" ".join(f"wörd{n}" for n in range(5000)))
    assert 3900 < len(long.encode()) <= 4000
    assert long.endswith("}")


def test_distances_become_similarities_in_one_place() -> None:
    assert [similarity(each) for each in (0.0, 0.25, 2.0, None, float("nan"))] == [1.0, 0.75, -1.0, 0.0, 0.0]
    assert list(as_vector([1, 2.5])) == [1.0, 2.5]


@pytest.mark.parametrize("prefix", ['a"b', "OTHER.X", "x; DROP", ""])
def test_a_prefix_that_is_no_identifier_reaches_no_statement(prefix: str) -> None:
    with pytest.raises(SettingsInvalid):
        backend(scripted(), table_prefix=prefix)
    with pytest.raises(SettingsInvalid):
        corpus_ddl(OracleSettings(table_prefix=prefix), 3)


async def test_the_vector_store_serves_other_threads_and_refuses_its_own_loop(pool: RecordingPool) -> None:
    store = CorpusVectorStore(backend(pool), EMBEDDINGS)
    with pytest.raises(RuntimeError, match="asynchronous"):
        store.similarity_search("apple", k=1)
    found = await asyncio.to_thread(store.similarity_search, "apple", k=1)
    assert [each.id for each in found] == ["d11"]
    assert await asyncio.to_thread(store.add_texts, ["red"], ids=["a"]) == ["a"]


def _regenerate() -> None:
    ddl, drops = corpus_ddl(OracleSettings(), 384), corpus_drops(OracleSettings())
    found = {"ddl": ddl, "drops": drops, "statements": asyncio.run(recorded())}
    GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _regenerate()
