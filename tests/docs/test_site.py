"""The documentation site builds without a warning, holds every page, and loads nothing from another host."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]+src=[\"']?(?:https?:)?//"  # scripts and pictures
    r"|<link[^>]+rel=[\"']?(?:stylesheet|icon|preload|preconnect)[^>]+href=[\"']?(?:https?:)?//"
    r"|(?:url\(|@import )[\"']?(?:https?:)?//"  # what a stylesheet loads
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make site` does."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_every_document_is_a_page(site: Path) -> None:
    wanted = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    wanted = {page for page in wanted if page.parts[0] != "sample"}
    assert {page for page in wanted if not (site / page).is_file()} == set()
    assert not (site / "sample").exists()
    assert not list(site.rglob("*.py"))
    assert 'id="experience.service.ResearchService.run"' in (site / "reference" / "experience.html").read_text()
    assert "--budget-usd" in (site / "cli.html").read_text()


@pytest.mark.slow
def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = [path for path in site.rglob("*") if path.suffix in {".html", ".css"}]
    assert len(pages) > 20
    for path in pages:
        assert not LOADED.search(path.read_text(encoding="utf-8")), path
