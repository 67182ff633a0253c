"""`deploy/install.py` shows how far the installation is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from runpy import run_path

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "install.py"
progress = run_path(str(SCRIPT))["progress"]
PIP = """Ignoring colorama: markers 'sys_platform == "win32"' don't match your environment
Collecting aiohttp==3.14.5
  Downloading aiohttp-3.14.5-cp311-cp311-manylinux_2_28_x86_64.whl (1.7 MB)
Requirement already satisfied: attrs==26.1.0 in ./site-packages (from -r requirements.lock (line 120))
Processing /srv/wheels/python_docx-1.2.0-py3-none-any.whl (from -r requirements.lock (line 3200))
Installing collected packages: aiohttp
Successfully installed aiohttp-3.14.5
"""


def test_a_terminal_sees_each_package() -> None:
    assert list(progress(PIP.splitlines(), 4, terminal=True)) == [
        "1 of 3 packages fetched: aiohttp",
        "2 of 3 packages fetched: attrs",
        "3 of 3 packages fetched: python_docx",
        "3 of 3 packages fetched; unpacking them",
    ]


def test_a_log_has_a_line_for_every_twenty_packages() -> None:
    pip = [f"Collecting package-{number}==1" for number in range(50)]
    assert list(progress(pip, 50, terminal=False)) == [
        "20 of 50 packages fetched: package-19",
        "40 of 50 packages fetched: package-39",
    ]


def test_the_reason_of_a_failure_and_pip_s_exit_status_are_kept(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("sixplane-no-such-package==1 --hash=sha256:" + "0" * 64 + "\n")
    command = [sys.executable, SCRIPT, lock]
    offline = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    done = subprocess.run(command, capture_output=True, text=True, env=offline, check=False)
    assert done.returncode == 1
    assert "sixplane-no-such-package" in done.stderr
    assert "failed after" in done.stderr
