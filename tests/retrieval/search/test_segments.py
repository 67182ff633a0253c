"""The vector index in several files: what is found, which files a write leaves alone, what an interruption leaves."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

import retrieval.embedded.graphs as graphs
import retrieval.embedded.indexes as indexes
from retrieval import Corpus
from retrieval.embedded.backend import EmbeddedBackend
from retrieval.embedded.built import Built, read_built
from retrieval.preparation import PreparedDocument
from settings import load_settings
from tests.conformance.planes import DIMENSIONS, Hashed, document
from tests.doubles.processes import FORKS
from tests.doubles.waiting import SAFETY_SECONDS

LEAST, FULL = 10, 40
"""Rows that are scanned before they become a graph, and rows of a full one; thousands without `small`."""

BYTES = FULL * (2 * DIMENSIONS + 224)


def small(patch: pytest.MonkeyPatch) -> None:
    """Make graphs of few rows."""
    patch.setattr(indexes, "EXACT_BELOW", LEAST)
    patch.setattr(graphs, "_SMALL", LEAST)
    patch.setattr(graphs, "_PART", 7)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)


def opened(folder: Path, memory: int = BYTES) -> Corpus:
    backend = EmbeddedBackend(folder, "local", "c", 2.0, "f16", memory)
    return Corpus(load_settings(home=folder), "c", "local", backend, Hashed())


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return opened(tmp_path)


async def add(corpus: Corpus, first: int, last: int) -> None:
    await corpus.ingest([document_of(n) for n in range(first, last)])


def document_of(number: int) -> PreparedDocument:
    return document(f"d{number}", f"number{number} of {number % 7} and {number % 13}")


def built(folder: Path) -> Built:
    found = read_built(folder)
    assert found is not None
    return found


def counts(folder: Path) -> list[int]:
    return [each.count for each in built(folder).graphs]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("vectors-*")}


async def check(corpus: Corpus, last: int) -> None:
    """Compare what is found with a scan of all rows, whose ids begin with 1."""
    backend = corpus._backend
    await backend.refresh()
    rows = [document_of(n) for n in range(last)]
    every = np.array(Hashed().embed_documents([each.embedded_text(each.passages[0]) for each in rows]))
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    for number in range(0, last, 9):
        scores = every @ every[number]
        best = (await backend.legs(None, every[number].tolist(), 10)).dense
        wanted = np.sort(scores)[::-1][:10].tolist()
        assert [*best.values()] == pytest.approx(wanted, abs=2e-3)
        assert [scores[row - 1] for row in best] == pytest.approx(wanted, abs=2e-3)


async def test_few_rows_are_scanned_and_write_no_graph(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 9)
    assert counts(tmp_path) == []
    await add(corpus, 9, 25)
    assert counts(tmp_path) == [25]
    before = contents(tmp_path)
    await add(corpus, 25, 34)
    assert contents(tmp_path) == before
    await check(corpus, 34)


async def test_a_full_graph_stays_and_the_last_one_is_filled(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 60)
    assert counts(tmp_path) == [40, 20]
    full, _ = built(tmp_path).graphs
    before = contents(tmp_path)[full.file]
    await add(corpus, 60, 75)
    assert counts(tmp_path) == [40, 35]
    await add(corpus, 75, 130)
    assert counts(tmp_path) == [40, 40, 40, 10]
    assert built(tmp_path).graphs[0] == full
    assert contents(tmp_path)[full.file] == before
    assert {*contents(tmp_path)} == {each.file for each in built(tmp_path).graphs}
    await check(corpus, 130)
    await check(opened(tmp_path), 130)


async def test_another_bound_holds_for_graphs_that_are_still_to_come(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 75)
    less = opened(tmp_path, BYTES // 2)
    await add(less, 75, 100)
    assert counts(tmp_path) == [40, 35, 20, 5]
    await check(less, 100)
    more = opened(tmp_path, 10 * BYTES)
    await add(more, 100, 150)
    assert counts(tmp_path) == [40, 35, 20, 55]
    await check(more, 150)


async def test_an_interruption_between_two_files_leaves_the_last_build(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(corpus, 0, 25)
    before, state = contents(tmp_path), built(tmp_path)
    save = graphs._Writer._write

    def killed(self: graphs._Writer, graph: object) -> None:
        if len(self._segments) == 2:
            raise KeyboardInterrupt
        save(self, graph)

    with monkeypatch.context() as patch:
        patch.setattr(graphs._Writer, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            await add(corpus, 25, 130)
    assert built(tmp_path) == state
    assert {name: contents(tmp_path)[name] for name in before} == before
    assert len(contents(tmp_path)) > len(before)
    fresh = opened(tmp_path)
    await check(fresh, 130)
    assert sum(counts(tmp_path)) == 130
    assert {*contents(tmp_path)} == {each.file for each in built(tmp_path).graphs}


@pytest.mark.parametrize("number", [0, 1])
async def test_a_damaged_or_missing_file_is_built_anew(corpus: Corpus, tmp_path: Path, number: int) -> None:
    await add(corpus, 0, 75)
    path = tmp_path / built(tmp_path).graphs[number].file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]) if number else path.unlink()
    await check(opened(tmp_path), 75)
    assert counts(tmp_path) == [40, 35]
    await check(opened(tmp_path), 75)


async def test_a_removed_passage_is_found_no_more(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 75)
    await corpus.remove(["d3", "d70"])
    found = {each.document_id for each in await corpus.search("", 75, "dense", query_vector=[1.0] * DIMENSIONS)}
    assert found == {f"d{n}" for n in range(75)} - {"d3", "d70"}
    assert sum(counts(tmp_path)) == 73


async def test_the_single_graph_of_an_earlier_release_is_kept(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 35)
    state = json.loads((tmp_path / "indexes.json").read_text())
    (graph,) = state.pop("graphs")
    (tmp_path / "indexes.json").write_text(json.dumps({**state, "graph": graph["file"]}))
    before = contents(tmp_path)
    again = opened(tmp_path)
    await check(again, 35)
    assert contents(tmp_path) == before
    await add(again, 35, 42)
    assert counts(tmp_path) == [35]
    await add(again, 42, 50)
    assert counts(tmp_path) == [40, 10]
    await check(again, 50)


def add_elsewhere(folder: Path, first: int, last: int) -> None:
    """Add rows in a process of its own."""
    small(pytest.MonkeyPatch())
    asyncio.run(add(opened(folder), first, last))


async def test_a_reader_keeps_its_files_while_another_process_replaces_them(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 75)
    await check(corpus, 75)
    mapped = corpus._backend._indexes.opened.vector  # type: ignore[attr-defined]
    asked = Hashed().embed_query("number60")
    before = mapped.search(asked, 75)
    other = FORKS.Process(target=add_elsewhere, args=(tmp_path, 75, 130))
    other.start()
    await asyncio.to_thread(other.join, SAFETY_SECONDS)
    assert other.exitcode == 0
    assert counts(tmp_path) == [40, 40, 40, 10]
    assert mapped.search(asked, 75) == before
    await check(corpus, 130)
