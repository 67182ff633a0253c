"""A corpus of an earlier release, whose ids are paths as they were given, does not double when it is ingested again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval import Corpus, open_corpus
from retrieval.documents import evidence_id
from settings import Settings
from state.access import Labels
from tests.conformance.planes import Hashed

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE documents (
  version INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL, text_hash TEXT NOT NULL, source TEXT NOT NULL,
  title TEXT NOT NULL, parser TEXT NOT NULL, parser_version TEXT NOT NULL, pages INTEGER, text TEXT NOT NULL,
  ingested_at TEXT NOT NULL, superseded INTEGER NOT NULL DEFAULT 0);
CREATE INDEX documents_by_id ON documents (document_id, superseded);
CREATE TABLE passages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, evidence_id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  start INTEGER NOT NULL, "end" INTEGER NOT NULL, page INTEGER, page_end INTEGER, heading_path TEXT NOT NULL,
  text TEXT NOT NULL, metadata TEXT NOT NULL, vector BLOB NOT NULL);
CREATE INDEX passages_by_version ON passages (version, ordinal);
"""
"""The statements of release 0.9."""

TEXTS = {
    "README.md": "The project weighs grain in silos by the river, on Mondays and on Fridays.",
    "sub/a.txt": "Apples are counted by hand, then weighed, then stored in the cold cellar.",
    "LICENSE.txt": "Permission is hereby granted, free of charge, to any person obtaining a copy.",
}


def earlier_corpus(home: Path, texts: dict[str, str], prefix: str = "", labels: Labels = ()) -> dict[str, str]:
    """Store texts as the earlier release did; return their evidence ids by document id."""
    embedder, found = Hashed(), {}
    place = home / "corpora" / "local" / "c" / "corpus.db"
    place.parent.mkdir(parents=True)
    with closing(sqlite3.connect(place)) as database:
        database.executescript(SCHEMA)
        meta = {"generation": "1", "epoch": "0", "embedding_model": "hashed"}
        database.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        for number, (name, text) in enumerate(texts.items(), 1):
            digest, key = hashlib.sha256(text.encode()).hexdigest(), f"{prefix}{name}"
            database.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, 'text', '1', NULL, ?, '2026-01-01', 0)",
                (number, key, digest, key, name, text),
            )
            found[key] = evidence_id("local", "c", key, digest, 0, len(text), labels)
            vector = np.asarray(embedder.embed_query(text), dtype=np.float32).tobytes()
            metadata = json.dumps({"audience": list(labels)} if labels else {})
            database.execute(
                """INSERT INTO passages (evidence_id, version, ordinal, start, "end", heading_path, text, metadata,
                   vector) VALUES (?, ?, 0, 0, ?, '[]', ?, ?, ?)""",
                (found[key], number, len(text), text, metadata, vector),
            )
        database.commit()
    return found


def written(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


async def live(corpus: Corpus) -> list[str]:
    return sorted(entry.document_id for entry in (await corpus.manifest()).entries if not entry.superseded)


@pytest.mark.parametrize(
    ("prefix", "given", "inside"),
    [
        ("docs/", "docs", ".."),  # `ingest docs`, then and now
        ("docs/", "{docs}", ".."),  # by its absolute path now
        ("{docs}/", "docs", ".."),  # by its absolute path then
        ("", ".", "."),  # `ingest .`
        ("../docs/", "../docs", "../home"),
        ("{docs}/../docs/", "{docs}/../docs", "."),
    ],
)
async def test_documents_are_taken_over(prefix: str, given: str, inside: str, tmp_path: Path) -> None:
    docs = written(tmp_path / "docs", TEXTS)
    cited = earlier_corpus(tmp_path / "home", TEXTS, prefix.format(docs=docs))
    written(docs, {"README.md": f"{TEXTS['README.md']} Now also on Sundays.", "new.txt": "A new text."})
    async with open_corpus(Settings(home=tmp_path / "home"), "c", embeddings=Hashed()) as corpus:
        with contextlib.chdir(docs / inside):
            first = await corpus.ingest(Path(given.format(docs=docs)))
            again = await corpus.ingest(Path(given.format(docs=docs)))
        names = ["docs/LICENSE.txt", "docs/README.md", "docs/new.txt", "docs/sub/a.txt"]
        assert await live(corpus) == names
        assert (first.added, first.updated + first.unchanged, first.failed) == (1, 3, ())
        assert (again.unchanged, again.added) == (4, 0)
        assert {*await corpus.passages(cited.values())} == {*cited.values()}  # what cites them still verifies


async def test_documents_of_another_folder_are_not_taken_over(tmp_path: Path) -> None:
    other = {**TEXTS, "README.md": "A different thing: timetables of trams.", "sub/a.txt": "Nobody knows the fares."}
    for name in (".", "docs"):
        home, inside = tmp_path / f"home-{name}", tmp_path / "p2"
        written(inside / "docs", other)
        earlier_corpus(home, TEXTS, "" if name == "." else "docs/")
        async with open_corpus(Settings(home=home), "c", embeddings=Hashed()) as corpus:
            before = await live(corpus)
            with contextlib.chdir(inside / "docs" if name == "." else inside):
                assert (await corpus.ingest(Path(name))).added == 3
            root = "docs" if name == "." else "docs-2"
            assert await live(corpus) == sorted([*before, *(f"{root}/{each}" for each in other)])


async def test_a_document_that_is_taken_over_keeps_its_audience(tmp_path: Path) -> None:
    earlier_corpus(tmp_path / "home", TEXTS, labels=("finance",))
    docs = written(tmp_path / "docs", TEXTS)
    async with open_corpus(Settings(home=tmp_path / "home"), "c", embeddings=Hashed()) as corpus:
        with contextlib.chdir(docs):
            refused: Any = await corpus.seen_by(["staff"]).ingest(Path("README.md"), audience="staff")
            assert (refused.added, refused.updated) == (1, 0)  # the other's document does not exist for this caller
            await corpus.ingest(Path("LICENSE.txt"))
        found = {each.document_id: each.audience for each in (await corpus.manifest()).entries if not each.superseded}
        assert found == {
            "README.md": ("finance",),
            "docs/README.md": ("staff",),
            "docs/LICENSE.txt": ("finance",),
            "sub/a.txt": ("finance",),
        }
