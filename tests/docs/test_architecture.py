"""The architecture page names files that exist, and its recipes are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
_PATH = re.compile(r"`((?:[a-z_]+/(?:[\w.]+/)*(?:[\w.]+\.(?:py|toml|md))?)|sixplane\.example\.toml)`")

_RECIPE = re.compile(r"^### (.+?)\n(.*?)(?=^### |\Z)", re.DOTALL | re.MULTILINE)
RECIPES = dict(_RECIPE.findall(PAGE.partition("## Where to change what")[2]))


def test_every_path_on_the_page_exists() -> None:
    named = set(_PATH.findall(PAGE))
    assert len(named) > 50
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_there_are_eleven_recipes() -> None:
    assert len(RECIPES) == 11


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_names_the_code_and_where_it_is_tested_or_documented(title: str) -> None:
    files = [path for path in _PATH.findall(RECIPES[title]) if path.endswith((".py", ".toml", ".md"))]
    assert all((ROOT / path).is_file() for path in files), title
    assert len(files) >= 3
    assert any(path.startswith(("tests/", "docs/")) for path in files) or "retention" in title


def test_every_plane_and_every_sub_package_is_in_the_drawing() -> None:
    drawn = PAGE.partition("<!-- packages -->")[2].partition("<!-- /packages -->")[0]
    planes = ("experience", "graphs", "nodes", "policy", "retrieval", "gateway", "observability", "settings", "state")
    rooms = [file.parent for plane in planes for file in (ROOT / plane).glob("*/__init__.py")]
    missing = [room.name for room in rooms if f"[{room.name}" not in drawn]
    assert missing == []


def test_every_node_of_the_graph_is_in_the_sequence() -> None:
    sequence = PAGE.partition("<!-- sequence -->")[2].partition("<!-- /sequence -->")[0]
    assert "as nodes/researcher.py" in sequence
    assert all(f"execute_node {name}" in sequence for name in ("guard_input", "retrieve", "verifier", "publish"))
