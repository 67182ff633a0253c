"""A module of the user's that has the name of one of our packages is named in the error."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experience.packages import PACKAGES

SCRIPT = "from experience.service import open_service\n"


def run(script):
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True)


@pytest.mark.parametrize("name", ["settings.py", "state.py", "policy/__init__.py", "nodes/other.py"])
def test_a_script_beside_a_module_of_our_name_is_told_which_file_to_rename(tmp_path, name):
    hiding = tmp_path / name
    hiding.parent.mkdir(exist_ok=True)
    hiding.write_text("DEBUG = True\n")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = run(script)
    # A folder without `__init__.py` does not hide an installed package: Python prefers the package.
    hides = name != "nodes/other.py"
    assert done.returncode == (1 if hides else 0), done.stderr
    if hides:
        package = name.partition("/")[0].removesuffix(".py")
        assert f"ImportError: {str(hiding)!r} hides the package {package!r} of Sixplane" in done.stderr
        assert "rename it" in done.stderr


def test_a_script_of_another_name_runs(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = run(script)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_installation_that_links_each_package_from_a_folder_of_its_own_is_no_false_alarm(tmp_path):
    root = Path(__file__).resolve().parents[2]
    (tmp_path / "one").mkdir()
    shutil.copytree(root / "experience", tmp_path / "one" / "experience", ignore=shutil.ignore_patterns("__pycache__"))
    linked = tmp_path / "site"
    linked.mkdir()
    (linked / "experience").symlink_to(tmp_path / "one" / "experience")
    for name in PACKAGES:
        (linked / name).symlink_to(root / name)
    code = f"import sys; sys.path.insert(0, {str(linked)!r}); import experience; print(experience.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, str(linked / "experience" / "__init__.py")), done.stderr
