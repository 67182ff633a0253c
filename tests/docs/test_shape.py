"""The house rules on size: no file over 400 lines, no folder over 20 modules, no function over 50 lines."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.shape import PACKAGES, Shape, measured

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (*PACKAGES, "tests", "benchmarks", "docs", "clients/generator", "clients/python")
GENERATED = {"clients/python/src/sixplane_client/client.py", "clients/python/src/sixplane_client/models.py"}
MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def test_no_file_has_more_than_400_lines() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 400 and name not in GENERATED} == {}


def test_no_folder_holds_more_than_20_modules() -> None:
    counted = Counter(path.parent.relative_to(ROOT).as_posix() for path in MODULES if path.name != "__init__.py")
    assert {folder: count for folder, count in counted.items() if count > 20} == {}


def test_no_function_of_the_application_has_more_than_50_lines() -> None:
    shape = Shape()
    for path in (path for path in MODULES if path.relative_to(ROOT).parts[0] in PACKAGES):
        shape.read(path)
    assert max(shape.functions) <= 50


def test_the_figures_are_right_for_a_small_package(tmp_path: Path) -> None:
    code = (
        '"""Doc."""\n\n\ndef f() -> None:\n    """Doc."""\n'
        "    try:  # why\n        g()\n    except Exception:\n        return  # noqa: X\n"
    )
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "one.py").write_text(code)
    header, *rows = measured(tmp_path)
    row = dict(zip(header, rows[-1], strict=True))
    assert row["package"] == "all"
    assert (row["files"], row["lines"], row["function median"]) == ("9", "81", "5")
    assert (row["docstrings %"], row["comments / kLOC"], row["blind excepts / kLOC"]) == ("100", "111.1", "111.11")


@pytest.mark.parametrize("handler", ["except Exception:\n        raise", "except ValueError:\n        pass"])
def test_a_handler_that_raises_again_or_names_its_errors_is_not_blind(handler: str, tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text(f"def f() -> None:\n    try:\n        g()\n    {handler}\n")
    shape = Shape()
    shape.read(path)
    assert shape.blind == 0
