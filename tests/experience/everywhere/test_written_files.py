"""Whatever the umask, each file that a command writes is for its owner alone (0600), and so is each folder (0700)."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experience.cli.app import app

QUESTION = "What is the price of Tariff A?"


@pytest.fixture(autouse=True, params=[0o000], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def commands(docs: Path, out: Path) -> list[list[str]]:
    corpus = ["--corpus", "small"]
    return [
        ["init", "--models", "embedded", "--no-check", "--out", str(out / "sixplane.toml")],
        ["ingest", str(docs), *corpus],
        ["research", QUESTION, "--thread", "t", "--out", str(out / "report"), *corpus],
        ["search", QUESTION, *corpus],
        ["export", "t", "--out", str(out / "bundle.zip")],
        ["batch", str(docs.parent / "in.jsonl"), "--out", str(out / "deep" / "outcomes.jsonl"), *corpus],
        ["evaluate", str(docs.parent / "in.jsonl"), "--out", str(out / "evaluation"), *corpus],
        ["keys", "create", "--principal", "p", "--role", "ask"],
        ["budget", "set", "--month", "1"],
        ["doctor"],
    ]


def test_what_commands_write_is_for_its_owner_alone(
    docs: Path, tmp_path: Path, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_text(json.dumps({"question": QUESTION}))
    home, out = tmp_path / "home", tmp_path / "out"
    out.mkdir(mode=0o700)
    for command in commands(docs, out):
        done = CliRunner().invoke(app, command, env={"SIXPLANE_HOME": str(home)})
        assert done.exit_code == 0, (command, done.stderr)
        assert umask == os.umask(umask), command
    written = [path for folder in (home, out) for path in (folder, *folder.rglob("*"))]
    modes = {path.relative_to(tmp_path): stat.S_IMODE(path.lstat().st_mode) for path in written}
    assert {path: oct(mode) for path, mode in modes.items() if mode not in (0o600, 0o700)} == {}
    assert all((mode == 0o700) == (tmp_path / path).is_dir() for path, mode in modes.items())
    assert {path.suffix for path in modes} >= {".db", ".jsonl", ".html", ".zip", ".toml", ".json"}
