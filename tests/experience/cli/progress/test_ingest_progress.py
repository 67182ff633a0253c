"""What `sixplane ingest` tells while it works: a bar on a terminal, JSON lines with `--json`, else plain lines."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from rich.console import Console
from typer.testing import CliRunner

from experience.cli.app import app
from experience.cli.ingest_progress import bar, ingest_progress, line_of
from retrieval import IngestProgress
from retrieval.documents import FailedFile
from retrieval.embeddings import local

LARGE = IngestProgress(
    added=1, passages=640, files=2, all_files=4, bytes=250, all_bytes=1000, source="a[red].txt", done=64, total=90
)
FAILED = IngestProgress(failed=1, failure=FailedFile(source="b\x1b[2J.exe", reason="unsupported format"))


@pytest.fixture
def given(tmp_path, monkeypatch):
    monkeypatch.setitem(local.loaded, None, DeterministicFakeEmbedding(size=8))
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "a.txt").write_text("The Falcon is red.")
    (folder / "b.exe").write_bytes(b"MZ")
    (folder / "c.txt").write_text("\n\n".join(f"Sentence {n}. {'word ' * 180}" for n in range(100)))
    return folder


def ingest(folder, *more):
    return CliRunner().invoke(app, ["ingest", str(folder), "--home", str(folder.parent / "home"), *more])


def test_json_gives_a_line_for_each_event_and_one_document_at_the_end(given):
    done = ingest(given, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["added"] == 2
    events = [json.loads(line) for line in done.stderr.splitlines()]
    first, failed = (next(each for each in events if each["type"] == kind) for kind in ("progress", "failed"))
    size = sum(path.stat().st_size for path in given.iterdir())
    assert (first["all_files"], first["all_bytes"], first["files"]) == (3, size, 0)
    assert failed["source"].endswith("b.exe")
    assert "unsupported format" in failed["reason"]


def test_without_a_terminal_failures_are_lines(given):
    done = ingest(given)
    assert (done.exit_code, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith("skipped: ")
    assert "2 added, 0 updated, 0 unchanged, 1 failed" in done.stdout


def test_a_line_comes_every_30_seconds(capsys):
    now = [0.0]
    with ingest_progress(clock=lambda: now[0]) as tell:
        for _ in range(4):
            tell(LARGE)
            now[0] += 10
    assert capsys.readouterr().err.splitlines() == [f"ingest: {line_of(LARGE, 30)}"]


def test_a_line_has_files_rate_failures_time_left_and_the_large_file():
    assert line_of(LARGE, 20) == "2/4 files, 640 passages, 32.0 passages/s, 0 failed, 1 min 0 s left, a[red].txt 64/90"
    assert line_of(IngestProgress(added=3, passages=3), 0) == "3 documents, 3 passages, 3000.0 passages/s, 0 failed"


def test_a_bar_leaves_each_failure_above_it_without_commands_to_the_terminal():
    out = StringIO()
    with bar(Console(file=out, width=160, force_terminal=True, color_system=None)) as tell:
        tell(LARGE)
        tell(FAILED)
    shown = out.getvalue()
    assert "skipped: b[2J.exe: unsupported format" in shown
    assert "\x1b[2J.exe" not in shown


def test_a_bar_shows_the_share_and_the_file_as_it_is_called():
    out = StringIO()
    with bar(Console(file=out, width=160, force_terminal=True, color_system=None)) as tell:
        tell(LARGE)
    assert "25%" in out.getvalue()
    assert "a[red].txt 64/90" in out.getvalue()
