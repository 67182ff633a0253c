"""Generated Python in the format of the repository."""

from __future__ import annotations

import subprocess
import sys


def formatted(code: str) -> str:
    """Return Python code as `ruff format` writes it."""
    command = [sys.executable, "-m", "ruff", "format", "--quiet", "--stdin-filename", "clients/generated.py", "-"]
    made = subprocess.run(  # noqa: S603 - our own interpreter, no argument from outside
        command, input=code, check=True, capture_output=True, text=True, encoding="utf-8"
    )
    return made.stdout
