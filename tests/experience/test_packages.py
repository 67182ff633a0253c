"""A module of the user's that has the name of one of our packages is named in the error."""

import subprocess
import sys

import pytest

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
