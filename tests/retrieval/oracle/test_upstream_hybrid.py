"""Why a corpus does not search by `OracleHybridSearchRetriever`: what the real one asks for, on a recording connection.

Should one of these fail after an update of langchain-oracledb, the reasons in docs/oracle.md are to be looked at again.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_oracledb.embeddings import OracleEmbeddings
from langchain_oracledb.retrievers.hybrid_search import OracleHybridSearchRetriever, OracleVectorizerPreference
from langchain_oracledb.vectorstores.oraclevs import OracleVS

from tests.conformance.planes import Hashed
from tests.doubles.oracle import RecordingPool

FOUND = [{"rowid": f"R{n}", "score": 90 - n, "text_score": n, "vector_score": n} for n in range(3)]


def store(pool: RecordingPool, embeddings: Any = None) -> OracleVS:
    """Return a store as it is once made: making it embeds a probe and issues DDL."""
    made = OracleVS.__new__(OracleVS)
    made.client, made.table_name = pool, '"DOCS"'
    made.embedding_function = embeddings or OracleEmbeddings(params={"provider": "database", "model": "minilm"})
    return made


async def asked(pool: RecordingPool, **options: Any) -> list[Document]:
    retriever = OracleHybridSearchRetriever(vector_store=store(pool), idx_name="HYB", k=3, **options)
    return await retriever.ainvoke("apple")


@pytest.fixture
def pool() -> RecordingPool:
    found = RecordingPool()
    found.answer(r"DBMS_HYBRID_VECTOR", [(json.dumps(FOUND),)])
    found.answer(r"^SELECT text, metadata", lambda s: [(f"text of {s.binds[0]}", {"kind": "x"})])
    return found


async def test_it_ranks_the_whole_index_and_knows_no_tenant(pool: RecordingPool) -> None:
    """The best `k` of all tenants: what is dropped afterwards has taken the places of ours."""
    await asked(pool)
    search, *reads = pool.statements
    assert search.text == "SELECT DBMS_HYBRID_VECTOR.SEARCH(json(:search_params))"
    assert set(search.binds["search_params"]) == {"hybrid_index_name", "vector", "text", "return"}
    assert search.binds["search_params"]["return"]["topN"] == 3
    assert len(reads) == 3, "a round trip for each hit"


async def test_a_row_that_vanished_gives_its_score_to_the_next(pool: RecordingPool) -> None:
    pool.answer(r"^SELECT text, metadata", lambda s: [] if s.binds == ["R0"] else [(s.binds[0], {})])
    found = await asked(pool, return_scores=True)
    assert [(each.page_content, each.metadata["score"]) for each in found] == [("R1", 90), ("R2", 89)]


async def test_metadata_of_null_end_the_search(pool: RecordingPool) -> None:
    pool.answer(r"^SELECT text, metadata", [("text", None)])
    with pytest.raises(AttributeError):
        await asked(pool)


def test_its_index_takes_no_embeddings_but_the_package_s_own(pool: RecordingPool) -> None:
    with pytest.raises(ValueError, match="Only OracleEmbeddings"):
        OracleVectorizerPreference.create_preference(store(pool, Hashed()))
