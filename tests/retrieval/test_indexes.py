"""The index files are caches: deleted, damaged, older or graph-shaped, the answers stay the same."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding

import retrieval.embedded.indexes as indexes
from retrieval import Corpus, open_corpus
from retrieval.embedded import reads
from retrieval.subjects import OPENING
from settings import Settings

EMBEDDINGS = DeterministicFakeEmbedding(size=16)
FOLDER = ("corpora", "local", "c")


def documents(first: int, last: int) -> list[Document]:
    return [Document(page_content=f"passage number{n} about topic{n % 7}", id=f"d{n}") for n in range(first, last)]


@pytest.fixture(params=[False, True], ids=["scan", "graph"])
async def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(indexes, "EXACT_BELOW", 1 if request.param else 10**9)
    async with opened(tmp_path) as corpus:
        await corpus.ingest(documents(0, 60))
    return tmp_path


def opened(home: Path):  # type: ignore[no-untyped-def]
    return open_corpus(Settings(home=home), "c", embeddings=EMBEDDINGS)


async def answers(corpus: Corpus) -> list[list[str]]:
    modes = ("dense", "keyword")
    return [[p.document_id for p in await corpus.search("number7 topic3", k=3, mode=mode)] for mode in modes]


async def fresh_answers(home: Path) -> list[list[str]]:
    async with opened(home) as corpus:
        return await answers(corpus)


def state(home: Path) -> dict[str, object]:
    return json.loads(home.joinpath(*FOLDER, "indexes.json").read_text())


async def test_deleted_files_are_built_anew(home: Path) -> None:
    before = await fresh_answers(home)
    folder = home.joinpath(*FOLDER)
    for name in ("keyword-*", "vectors-*"):
        for path in folder.glob(name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert await fresh_answers(home) == before
    (folder / "indexes.json").unlink()
    assert await fresh_answers(home) == before
    assert state(home)["count"] == 60


@pytest.mark.parametrize("damaged", ["vectors-*", "keyword-*/meta.json", "indexes.json"])
async def test_truncated_files_are_built_anew(home: Path, damaged: str) -> None:
    before = await fresh_answers(home)
    for path in home.joinpath(*FOLDER).glob(damaged):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert await fresh_answers(home) == before


async def test_an_older_build_is_caught_up(home: Path) -> None:
    old = home.joinpath(*FOLDER, "indexes.json").read_text()
    async with opened(home) as corpus:
        await corpus.ingest(documents(60, 90))
        before = await answers(corpus)
    home.joinpath(*FOLDER, "indexes.json").write_text(old)
    assert await fresh_answers(home) == before
    assert state(home)["count"] == 90


async def test_an_update_leaves_no_dead_passage_behind(home: Path) -> None:
    async with opened(home) as corpus:
        await corpus.ingest([Document(page_content="quite another text about zebras", id="d7")])
        found = [p.text for p in await corpus.search("number7", k=60, mode="keyword")]
        assert found
        assert not any("number7 " in text for text in found)
        assert [p.document_id for p in await corpus.search("zebras", k=5, mode="keyword")] == ["d7"]
        assert len(list(home.joinpath(*FOLDER).glob("keyword-*"))) == 1


async def test_a_reader_without_the_lock_searches_in_memory(home: Path) -> None:
    before = await fresh_answers(home)
    home.joinpath(*FOLDER, "indexes.json").unlink()
    with indexes.FileLock(indexes.lock_path(home.joinpath(*FOLDER)), thread_local=False):
        assert await fresh_answers(home) == before
    assert not home.joinpath(*FOLDER, "indexes.json").exists()


@pytest.mark.slow
async def test_an_open_reader_sees_what_another_process_ingests(home: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from tests.retrieval.test_indexes import documents, opened\n"
        "async def main():\n"
        "    async with opened(Path(sys.argv[1])) as corpus: await corpus.ingest(documents(100, 110))\n"
        "asyncio.run(main())"
    )
    async with opened(home) as corpus:
        assert await corpus.search("number105", k=1, mode="dense")
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code, str(home)], check=True)
        found = await corpus.search("number105", k=1, mode="keyword")
        assert [p.document_id for p in found] == ["d105"]


async def test_the_retriever_serves_a_sync_caller_inside_a_running_loop(home: Path) -> None:
    async with opened(home) as corpus:
        found = corpus.as_retriever(k=2).invoke("number7")
        assert "d7" in [document.metadata["document_id"] for document in found]


async def test_the_summary_counts_what_is_live(home: Path) -> None:
    async with opened(home) as corpus:
        await corpus.ingest([Document(page_content="another text", id="d7")])
        summary, manifest = await corpus.summary(), await corpus.manifest()
        assert (summary.documents, summary.passages) == (60, 60) == (manifest.documents, manifest.passages)
        assert summary.version == manifest.version


async def test_the_opening_of_a_document_is_read_once_and_not_for_each_passage(tmp_path: Path) -> None:
    texts = {"a": "alder " * 2000, "b": "birch " * 2000, "c": "cedar"}
    async with opened(tmp_path) as corpus:
        await corpus.ingest([Document(page_content=text, id=name) for name, text in texts.items()])
    asked: list[str] = []
    with closing(sqlite3.connect(tmp_path.joinpath(*FOLDER, "corpus.db"))) as connection:
        connection.row_factory = sqlite3.Row
        connection.set_trace_callback(asked.append)
        rows = list(reads.rows_after(connection, 0))
    assert len(rows) > 20
    assert {row["opening"][: 2 * OPENING] for row in rows} == {text[: 2 * OPENING] for text in texts.values()}
    assert all(row["opening"].split()[0] == row["text"].split()[0] for row in rows)
    assert sum("substr" in statement for statement in asked) == 3
