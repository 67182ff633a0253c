"""A process that owns one PostgreSQL server and ends it with the process that started it, however that one ends.

`python supervisor.py FOLDER BINARIES` prints a line when the server is ready. When its standard input ends, which the
death of its parent does too, it stops the server and removes the folder. It imports the standard library alone, so that
it starts at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOTS_STAND_IN = "nobody"
"""PostgreSQL refuses to run as root: there it runs as this user, who owns nothing else."""

START_SECONDS = 120
"""No machine takes that long; the log is printed then."""

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",  # in a container, /dev/shm may hold no more than 64 MB
    "max_wal_size": "64MB",
    # Nothing here outlives the tests, so nothing has to reach the disk. A killed client loses no commit by that.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "deadlock_timeout": "100ms",
    "log_min_messages": "fatal",
}
"""The isolation of transactions stays at the server's own: READ COMMITTED, which is Oracle's too."""


def main(folder: Path, binaries: Path) -> None:
    """Start the server, wait for the end of standard input, and leave nothing behind."""
    server: subprocess.Popen[bytes] | None = None
    try:
        server = start(folder, binaries)
        print("ready", flush=True)  # noqa: T201 - what the parent waits for
        sys.stdin.read()
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: nobody will read the data again
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, binaries: Path) -> subprocess.Popen[bytes]:
    """Make a database cluster in `folder` and serve it on a socket beside it."""
    user: dict[str, str] = {}
    if os.geteuid() == 0:
        user = {"user": ROOTS_STAND_IN}
        shutil.chown(folder, ROOTS_STAND_IN)
        binaries = reachable(binaries, folder)
    data, log = folder / "data", folder / "log"
    settings = [each for name, value in SETTINGS.items() for each in ("--set", f"{name}={value}")]
    made = [binaries / "initdb", "-D", data, "--auth=trust", "-U", "postgres", "--encoding=UTF8", "--no-locale"]
    with log.open("wb") as written:
        told = {"stdin": subprocess.DEVNULL, "stdout": written, "stderr": written, "cwd": folder, **user}
        with failing_with(log):
            subprocess.run([*made, "--no-sync", *settings], check=True, **told)  # type: ignore[call-overload]
        server = subprocess.Popen([binaries / "postgres", "-D", data, "-k", folder], **told)  # type: ignore[call-overload]
    until = time.monotonic() + START_SECONDS
    while not is_ready(data):
        if server.poll() is not None or time.monotonic() > until:
            server.kill()
            raise SystemExit(log.read_text(errors="replace"))
        time.sleep(0.005)
    return server  # type: ignore[no-any-return]


@contextlib.contextmanager
def failing_with(log: Path):
    """Say what the log says if a command fails."""
    try:
        yield
    except (subprocess.CalledProcessError, OSError) as error:
        raise SystemExit(f"{error}\n{log.read_text(errors='replace')}") from error


def reachable(binaries: Path, folder: Path) -> Path:
    """Return binaries that other users may execute: these, or copies, where a folder above is closed to them."""
    if all(parent.stat().st_mode & 0o005 == 0o005 for parent in (binaries, *binaries.parents)):
        return binaries
    for part in ("bin", "lib", "share"):
        shutil.copytree(binaries.parent / part, folder / part)
    return folder / "bin"


def is_ready(data: Path) -> bool:
    """Return whether the server takes connections: the last line of its file says so."""
    try:
        return (data / "postmaster.pid").read_text().split()[-1] == "ready"
    except (OSError, IndexError):
        return False


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, and their end is ours
    main(Path(sys.argv[1]), Path(sys.argv[2]))
