"""A corpus that another process deletes, or deletes and makes anew, while this one has it open."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import retrieval.embedded.connections as connections
from retrieval import Corpora, open_corpus
from settings import Settings, load_settings
from state.errors import EmbeddingMismatch
from tests.conformance.planes import Hashed, document


async def made_anew(settings: Settings, model: str = Hashed.model_id) -> None:
    """Delete the corpus and make it anew, as another process does: with objects of its own."""
    embeddings = Hashed()
    embeddings.model_id = model
    async with Corpora(settings, embeddings=embeddings) as corpora:
        await corpora.delete("local", "c")
        corpus = await corpora.create("local", "c")
        await corpus.ingest([document("new", "apple plum")])


class Slow(Hashed):
    """Embeds a query for so long that the corpus is made anew with another model meanwhile."""

    settings: Settings

    async def aembed_query(self, text: str) -> list[float]:
        await made_anew(self.settings, "other")
        return self.embed_query(text)


async def test_a_vector_never_searches_a_corpus_of_another_model(tmp_path: Path) -> None:
    slow = Slow()
    slow.settings = load_settings(home=tmp_path)
    async with open_corpus(slow.settings, "c", embeddings=slow) as corpus:
        await corpus.ingest([document("old", "apple pear")])
        with pytest.raises(EmbeddingMismatch):
            await corpus.search("apple", k=3, mode="dense")


def written(path: Path, text: str) -> sqlite3.Connection:
    """Make a database and return the connection, as another process holds it; the text stands in the log only."""
    path.parent.mkdir(exist_ok=True)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE texts (text)")
    writer.execute("INSERT INTO texts VALUES (?)", (text,))
    return writer


def told(path: Path) -> tuple[str, sqlite3.Connection]:
    """Read the text; return the connection too, which waits afterwards."""
    with connections.reader(path, 1.0) as connection:
        return connection.execute("SELECT text FROM texts").fetchone()[0], connection


def is_closed(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return True
    return False


def test_the_connection_to_a_database_that_was_made_anew_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "corpus" / "corpus.db"
    with closing(written(path, "old")):
        _, old = told(path)
    shutil.rmtree(path.parent)
    with closing(written(path, "new")):
        text, new = told(path)
        assert (text, is_closed(old), is_closed(new)) == ("new", True, False)
        assert told(path) == ("new", new)
        with closing(sqlite3.connect(path)) as another:  # the log of the new file is whole
            assert another.execute("SELECT text FROM texts").fetchall() == [("new",)]


def test_the_connection_to_a_database_that_was_deleted_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "corpus" / "corpus.db"
    with closing(written(path, "old")):
        _, old = told(path)
    shutil.rmtree(path.parent)
    with pytest.raises(OSError, match=r"corpus\.db"):
        told(path)
    assert is_closed(old)


def test_what_waited_for_long_is_closed_by_a_read_of_another_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.close_readers()
    monkeypatch.setattr(connections, "_LONGEST_SECONDS", 0.0)
    with closing(written(tmp_path / "a.db", "a")), closing(written(tmp_path / "b.db", "b")):
        _, first = told(tmp_path / "a.db")
        assert told(tmp_path / "a.db") == ("a", first)
        _, second = told(tmp_path / "b.db")
        assert (is_closed(first), is_closed(second)) == (True, False)
