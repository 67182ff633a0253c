"""Install the packages of a lock file into the environment of this interpreter, and show how far it is.

`python deploy/install.py requirements.lock`: used by the Makefile. It needs only the standard library and pip;
uv is used where the environment has it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

_PIN = re.compile(r"^[A-Za-z0-9][\w.-]*==", re.MULTILINE)
_NAME = re.compile(
    r"(?:Collecting|Requirement already satisfied:) (?P<name>[A-Za-z0-9][\w.-]*)"
    r"|Processing (?:\S*/)?(?P<file>[^\s/-]+)-"
)
"""A package of an index, one that is installed, or a file of a local folder: pip's three first lines of a package."""
_STEP = 20
"""Packages between two lines of a log: a terminal shows each package on one line that is written over."""


def main(lock: str) -> int:
    """Run pip on `lock`; return its exit status."""
    started = time.monotonic()
    total = len(_PIN.findall(Path(lock).read_text(encoding="utf-8")))
    sys.stderr.write(f"Installing the {total} packages of {lock} into {sys.prefix}.\n")
    sys.stderr.write("This happens once. It takes one to five minutes; docs/install.md lists what needs the space.\n")
    # Python compiles a module when it is first imported. Compiling all of them here would take 415 MB more, of which a
    # run uses 33, and half a minute; it saves 4 seconds of the first run (docs/install.md).
    if uv(lock) == 0:
        sys.stderr.write(f"  done after {time.monotonic() - started:.0f} seconds\n")
        return 0
    options = ["--require-hashes", "--no-compile", "--progress-bar=off"]
    command = [sys.executable, "-m", "pip", "install", *options, "-r", lock]
    # pip's errors and warnings stay visible: only its standard output becomes the progress line.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pip:  # noqa: S603 - our own interpreter's pip
        terminal = sys.stderr.isatty()
        for line in progress(pip.stdout or (), total, terminal=terminal):
            sys.stderr.write(f"\r\x1b[2K  {line}" if terminal else f"  {line}\n")
            sys.stderr.flush()
    ending = "done" if pip.returncode == 0 else "failed"
    sys.stderr.write(f"{chr(10) if terminal else ''}  {ending} after {time.monotonic() - started:.0f} seconds\n")
    return pip.returncode


def uv(lock: str) -> int:
    """Let uv install `lock` if this environment has it; return its exit status, or 1 where there is no uv.

    uv fetches in parallel: half the time of pip, measured in `.ci/run`, which installs it first. It does not read pip's
    configuration, so pip stays the one that a person needs, and the one that is asked when uv fails.
    """
    program = Path(sys.executable).with_name("uv")
    if not program.exists():
        return 1
    # Without `--no-config` the constraints in pyproject.toml, which have no hash, would be an error.
    options = ["--no-config", "--quiet", "--require-hashes", "--python", sys.executable]
    return subprocess.run([program, "pip", "install", *options, "-r", lock], check=False).returncode  # noqa: S603 - as pip


def progress(lines: Iterable[str], total: int, *, terminal: bool) -> Iterator[str]:
    """Turn pip's output into progress lines: one per package on a terminal, otherwise one per twenty."""
    count = 0
    for line in lines:
        if line.startswith("Ignoring "):  # a pin of another Python or platform: the lock is for all of them
            total -= 1
        elif found := _NAME.match(line):
            count += 1
            if terminal or count % _STEP == 0:
                yield f"{count} of {total} packages fetched: {found['name'] or found['file']}"
        elif line.startswith("Installing collected packages:"):
            yield f"{count} of {total} packages fetched; unpacking them"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
