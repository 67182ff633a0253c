"""A file that has not changed is not read again, and everything else that makes reading it necessary still does."""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from retrieval import Corpus, open_corpus, preparation
from retrieval.loaders import load_file
from retrieval.reports import IngestReport
from retrieval.roots import conditions, stamps
from retrieval.roots.conditions import NOT_READ
from settings import Settings, load_settings
from settings.tree import DataSettings
from tests.conformance.planes import Hashed

OLD = 1_700_000_000


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Return a folder of old files: two texts, records and an archive."""
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("red apple")
    (folder / "sub" / "b.md").write_text("# Pear\n\ngreen pear")
    rows = [{"id": "7", "text": "blue plum"}, {"id": "8", "text": "black cherry", "audience": "staff"}]
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with zipfile.ZipFile(folder / "d.zip", "w") as archive:
        archive.writestr("in.txt", "yellow lemon")
        archive.writestr("too.txt", "white grape")
    return folder


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the times of files that the tests have just written."""
    monkeypatch.setattr(stamps, "_GRANULARITY_NS", -(10**18))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the files that are read."""
    names: list[str] = []

    def noticed(path: Path, *given: Any) -> Any:
        names.append(path.name)
        return load_file(path, *given)

    monkeypatch.setattr("retrieval.loaders.load_file", noticed)
    return names


@pytest.fixture
async def corpus(tmp_path: Path) -> AsyncIterator[Corpus]:
    async with open_corpus(load_settings(home=tmp_path / "home"), "c", embeddings=Hashed()) as opened:
        yield opened


def counts(report: IngestReport) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.unchanged, len(report.failed)


async def test_files_that_have_not_changed_are_not_read(docs: Path, corpus: Corpus, read: list[str]) -> None:
    told: list[Any] = []
    assert counts(await corpus.ingest(docs)) == (6, 0, 0, 0)
    assert sorted(read) == ["a.txt", "b.md", "c.jsonl", "d.zip"]
    read.clear()
    assert counts(await corpus.ingest(docs, progress=told.append)) == (0, 0, 6, 0)
    assert read == []
    assert (told[-1].files, told[-1].all_files, told[-1].unchanged) == (4, 4, 6)
    assert told[-1].bytes == told[-1].all_bytes
    (docs / "e.txt").write_text("brown nut")
    assert counts(await corpus.ingest(docs, sync=True)) == (1, 0, 6, 0)
    assert read == ["e.txt"]


async def test_new_times_alone_cost_a_comparison_of_the_bytes(docs: Path, corpus: Corpus, read: list[str]) -> None:
    await corpus.ingest(docs)
    read.clear()
    os.utime(docs / "a.txt", (OLD, OLD))
    assert counts(await corpus.ingest(docs)) == (0, 0, 6, 0)
    assert read == []


@pytest.mark.parametrize("trusts", [True, False])
async def test_other_bytes_of_the_same_size_and_time_are_found(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: list[str], trusts: bool
) -> None:
    if not trusts:  # as if nothing but the bytes told of the change
        monkeypatch.setattr(stamps, "_stamp", lambda found: f"{found.st_size}:same")
    os.utime(docs / "a.txt", (OLD, OLD))
    given = load_settings(home=tmp_path / "home", data={"trust_file_times": trusts})
    async with open_corpus(given, "c", embeddings=Hashed()) as corpus:
        await corpus.ingest(docs)
        read.clear()
        (docs / "a.txt").write_text("ged apple")
        os.utime(docs / "a.txt", (OLD, OLD))
        assert counts(await corpus.ingest(docs)) == (0, 1, 5, 0)
        assert read == ["a.txt"]


async def test_times_as_new_as_the_ingestion_are_not_trusted(
    docs: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    monkeypatch.setattr(stamps, "_GRANULARITY_NS", 3600 * 10**9)
    monkeypatch.setattr(stamps, "_stamp", lambda found: f"{found.st_size}:same")
    await corpus.ingest(docs)
    read.clear()
    (docs / "a.txt").write_text("ged apple")  # in the tick of the clock in which it was read
    assert counts(await corpus.ingest(docs)) == (0, 1, 5, 0)
    assert read == ["a.txt"]


def other_chunks(docs: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return load_settings(home=settings.home, data={"chunk_chars": 900})


def other_label(docs: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return load_settings(home=settings.home, data={"audiences": {docs: ["board"]}})


def other_release(docs: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(conditions, "_installed", lambda _: "markdown-it-py-99.dist-info")
    return settings


def other_readers(docs: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(conditions, "_readers", lambda: "another digest")
    return settings


def test_of_two_releases_the_first_on_the_path_counts_and_no_other_order(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two", "three")]
    for place, release in zip(places, ("lxml-5.0", "lxml-6.0", "regex-1.0"), strict=True):
        (place / f"{release}.dist-info").mkdir(parents=True)
    one, two, three = map(str, places)
    found = {order: conditions._installed(order) for order in ((one, two, three), (three, one, two), (two, one, three))}
    assert found[one, two, three] == found[three, one, two] != found[two, one, three]
    assert "lxml-5.0" in found[one, two, three]
    assert "lxml-6.0" not in found[one, two, three]


@pytest.mark.parametrize("tells", [True, False])
def test_other_data_of_the_languages_of_ocr_is_another_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tells: bool
) -> None:
    data, program = tmp_path / "eng.traineddata", tmp_path / "tesseract"
    listed = f'List of available languages in "{tmp_path}/" (1):' if tells else "List of available languages (1):"
    program.write_text(f"#!/bin/sh\necho '{listed}'\necho eng\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    data.write_text("fast")
    given = load_settings(data={"ocr": {"enabled": True}})
    before = conditions.Conditions(given).under(None)
    assert conditions.Conditions(given).under(None) == before
    data.write_text("the best")
    assert (conditions.Conditions(given).under(None) != before) == tells


@pytest.mark.parametrize(
    ("change", "updated"), [(other_chunks, 0), (other_label, 5), (other_release, 0), (other_readers, 0)]
)
async def test_whatever_decides_how_a_file_is_read_has_it_read_again(
    change: Callable[..., Settings],
    updated: int,
    docs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: list[str],
) -> None:
    given = load_settings(home=tmp_path / "home")
    async with open_corpus(given, "c", embeddings=Hashed()) as corpus:
        await corpus.ingest(docs)
    read.clear()
    async with open_corpus(change(docs, given, monkeypatch), "c", embeddings=Hashed()) as corpus:
        assert counts(await corpus.ingest(docs)) == (0, updated, 6 - updated, 0)
        assert len(read) == 4
        read.clear()
        assert counts(await corpus.ingest(docs)) == (0, 0, 6, 0)
        assert read == []


async def test_files_that_have_not_changed_are_read_on_request(docs: Path, corpus: Corpus, read: list[str]) -> None:
    await corpus.ingest(docs)
    read.clear()
    assert counts(await corpus.ingest(docs, reread=True)) == (0, 0, 6, 0)
    assert sorted(read) == ["a.txt", "b.md", "c.jsonl", "d.zip"]
    read.clear()
    assert counts(await corpus.ingest(docs)) == (0, 0, 6, 0)  # what was read on request is remembered like the rest
    assert read == []


def test_the_command_reads_files_that_have_not_changed_on_request(docs: Path, tmp_path: Path, read: list[str]) -> None:
    for option, count in ((), 4), ((), 0), (("--reread",), 4):
        read.clear()
        found = CliRunner().invoke(app, ["ingest", str(docs), "--home", str(tmp_path / "home"), *option])
        assert (found.exit_code, len(read)) == (0, count)
    assert "0 added, 0 updated, 6 unchanged" in found.stdout


async def test_a_given_label_has_files_read_again(docs: Path, corpus: Corpus, read: list[str]) -> None:
    await corpus.ingest(docs)
    read.clear()
    report = await corpus.ingest(docs, audience="board")
    assert (report.updated, len(report.relabelled), len(read)) == (5, 5, 4)  # one has a label of its own


async def test_documents_that_were_removed_or_replaced_come_back(docs: Path, corpus: Corpus, read: list[str]) -> None:
    await corpus.ingest(docs)
    read.clear()
    await corpus.remove(["docs/c.jsonl#7"])
    store = corpus.vector_store
    await store.aadd_texts(["another text"], ids=["docs/a.txt"])
    assert counts(await corpus.ingest(docs)) == (1, 1, 4, 0)
    assert sorted(read) == ["a.txt", "c.jsonl"]


async def test_a_member_meets_the_same_refusals_as_if_files_were_read(docs: Path, corpus: Corpus) -> None:
    await corpus.ingest(docs)
    report = await corpus.seen_by(["board"]).ingest(docs)
    assert counts(report) == (0, 0, 5, 1)  # the record for `staff` may neither be seen nor stored
    assert "you do not belong to" in report.failed[0].reason


async def test_a_file_that_fails_is_told_each_time(docs: Path, corpus: Corpus, read: list[str]) -> None:
    (docs / "c.jsonl").write_text('{"id": "7", "text": "blue plum"}\n{"id"')
    for _ in range(2):
        read.clear()
        assert len((await corpus.ingest(docs)).failed) == 1
        assert "c.jsonl" in read


async def test_pruning_forgets_the_names_of_files_whose_documents_are_gone(
    docs: Path, corpus: Corpus, tmp_path: Path
) -> None:
    (docs / "empty.jsonl").touch()
    await corpus.ingest(docs)
    for name in ("d.zip", "empty.jsonl"):
        (docs / name).unlink()
    await corpus.ingest(docs, sync=True)
    await corpus.prune()
    with closing(sqlite3.connect(tmp_path / "home/corpora/local/c/corpus.db")) as database:
        names = {name for (name,) in database.execute("SELECT file FROM files")}
    assert names == {"docs/a.txt", "docs/c.jsonl", "docs/sub/b.md"}


async def test_a_file_of_very_many_documents_is_read_each_time(
    docs: Path, corpus: Corpus, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "_MOST_NOTED", 1)
    assert counts(await corpus.ingest(docs)) == (6, 0, 0, 0)
    read.clear()
    assert counts(await corpus.ingest(docs)) == (0, 0, 6, 0)
    assert sorted(read) == ["c.jsonl", "d.zip"]


def test_each_setting_of_data_says_how_a_file_is_read_or_does_not() -> None:
    says = {"audiences", "chunk_chars", "chunk_overlap", "comments", "encoding", "limits", "max_file_bytes", "ocr"}
    assert not says & NOT_READ
    assert says | NOT_READ == set(DataSettings.model_fields)


def test_a_file_that_changes_while_it_is_looked_at_has_no_fingerprint(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = iter(range(10))
    monkeypatch.setattr(stamps, "_stamp", lambda found: f"{found.st_size}:{next(taken)}")
    assert stamps.fingerprint(docs / "a.txt", 100) == ("", "", "")
    assert stamps.fingerprint(docs / "missing.txt", 100) == ("", "", "")
    assert stamps.fingerprint(docs / "a.txt", 5) == ("", "", "")
    assert stamps.fingerprint(docs, 100) == ("", "", "")
