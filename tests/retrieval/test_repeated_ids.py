"""An id that occurs twice in one ingest loses no text silently."""

from __future__ import annotations

import json
from pathlib import Path

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding

from retrieval import open_corpus
from settings import Settings

EMBEDDINGS = DeterministicFakeEmbedding(size=8)


async def test_a_repeated_json_id_is_reported_and_ingesting_again_changes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"_id": "1", "text": "first"}\n{"_id": "1", "text": "second"}\n{"_id": "1", "text": "first"}\n')
    async with open_corpus(Settings(home=tmp_path), "c", embeddings=EMBEDDINGS) as corpus:
        report = await corpus.ingest(source)
        assert (report.added, report.updated) == (1, 0)
        assert ["occurs twice" in failed.reason for failed in report.failed] == [True]
        again = await corpus.ingest(source)
        assert (again.added, again.updated, again.unchanged) == (0, 0, 1)
        assert again.generation == report.generation
        assert [passage.text for passage in await corpus.search("first", mode="keyword")] == ["first"]


async def test_every_chunk_of_a_splitter_can_be_found(tmp_path: Path) -> None:
    chunks = [Document(page_content=text, metadata={"source": "s"}) for text in ("alpha", "beta", "gamma")]
    async with open_corpus(Settings(home=tmp_path), "c", embeddings=EMBEDDINGS) as corpus:
        assert (await corpus.ingest(chunks)).added == 3
        assert (await corpus.ingest(chunks)).unchanged == 3
        for text in ("alpha", "beta", "gamma"):
            assert [passage.text for passage in await corpus.search(text, mode="keyword")] == [text]


async def test_an_id_that_no_database_stores_is_reported_and_the_others_are_stored(tmp_path: Path) -> None:
    rows = [{"_id": key, "text": key[:9]} for key in ("a", "b" * 1001, "c")]
    source = tmp_path / "a.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    async with open_corpus(Settings(home=tmp_path), "c", embeddings=EMBEDDINGS) as corpus:
        report = await corpus.ingest(source)
        assert (report.added, ["more than 1,000" in each.reason for each in report.failed]) == (2, [True])
