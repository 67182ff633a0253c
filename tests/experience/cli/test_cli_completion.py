"""The tab key offers corpora and threads of the line's tenant and home folder, and never an error."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from experience.service.threads import Threads
from settings import load_settings


def offered(line: str, **environment: str) -> set[str]:
    """Return what bash would show for `line`."""
    asked = {"_SIXPLANE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    result = CliRunner().invoke(app, [], prog_name="sixplane", env={**asked, **environment})
    assert result.stderr == ""
    return set(result.stdout.split())


@pytest.fixture
async def filled(tmp_path):
    """Return a home with folders of two tenants' corpora and three threads."""
    for name in ("local/handbook", "local/hotels", "local/memory.reports", "other/harbour"):
        folder = tmp_path / "corpora" / name
        folder.mkdir(parents=True)
        (folder / "corpus.db").touch()
    table = Threads(load_settings(home=tmp_path), lease_seconds=60)
    await table.setup()
    await table.aclose()
    with closing(sqlite3.connect(tmp_path / "threads.db", isolation_level=None)) as database:
        for number, (tenant, thread) in enumerate((("local", "t-1"), ("local", "t-2"), ("other", "t-3"))):
            values = (tenant, thread, str(number), "done", "q", "{}", "t", "s", "x", str(number))
            columns = "tenant, thread_id, run_id, status, question, context, trace_id, span_id, created_at, updated_at"
            database.execute(f"INSERT INTO threads ({columns}) VALUES (?{', ?' * 9})", values)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("sixplane search x --corpus ", {"handbook", "hotels"}),
        ("sixplane search x -c ho", {"hotels"}),
        ("sixplane search x --tenant other --corpus ", {"harbour"}),
        ("sixplane search x --tenant ../x --corpus ", set()),
        ("sixplane research x --corpus han", {"handbook"}),
        ("sixplane research x --thread ", {"t-1", "t-2"}),
        ("sixplane corpus show ", {"handbook", "hotels"}),
        ("sixplane show --tenant other ", {"t-3"}),
        ("sixplane resume t-", {"t-1", "t-2"}),
    ],
)
def test_the_names_of_the_tenant_are_offered(filled, line, names):
    assert offered(line, SIXPLANE_HOME=str(filled)) == names


def test_the_home_folder_of_the_line_is_looked_at(filled, tmp_path):
    assert offered(f"sixplane show --home {filled} t-2", SIXPLANE_HOME=str(tmp_path / "none")) == {"t-2"}


@pytest.mark.parametrize("line", ["sixplane show ", "sixplane search x --corpus "])
def test_what_cannot_be_read_offers_nothing(tmp_path, line):
    assert offered(line, SIXPLANE_HOME=str(tmp_path / "none")) == set()
    (tmp_path / "threads.db").write_text("no database")
    assert offered(line, SIXPLANE_HOME=str(tmp_path)) == set()
    assert offered(line, SIXPLANE_HOME=str(tmp_path), SIXPLANE_PROFILE="nonsense") == set()
