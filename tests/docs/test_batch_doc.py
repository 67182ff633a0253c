"""docs/batch.md: its examples run, its tables are the code's, its names exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experience.batch import BatchOutcome, BatchRow, RowStatus
from experience.batch.rows import MAX_LINE_BYTES
from experience.cli.app import app
from settings import Settings, load_settings
from state.channels import ResearchContext

ROOT = Path(__file__).resolve().parents[2]
DOC = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(jsonl|console|python|sh)\n(.*?)```", DOC, re.DOTALL))


def named(table: str) -> set[str]:
    """Return what the first column of a table names."""
    rows = DOC.partition(f"| {table} |")[2].partition("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


@pytest.mark.slow
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "questions.jsonl").write_text(BLOCKS["jsonl"])
    environment = {"SIXPLANE_HOME": str(tmp_path / "home")}
    for line in BLOCKS["console"].splitlines():
        done = CliRunner().invoke(app, shlex.split(line.removeprefix("$ sixplane ")), env=environment)
        assert done.exit_code == 0, (line, done.stderr)
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["counts"]["done"], summary["unfinished"]) == (3, 3, 0)
    code = [sys.executable, "-c", BLOCKS["python"]]
    ran = subprocess.run(code, env={**os.environ, **environment}, capture_output=True, text=True)
    assert sorted(ran.stdout.splitlines()) == ["1 done ", "2 failed question_invalid"], ran.stderr


def test_the_tables_name_every_field_and_no_other() -> None:
    assert named("field of a row") - set(ResearchContext.model_fields) == set(BatchRow.model_fields)
    assert named("field of an outcome") == set(BatchOutcome.model_fields)
    statuses = {status.value for status in RowStatus} - {RowStatus.STOPPED.value}
    row = next(line for line in DOC.splitlines() if line.startswith("| `status`"))
    assert set(re.findall(r"`(\w+)`", row)) == {"status", *statuses}
    assert f"more than {MAX_LINE_BYTES // 2**20} MiB" in DOC


def test_the_job_s_command_and_its_variables_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = CliRunner().invoke(app, ["batch", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    for option in {*re.findall(r"--[a-z-]+", BLOCKS["sh"]), "--retry", "--budget-usd", "--engine"}:
        assert option in shown
    for variable in re.findall(r"`SIXPLANE_(\w+)`", DOC):
        kind: object = Settings
        for name in variable.lower().split("__"):
            kind = kind.model_fields[name].annotation  # type: ignore[attr-defined]
    monkeypatch.setenv("SIXPLANE_OCI__AUTH", "resource_principal")
    assert load_settings().oci.auth == "resource_principal"
    assert f"`run.lease_seconds`, {Settings().run.lease_seconds:.0f} by default" in DOC
