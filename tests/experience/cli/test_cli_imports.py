"""Which heavy packages each command imports, asked of fresh processes: a start should cost what the command needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from experience.cli.app import app

HEAVY = frozenset(
    {
        "detect_secrets",
        "fastapi",
        "langchain_community",
        "langchain_core",
        "langgraph",
        "langsmith",
        "mcp",
        "numpy",
        "oci",
        "openai",
        "openvino",
        "openvino_telemetry",
        "phonenumbers",
        "presidio_analyzer",
        "pydantic",
        "pydantic_settings",
        "ray",
        "requests",
        "spacy",
        "sqlalchemy",
        "tantivy",
        "tokenizers",
    }
)
SETTINGS = {"pydantic", "pydantic_settings"}
SEARCH = SETTINGS | {"numpy", "openvino", "tantivy", "tokenizers"}
GRAPH = {"langchain_core", "langgraph", "langsmith", "pydantic", "requests"}
RESEARCH = SEARCH | GRAPH | {"detect_secrets", "sqlalchemy"}
COMMANDS = [
    pytest.param(["search", "budget"], SEARCH, id="search"),
    pytest.param(["corpus", "list"], SEARCH, id="corpus-list", marks=pytest.mark.long),
    pytest.param(["ingest", "docs"], SEARCH, id="ingest", marks=pytest.mark.long),
    pytest.param(["research", "What does a budget bound?"], RESEARCH, id="research", marks=pytest.mark.long),
    pytest.param(["models"], SETTINGS, id="models", marks=pytest.mark.long),
]
TOLD = f"""
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted({set(HEAVY)!r} & set(sys.modules))), file=sys.stderr))
"""
COMMAND = f"{TOLD}from experience.cli import main; main()"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("imports")
    (folder / "docs").mkdir()
    (folder / "docs" / "budgets.md").write_text("# Budgets\n\nA budget bounds what a run may spend.\n")
    made = CliRunner().invoke(app, ["ingest", str(folder / "docs"), "--home", str(folder / "home")])
    assert made.exit_code == 0, made.output
    return str(folder)


@pytest.mark.parametrize(("arguments", "expected"), COMMANDS)
def test_a_command_imports_what_it_needs(arguments: list[str], expected: set[str], home: str) -> None:
    assert imported(COMMAND, *arguments, "--home", f"{home}/home", cwd=home) == expected


def test_graphs_are_imported_without_the_settings() -> None:
    assert imported(f"{TOLD}import graphs") == GRAPH


def imported(code: str, *arguments: str, cwd: str | None = None) -> set[str]:
    """Return the heavy packages that a new process has imported at its end."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))
