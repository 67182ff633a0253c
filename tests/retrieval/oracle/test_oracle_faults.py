"""An error of the database at every statement of a corpus: told with its remedy, and nothing is half-written.

First on scripted answers, then on tables that are played back, where what is stored can be compared.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from retrieval import Corpora
from settings import Settings
from state.errors import CorpusBusy, OutcomeUnknown, SixplaneError
from tests.conformance.planes import DIMENSIONS, Hashed, document
from tests.doubles.oracle import RecordingPool, Statement
from tests.retrieval.oracle.recording import PlaybackPool
from tests.retrieval.oracle.scripted import GIVES_BACK, everything, scripted

CODES = [
    "ORA-00060",
    "ORA-00942",
    "ORA-01031",
    "ORA-01461",
    "ORA-12170",
    "ORA-12899",
    "DPY-4011",
    "DPY-4024",
    "ORA-04031",
]


def failing_at(pool: RecordingPool, number: int, code: str) -> list[int]:
    """Fail the statement of this number; return how many commits there were then, once it failed."""
    commits: list[int] = []
    failed: list[str] = []
    run = pool.script.run

    def counted(statement: Statement) -> Any:
        if len(pool.statements) == number:
            commits.append(pool.commits)
            failed.append(statement.text)
            pool.fail("", code)
        elif len(pool.statements) == number + 1 and statement.text in failed:
            pool.fail("", code)  # a first read that is lost is asked once more
        return run(statement)

    pool.script.run = counted  # type: ignore[method-assign]
    return commits


async def test_the_script_holds_every_statement_of_the_module() -> None:
    pool = scripted()
    await everything(pool)
    assert len({statement.text for statement in pool.statements}) > 25


async def test_a_commit_that_is_lost_with_its_statement_says_that_its_outcome_is_unknown() -> None:
    pool = scripted()
    pool.fail(r"c.generation \+ 1", "DPY-4011")
    with pytest.raises(OutcomeUnknown, match="DPY-4011") as caught:
        await everything(pool)
    assert "ingest` stores nothing twice" in caught.value.hint


async def test_a_connection_that_is_lost_at_its_first_statement_is_replaced_and_later_it_is_told() -> None:
    pool = scripted()
    pool.fail(r"^SELECT c.generation", "DPY-4011")
    await everything(pool)
    assert (pool.held, pool.transactions) == (0, 0)
    pool = scripted()
    pool.fail(r"VECTOR_DISTANCE", "DPY-4011")  # after the words of the same search
    with pytest.raises(SixplaneError, match="DPY-4011"):
        await everything(pool)
    assert pool.held == 0


# Each code costs a run for each statement; what a code means is in a table of its own.
@pytest.mark.parametrize(
    "code", [pytest.param(code, marks=pytest.mark.long if at > 1 else ()) for at, code in enumerate(CODES)]
)
async def test_a_fault_at_any_statement_is_told_with_its_remedy_and_commits_nothing(code: str) -> None:
    complete = scripted()
    await everything(complete)
    for number, statement in enumerate(complete.statements):
        if GIVES_BACK in statement.text:
            continue
        pool = scripted()
        commits = failing_at(pool, number, code)
        with pytest.raises(SixplaneError) as caught:
            await everything(pool)
        assert code in caught.value.message, statement.text
        assert caught.value.hint, statement.text
        given_back = sum(GIVES_BACK in each.text for each in pool.statements[number + 1 :])
        assert (pool.commits - given_back, pool.held, pool.transactions) == (commits[0], 0, 0), statement.text


# --- what is stored ---------------------------------------------------------------------------------------------------

STEPS: list[Any] = [
    lambda corpus: corpus.ingest([document("a", "red apple"), document("b", "green pear", kind="x")]),
    lambda corpus: corpus.ingest([document("a", "blue plum"), document("c", "a quince")]),
    lambda corpus: corpus.vector_store.adelete(["b"]),
    lambda corpus: corpus.vector_store.aadd_texts(["red apple"], [{"n": 1}], ids=["v"]),
    lambda corpus: corpus.ingest([document("a", "red apple")]),
    lambda corpus: corpus.prune(),
]


async def run(pool: PlaybackPool, path: Path) -> list[Any]:
    """Take the steps; return what was stored before the first and after each."""
    corpus = await Corpora(Settings(), embeddings=Hashed(), pool=pool).create("local", "c")
    found = [stored(path)]
    for step in STEPS:
        await step(corpus)
        found.append(stored(path))
    return found


def stored(path: Path) -> Any:
    """Return every row but for the moment of its ingestion and the random key of the corpus."""
    with closing(sqlite3.connect(path)) as database:
        corpora = database.execute("SELECT name, generation, epoch FROM SIXPLANE_CORPORA").fetchall()
        documents = database.execute(
            "SELECT version_no, document_id, text_hash, text, superseded FROM SIXPLANE_DOCUMENTS ORDER BY 1"
        ).fetchall()
        passages = database.execute("SELECT * FROM SIXPLANE_PASSAGES ORDER BY 1").fetchall()
    return corpora, documents, passages


@pytest.mark.parametrize(
    "code", ["ORA-00060", *(pytest.param(code, marks=pytest.mark.long) for code in ("DPY-4011", "ORA-01653"))]
)
async def test_a_fault_at_any_statement_leaves_what_a_whole_step_left(code: str, tmp_path: Path) -> None:
    pool = PlaybackPool(tmp_path / "complete.db", DIMENSIONS)
    states = [([], [], []), *await run(pool, tmp_path / "complete.db")]
    assert len({repr(state) for state in states}) == len(STEPS) + 2
    for number, statement in enumerate(list(pool.statements)):
        if GIVES_BACK in statement.text:
            continue
        path = tmp_path / f"{number}.db"
        broken = PlaybackPool(path, DIMENSIONS)
        failing_at(broken, number, code)
        with pytest.raises(SixplaneError, match=code):
            await run(broken, path)
        assert stored(path) in states, statement.text


async def test_a_row_that_another_session_holds_makes_the_corpus_busy_at_any_write(tmp_path: Path) -> None:
    pool = PlaybackPool(tmp_path / "complete.db", DIMENSIONS)
    states = await run(pool, tmp_path / "complete.db")
    changing = ("UPDATE", "DELETE", "INSERT INTO")
    texts = [each.text for each in pool.statements]
    written = [n for n, text in enumerate(texts) if text.startswith(changing) and GIVES_BACK not in text]
    assert len(written) > 15
    for number in written[1:]:  # the first makes the corpus
        path = tmp_path / f"{number}.db"
        broken = PlaybackPool(path, DIMENSIONS)
        failing_at(broken, number, "ORA-00054")
        with pytest.raises(CorpusBusy, match="`c`"):
            await run(broken, path)
        assert stored(path) in states
