"""`sixplane corpus copy`, both ways, with Oracle's tables played back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from settings import Settings
from state.errors import DependencyUnavailable
from tests.retrieval.oracle.recording import PlaybackPool

OUT = ("--from", "embedded", "--to", "oracle")
BACK = ("--from", "oracle", "--to", "embedded")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[PlaybackPool]:
        yield PlaybackPool(tmp_path / "oracle.db", 384)

    monkeypatch.setattr("settings.connections.oracle_pool.open_oracle_pool", opened)
    (tmp_path / "doc.md").write_text("# Tariffs\n\nTariff A costs 12 dollars a month.\n")
    assert run(tmp_path, "ingest", str(tmp_path / "doc.md"), "--corpus", "small").exit_code == 0
    return tmp_path


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"SIXPLANE_HOME": str(home / "home")})


def test_there_and_back_again_is_the_same(home: Path) -> None:
    told = run(home, "corpus", "copy", "small", *OUT)
    assert told.exit_code == 0, told.stderr
    assert "1 copied, 0 already there" in told.stdout
    again = json.loads(run(home, "corpus", "copy", "small", *OUT, "--json").stdout)
    assert (again["corpus"], again["copied"], again["unchanged"]) == ("small", 0, 1)
    back = run(home, "corpus", "copy", "small", *BACK, "--as", "returned", "--json")
    assert json.loads(back.stdout)["copied"] == 1, back.stderr
    found = run(home, "search", "What does Tariff A cost?", "--corpus", "returned", "--json")
    assert "12 dollars" in json.loads(found.stdout)["passages"][0]["text"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("nowhere", *OUT), 2, "no corpus `nowhere`"),
        (("../x", *OUT), 2, "corpus"),
        (("small", *OUT, "--as", "a b"), 2, "corpus"),
        (("small", *OUT, "--tenant", "../x"), 2, "tenant"),
        (("small", *OUT, "--tenant", "other"), 2, "no corpus"),
        (("small", "--from", "embedded", "--to", "embedded"), 2, "onto itself"),
        (("small", "--from", "embedded", "--to", "postgres"), 2, "postgres"),
        (("small", "--from", "embedded"), 2, "--to"),
    ],
)
def test_bad_input_is_told(home: Path, arguments: tuple[str, ...], status: int, told: str) -> None:
    result = run(home, "corpus", "copy", *arguments)
    assert result.exit_code == status
    assert told in result.stderr
    assert result.stdout == ""


def test_a_database_that_is_not_there_is_told_with_its_remedy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Settings) -> Any:
        raise DependencyUnavailable("the database cannot be reached", hint="check SIXPLANE_ORACLE__DSN")

    monkeypatch.setattr("settings.connections.oracle_pool.open_oracle_pool", refused)
    result = run(home, "corpus", "copy", "small", *OUT)
    assert result.exit_code == 5
    assert "SIXPLANE_ORACLE__DSN" in result.stderr
