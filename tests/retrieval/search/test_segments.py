"""The vector index in several files: what is found, which files a write leaves alone, what an interruption leaves."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import retrieval.embedded.graphs as graphs
import retrieval.embedded.indexes as indexes
from retrieval import Corpus
from retrieval.embedded.backend import EmbeddedBackend
from retrieval.embedded.built import Built, read_built
from retrieval.embedded.graphs import Kind
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


def opened(folder: Path, memory: int = BYTES, kind: Kind = "f16") -> Corpus:
    backend = EmbeddedBackend(folder, "local", "c", 2.0, kind, memory)
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


async def check(corpus: Corpus, folder: Path, count: int) -> None:
    """Compare what is found with a scan of all rows."""
    with closing(sqlite3.connect(folder / "corpus.db")) as connection:
        live = "SELECT p.id, p.vector FROM passages p JOIN documents d USING (version) WHERE d.superseded = 0"
        rows = {row: np.frombuffer(vector, dtype=np.float32) for row, vector in connection.execute(live)}
    assert len(rows) == count
    every = np.array([*rows.values()])
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    backend = corpus._backend
    await backend.refresh()
    for asked in every[::9]:
        scores = dict(zip(rows, every @ asked, strict=True))
        best = (await backend.legs(None, asked.tolist(), 10)).dense
        wanted = sorted(scores.values(), reverse=True)[:10]
        assert [*best.values()] == pytest.approx(wanted, abs=2e-3)
        assert [scores[row] for row in best] == pytest.approx(wanted, abs=2e-3)


def dead(folder: Path) -> list[tuple[int, ...]]:
    return [(*each.dead,) for each in built(folder).graphs]


async def test_few_rows_are_scanned_and_write_no_graph(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 9)
    assert counts(tmp_path) == []
    await add(corpus, 9, 25)
    assert counts(tmp_path) == [25]
    before = contents(tmp_path)
    await add(corpus, 25, 34)
    assert contents(tmp_path) == before
    await check(corpus, tmp_path, 34)


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
    await check(corpus, tmp_path, 130)
    await check(opened(tmp_path), tmp_path, 130)


async def test_another_bound_holds_for_graphs_that_are_still_to_come(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 75)
    less = opened(tmp_path, BYTES // 2)
    await add(less, 75, 100)
    assert counts(tmp_path) == [40, 35, 20, 5]
    await check(less, tmp_path, 100)
    more = opened(tmp_path, 10 * BYTES)
    await add(more, 100, 150)
    assert counts(tmp_path) == [40, 35, 20, 55]
    await check(more, tmp_path, 150)


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
    await check(fresh, tmp_path, 130)
    assert sum(counts(tmp_path)) == 130
    assert {*contents(tmp_path)} == {each.file for each in built(tmp_path).graphs}


@pytest.mark.parametrize("number", [0, 1])
async def test_a_damaged_or_missing_file_is_built_anew(corpus: Corpus, tmp_path: Path, number: int) -> None:
    await add(corpus, 0, 75)
    path = tmp_path / built(tmp_path).graphs[number].file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]) if number else path.unlink()
    await check(opened(tmp_path), tmp_path, 75)
    assert counts(tmp_path) == [40, 35]
    await check(opened(tmp_path), tmp_path, 75)


@pytest.mark.parametrize("kind", ["f16", "i8"])
async def test_superseded_passages_leave_their_graphs_alone_and_are_found_no_more(tmp_path: Path, kind: Kind) -> None:
    corpus = opened(tmp_path, FULL * ({"f16": 2, "i8": 1}[kind] * DIMENSIONS + 224), kind)
    await add(corpus, 0, 75)
    before = contents(tmp_path)
    await corpus.remove(["d3", "d70"])
    await corpus.ingest([document("d20", "another text")])
    assert contents(tmp_path) == before
    assert dead(tmp_path) == [(4, 21), (71,)]
    await check(corpus, tmp_path, 73)
    await add(corpus, 75, 100)
    assert counts(tmp_path) == [40, 40, 21]
    assert dead(tmp_path) == [(4, 21), (71,), ()]
    await check(opened(tmp_path, kind=kind), tmp_path, 98)


async def test_where_the_nearest_are_superseded_the_next_are_found(corpus: Corpus, tmp_path: Path) -> None:
    await corpus.ingest([document(f"d{n}", "the same text" if n % 6 == 0 else f"number{n}") for n in range(75)])
    await corpus.remove([f"d{n}" for n in range(0, 40, 6)])
    assert [*map(len, dead(tmp_path))] == [7, 0]
    await check(corpus, tmp_path, 68)
    found = await corpus.search("", 68, "dense", query_vector=Hashed().embed_query("the same text"))
    assert {each.document_id for each in found} <= {f"d{n}" for n in range(75)} - {f"d{n}" for n in range(0, 40, 6)}


async def test_a_graph_with_many_superseded_passages_is_made_anew_alone(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 130)
    before = built(tmp_path).graphs
    await corpus.remove([f"d{n}" for n in range(40, 49)])
    assert counts(tmp_path) == [40, 31, 40, 10]
    assert [each.file for each in built(tmp_path).graphs[::2]] == [each.file for each in before[::2]]
    assert not (tmp_path / before[1].file).exists()
    await check(corpus, tmp_path, 121)
    await corpus.remove([f"d{n}" for n in range(80) if n not in range(40, 49)])
    assert counts(tmp_path) == [40, 10]
    await check(opened(tmp_path), tmp_path, 50)


async def test_what_is_deleted_leaves_its_graph(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 75)
    first, last = built(tmp_path).graphs
    await corpus.remove(["d70"])
    assert built(tmp_path).graphs == (first, replace(last, dead=(71,)))
    await corpus.prune()
    assert built(tmp_path).graphs[0] == first
    assert (counts(tmp_path), dead(tmp_path)) == ([40, 34], [(), ()])
    assert not (tmp_path / last.file).exists()
    await check(corpus, tmp_path, 74)


@pytest.mark.parametrize("removals", [1, 2])
async def test_an_index_of_a_database_that_was_put_back_is_made_anew(
    corpus: Corpus, tmp_path: Path, removals: int
) -> None:
    await add(corpus, 0, 40)
    with (
        closing(sqlite3.connect(tmp_path / "corpus.db")) as connection,
        closing(sqlite3.connect(tmp_path / "old")) as old,
    ):
        connection.backup(old)
    await corpus.remove(["d1"])
    await add(corpus, 40, 60)
    corpus._backend._database.close()
    for name in ("corpus.db-wal", "corpus.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "old").replace(tmp_path / "corpus.db")
    again = opened(tmp_path)
    state, graphs_before = (tmp_path / "indexes.json").read_text(), contents(tmp_path)
    for number in range(removals):  # later epochs than that of the index, with the second
        await again.remove([f"d{number}"])
    await again.ingest([document(f"other{n}", f"other text {n}") for n in range(20)])
    await again.ingest([document(f"more{n}", f"more text {n}") for n in range(20)])
    (tmp_path / "indexes.json").write_text(state)  # as if it had not been built since
    for name, content in graphs_before.items():
        (tmp_path / name).write_bytes(content)
    await check(opened(tmp_path), tmp_path, 80 - removals)


async def test_the_single_graph_of_an_earlier_release_is_kept(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 35)
    state = json.loads((tmp_path / "indexes.json").read_text())
    (graph,) = state.pop("graphs")
    (tmp_path / "indexes.json").write_text(json.dumps({**state, "graph": graph["file"]}))
    before = contents(tmp_path)
    again = opened(tmp_path)
    await check(again, tmp_path, 35)
    assert contents(tmp_path) == before
    await add(again, 35, 42)
    assert counts(tmp_path) == [35]
    await add(again, 42, 50)
    assert counts(tmp_path) == [40, 10]
    await check(again, tmp_path, 50)


def add_elsewhere(folder: Path, first: int, last: int) -> None:
    """Add rows in a process of its own."""
    small(pytest.MonkeyPatch())
    asyncio.run(add(opened(folder), first, last))


async def test_a_reader_keeps_its_files_while_another_process_replaces_them(corpus: Corpus, tmp_path: Path) -> None:
    await add(corpus, 0, 75)
    await check(corpus, tmp_path, 75)
    mapped = corpus._backend._indexes.opened.vector  # type: ignore[attr-defined]
    asked = Hashed().embed_query("number60")
    before = mapped.search(asked, 75)
    other = FORKS.Process(target=add_elsewhere, args=(tmp_path, 75, 130))
    other.start()
    await asyncio.to_thread(other.join, SAFETY_SECONDS)
    assert other.exitcode == 0
    assert counts(tmp_path) == [40, 40, 40, 10]
    assert mapped.search(asked, 75) == before
    await check(corpus, tmp_path, 130)
