"""An ingestion that is killed: nothing committed is encoded again, and the corpus ends as an undisturbed one."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from retrieval import open_corpus
from retrieval.reports import IngestReport
from settings import load_settings
from tests.crash.ingest_victim import SLICE, Logging
from tests.doubles.processes import Forked

KILLS = 10
STORED = (
    "SELECT document_id, text_hash, text, title, superseded FROM documents ORDER BY version",
    'SELECT evidence_id, ordinal, start, "end", text, metadata, vector FROM passages ORDER BY id',
)


def write(folder: Path, chars: int) -> Path:
    """Write a file of numbered sentences, no two of which are equal."""
    folder.mkdir(parents=True)
    lines, written = [], 0
    while written < chars:
        lines.append(
            f"Sentence {len(lines)} of this file speaks of item {len(lines) * 7919 % 100_003} and no other.\n\n"
        )
        written += len(lines[-1])
    (folder / "given.txt").write_text("".join(lines), encoding="utf-8")
    return folder


def start(folder: Path, point: str = "none") -> Forked:
    return Forked("tests.crash.ingest_victim", str(folder), point)


def finished(folder: Path) -> IngestReport:
    ended = start(folder).end()
    assert ended.returncode == 0, ended.stderr
    return IngestReport.model_validate_json((folder / "report.json").read_text())


def encoded(folder: Path) -> Counter[str]:
    log = folder / "encoded.log"
    return Counter(log.read_text().splitlines() if log.exists() else [])


def rows(folder: Path, query: str) -> list[Any]:
    path = folder / "home" / "corpora" / "local" / "c" / "corpus.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def committed(folder: Path) -> int:
    """Return how many vectors are in the database."""
    return sum(rows(folder, f"SELECT count(*) FROM {table}")[0][0] for table in ("pending", "passages"))


async def answers(folder: Path) -> list[Any]:
    given = load_settings(home=folder / "home")
    async with open_corpus(given, "c", embeddings=Logging(folder / "asked.log", 0)) as corpus:
        found = [await corpus.search("sentence item 7919", 5, mode=mode) for mode in ("keyword", "dense", "hybrid")]
        return [[(each.evidence_id, each.scores) for each in hits] for hits in found]


async def check_same(folder: Path, undisturbed: Path) -> None:
    for query in STORED:
        assert rows(folder, query) == rows(undisturbed, query)
    assert rows(folder, "SELECT count(*) FROM pending") == [(0,)]
    assert rows(folder, "PRAGMA integrity_check") == [("ok",)]
    assert await answers(folder) == await answers(undisturbed)


async def test_killed_at_each_stage_it_goes_on_where_it_was(tmp_path):
    given, undisturbed = write(tmp_path / "killed" / "files", 80_000), write(tmp_path / "undisturbed" / "files", 80_000)
    passages = finished(undisturbed).passages
    assert passages > 4 * SLICE
    kept = [(each, start(given, each).wait(), committed(given)) for each in ("encoding:3", "encoding:2")]
    assert kept == [("encoding:3", -signal.SIGKILL, 2 * SLICE), ("encoding:2", -signal.SIGKILL, 3 * SLICE)]
    assert start(given, "publishing").wait() == -signal.SIGKILL
    assert rows(given, "SELECT count(*) FROM passages") == [(0,)]
    assert committed(given) == passages
    before = encoded(given)
    assert (len(before), before.total()) == (passages, passages + 2 * SLICE)  # twice: the slices of the first two kills
    assert start(given, "indexing").wait() == -signal.SIGKILL
    report = finished(given)
    assert (report.unchanged, report.passages, encoded(given)) == (1, 0, before)
    await check_same(given, undisturbed)


@pytest.mark.long
async def test_killed_at_ten_random_moments_a_file_of_5_mb_ends_as_undisturbed(tmp_path):
    given, undisturbed = (
        write(tmp_path / "killed" / "files", 5_000_000),
        write(tmp_path / "undisturbed" / "files", 5_000_000),
    )
    passages, lost = finished(undisturbed).passages, 0
    chance = random.Random(13)
    for number, wanted in enumerate(sorted(chance.randrange(passages) for _ in range(KILLS)), 1):
        assert killed(given, wanted, chance.uniform(0, 0.2)) == -signal.SIGKILL
        lost = encoded(given).total() - committed(given)
        assert 0 <= lost <= number * SLICE
    report = finished(given)
    assert report.resumed + report.unchanged > 0
    assert encoded(given).total() == passages + lost  # what was committed is never encoded again
    await check_same(given, undisturbed)


def killed(folder: Path, texts: int, seconds: float) -> int:
    """Kill an ingestion some seconds after so many texts were given to the encoder; return its exit status."""
    process = start(folder)
    while process.poll() is None and encoded(folder).total() < texts:
        time.sleep(0.01)
    time.sleep(seconds)
    process.kill()
    return process.wait()
