"""What docs/oracle.md shows is true: its settings load, its commands and files exist, its suites are marked."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docs.generate import ROOT
from experience.cli.app import app
from settings import load_settings
from settings.connections.oracle_codes import DSN_HINT
from settings.oracle import OracleSettings

TEXT = (ROOT / "docs/oracle.md").read_text(encoding="utf-8")
BLOCKS = [re.sub(r"^ {3}", "", each, flags=re.MULTILINE) for each in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)]
COMMANDS = sorted(set(re.findall(r"(?:\$ |`)sixplane ([^`#\n]+)", TEXT)))


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_its_settings_load(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sixplane.toml").write_text(block, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    given = tomllib.loads(block)
    assert {name: str(getattr(settings.oracle, name)) for name in given["oracle"]} == given["oracle"]
    assert all(getattr(settings.data, name) == value for name, value in given.get("data", {}).items())


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_exist(command: str) -> None:
    words = shlex.split(command.replace("…", "x"))
    path = [word for word in words[:2] if word.isalpha() and word.islower()][: 2 if words[0] in ("db", "corpus") else 1]
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert [option for option in words if option.startswith("--") and option not in shown.output] == []


def test_its_files_exist_and_its_suites_need_a_database() -> None:
    named = set(re.findall(r"`((?:tests|settings|retrieval|graphs|experience|deploy)/[\w./*]+)`", TEXT))
    assert len(named) > 15
    assert [name for name in named if not list(ROOT.glob(name.rstrip("/")))] == []
    suites = list(re.findall(r"\| `(tests/(?:conformance|crash)/\w+\.py)`", TEXT))
    assert len(suites) == 6
    assert [name for name in suites if "ORACLE" not in (ROOT / name).read_text(encoding="utf-8")] == []


def test_every_setting_of_the_section_is_in_the_example() -> None:
    example = (ROOT / "sixplane.example.toml").read_text(encoding="utf-8")
    section = example[example.index("[oracle]") :].split("\n[", 1)[0]
    assert [name for name in OracleSettings.model_fields if name not in section] == []
    assert "docs/oracle.md" in DSN_HINT
