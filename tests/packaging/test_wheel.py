"""The wheel: what it contains, and that it works in an environment of its own, from an empty folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.packaging.test_dependencies import PACKAGES, PROJECT, ROOT

CACHES = {"__pycache__", ".ipynb_checkpoints"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the backend that the development lock pins: no download."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty environment; return the folder of its programs.

    The dependencies come from the environment of the tests: they weigh too much to install again. A `.pth` file adds
    its folders to the path without reading the `.pth` files in them, so this checkout is not on the path.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True, with_pip=False)
    python = home / "bin" / "python"
    run([sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-deps", "--python", python, wheel], home)
    site = next((home / "lib").glob("python*/site-packages"))
    folders = [entry for entry in sys.path if entry.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(folders))
    return home / "bin"


def run(command: list[str | Path], folder: Path) -> str:
    """Run a program in `folder` with an environment that knows neither this checkout nor its settings."""
    home = folder if folder != ROOT else Path.home()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(package: str) -> set[str]:
    found = {path.relative_to(ROOT) for path in (ROOT / package).rglob("*") if path.is_file()}
    return {path.as_posix() for path in found if not CACHES & set(path.parts)}


@pytest.mark.slow
def test_it_holds_the_packages_with_their_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    info = f"sixplane-{PROJECT['project']['version']}.dist-info"
    assert {name.partition("/")[0] for name in names} == PACKAGES | {info}
    assert set().union(*(files(package) for package in PACKAGES)) <= set(names)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert {Path(name).suffix for name in names} >= {".toml", ".json", ".css", ".js", ".html"}


@pytest.mark.slow
def test_its_metadata_is_that_of_the_project(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = message_from_bytes(archive.read(info))
    assert metadata["Name"] == "sixplane"
    assert {entry.partition(", ")[0] for entry in metadata.get_all("Project-URL", [])} == set(
        PROJECT["project"]["urls"]
    )
    assert metadata.get_all("Provides-Extra") == sorted(PROJECT["project"]["optional-dependencies"])
    assert "# Sixplane" in metadata.get_payload()
    assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


@pytest.mark.slow
@pytest.mark.long
def test_every_package_is_imported_from_the_environment(programs: Path, tmp_path: Path) -> None:
    code = f"import {', '.join(sorted(PACKAGES))}, sys; print(*(sys.modules[name].__file__ for name in {PACKAGES}))"
    found = run([programs / "python", "-c", code], tmp_path).split()
    assert len(found) == len(PACKAGES)
    assert all(Path(path).is_relative_to(programs.parent) for path in found), found


@pytest.mark.slow
def test_a_question_is_answered_from_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "sample", tmp_path / "papers", ignore=shutil.ignore_patterns("[!p]*"))
    assert "research" in run([programs / "sixplane", "--help"], tmp_path)
    added = run([programs / "sixplane", "ingest", "papers", "--corpus", "papers"], tmp_path)
    assert re.search(r"documents: [1-9]\d* added, .* 0 failed", added)
    question = "How are on-demand models priced?"
    out = ["--corpus", "papers", "--out", "reports"]
    assert "status: answered" in run([programs / "sixplane", "research", question, *out], tmp_path)
    assert "<style" in (tmp_path / "reports" / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["settings", "state"])
def test_a_script_beside_a_module_of_our_name_fails_as_the_readme_says(
    name: str, programs: Path, tmp_path: Path
) -> None:
    (tmp_path / f"{name}.py").write_text("DEBUG = True\n")
    (tmp_path / "script.py").write_text("from experience.service import open_service\n")
    done = subprocess.run([programs / "python", "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"'{tmp_path / name}.py' hides the package '{name}' of Sixplane; rename it" in done.stderr
