"""An ingestion whose files are read and encoded elsewhere makes the corpus that one without does."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from retrieval import load_embeddings, open_corpus
from retrieval.loaders import load_changed
from retrieval.on_ray import Encoder, RayIngest, open_ray_ingest, read_file
from retrieval.preparation import prepare
from retrieval.roots import SourceRoots
from settings import Settings
from state.errors import BadInput
from tests.doubles.on_ray import quick_imports

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "docs" / "sample"
ORACLE = ROOT.parent / "shared" / "data" / "documents" / "oracle"


class Here:
    """An actor in this process."""

    def __init__(self):
        self.encode = SimpleNamespace(remote=self._encode)
        self.encoded, self._encoder = 0, Encoder(None)

    async def _encode(self, texts):
        self.encoded += len(texts)
        await asyncio.sleep(0)
        return self._encoder.encode(texts)


class Beside(RayIngest):
    """The engine, with tasks and actors in this process; what tasks get and give is pickled as for others."""

    def __init__(self):
        super().__init__(2)
        self.actors, self.read = [], ()

    def results(self, files, job):
        self.read = (*self.read, *files)
        for file in files:
            yield pickle.loads(read_file(file, pickle.loads(pickle.dumps(job))))

    def encoders(self, folder):
        self.actors = [Here() for _ in range(2)]
        return self.actors


@pytest.fixture
def docs(tmp_path):
    """A folder with a document, one in a folder within, an empty file, one of no known format, and a copy."""
    folder = tmp_path / "docs"
    (folder / "inner").mkdir(parents=True)
    for name in ("rate-tiers.txt", "guards.md"):
        shutil.copy(SAMPLE / name, folder)
    shutil.copy(SAMPLE / "faq.jsonl", folder / "inner")
    (folder / "empty.md").touch()
    (folder / "what.bin").write_bytes(b"\0")
    return folder


def content(home: Path) -> dict[str, list[tuple]]:
    """Every row of a corpus but the times at which they or their files were written, and random ids."""
    (path,) = home.glob("corpora/local/*/corpus.db")
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {}
        for name in sorted(names):
            cursor = database.execute(f'SELECT * FROM "{name}"')
            columns = [column for column, *_ in cursor.description]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor]
            kept = [
                tuple(sorted((k, v) for k, v in row.items() if not k.endswith("_at") and k != "stamp")) for row in rows
            ]
            tables[name] = sorted(kept, key=repr)
    return {name: rows for name, rows in tables.items() if "hash_key" not in repr(rows)}


async def made(home: Path, paths, engine=None):
    async with open_corpus(Settings(home=home), "c") as corpus:
        report = await corpus.ingest(paths, engine=engine)
        found = [
            [(hit.evidence_id, hit.scores) for hit in await corpus.search(query, 5)]
            for query in ("requests per minute", "which guard checks a question", "budget")
        ]
        return report, await corpus.manifest(), found


def without_times(manifest):
    """The entries without what differs between any two corpora: the time, and a digest with a key of its own."""
    return [entry.model_dump(exclude={"ingested_at", "fingerprint"}) for entry in manifest.entries]


def check_equal(tmp_path, local, other):
    assert other[0] == local[0]
    assert without_times(other[1]) == without_times(local[1])
    assert other[2] == local[2]
    assert content(tmp_path / "other") == content(tmp_path / "local")


async def test_the_corpus_is_that_of_an_ingestion_in_this_process(tmp_path, docs, monkeypatch):
    # Groups so small that there are several at once, and that a document comes in slices.
    monkeypatch.setattr(load_embeddings(Settings()), "texts_at_once", 4, raising=False)
    engine, paths = Beside(), [docs / "guards.md", docs, SAMPLE / "price-guide.pdf"]
    local, other = await made(tmp_path / "local", paths), await made(tmp_path / "other", paths, engine)
    assert len(local[0].failed) == 2
    assert local[0].added > 10
    check_equal(tmp_path, local, other)
    assert all(actor.encoded for actor in engine.actors)
    assert sum(actor.encoded for actor in engine.actors) == other[0].passages
    (docs / "guards.md").write_text("# Guards\n\nA guard screens each question.\n")
    again = await made(tmp_path / "other", paths, engine)
    assert (again[0].updated, again[0].added) == (1, 0)
    assert sum(actor.encoded for actor in engine.actors) == again[0].passages == 1
    read = engine.read
    assert (await made(tmp_path / "other", paths, engine))[0].unchanged == local[0].added
    assert {Path(each).name for each in engine.read[len(read) :]} == {"empty.md", "what.bin"}


async def test_no_file_is_read_before_the_tasks_start_and_each_task_tells_how_its_file_looked(
    tmp_path, docs, monkeypatch
):
    monkeypatch.setattr("retrieval.roots.memory.fingerprint", pytest.fail)  # that of the process that stores
    engine = Beside()
    added = (await made(tmp_path / "home", [docs], engine))[0].added
    read = engine.read
    monkeypatch.undo()
    assert (await made(tmp_path / "home", [docs], engine))[0].unchanged == added
    assert {Path(each).name for each in engine.read[len(read) :]} == {"empty.md", "what.bin"}


def test_documents_keep_their_order_names_and_labels(docs):
    (docs / "inner" / "other.md").write_text("# Other\n\nText.\n")
    settings, roots = Settings(data={"audiences": {docs / "inner": ["staff"]}}), SourceRoots()
    given = ([docs / "inner" / "faq.jsonl", docs], settings, "t", "c", None)
    read = Beside().reader("t", "c")
    there = list(prepare(*given, roots, None, read))
    here_roots = SourceRoots()
    assert there == list(prepare(*given, here_roots, None, load_changed))
    assert roots.take_fresh() == here_roots.take_fresh()
    for name in ("docs/guards.md", "docs/empty.md", "inner/other.md"):
        assert roots.was_read(name) == here_roots.was_read(name)


def test_a_file_that_a_node_does_not_see_ends_the_ingestion_with_a_remedy(docs):
    class Blind(Beside):
        def results(self, files, job):
            return iter([(None, None) for _ in files])

    with pytest.raises(BadInput, match="does not see") as told:
        list(Blind().reader("t", "c")([docs], Settings()))
    assert "every node" in told.value.hint


async def on_ray(tmp_path, paths, monkeypatch):
    for name, value in quick_imports(os.environ).items():
        monkeypatch.setenv(name, value)
    local = await made(tmp_path / "local", paths)
    async with open_ray_ingest(2) as engine:
        other = await made(tmp_path / "other", paths, engine)
    check_equal(tmp_path, local, other)
    return local


def test_a_task_is_sent_no_secret(docs, tmp_path):
    sent = []

    class Sent(Beside):
        def results(self, files, job):
            sent.append(pickle.dumps(job))
            return super().results(files, job)

    settings = Settings(home=tmp_path / "home", oracle={"password": "planted-password"})
    assert list(Sent().reader("local", "c")([docs], settings))
    assert b"planted-password" in pickle.dumps(settings)  # a secret can be seen in a pickle
    assert b"planted-password" not in sent[0]


@pytest.mark.long
async def test_two_workers_make_the_corpus_that_this_process_makes(tmp_path, monkeypatch):
    report, _, _ = await on_ray(tmp_path, [SAMPLE], monkeypatch)
    assert report.added > 20


@pytest.mark.long
@pytest.mark.timeout(3600)  # some five minutes on an idle machine
async def test_two_workers_ingest_the_documentation_of_oracle_as_this_process_does(tmp_path, monkeypatch):
    if not ORACLE.is_dir():
        pytest.skip("the documentation of Oracle is not here")
    report, _, _ = await on_ray(tmp_path, [ORACLE], monkeypatch)
    assert report.added > 100
