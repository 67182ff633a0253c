"""Processes of their own for the price of a fork: they are signalled, killed and exit like any, with imports done.

Importing the planes takes an interpreter about 2.7 seconds of CPU time, more than most tests that need a process
then do with it. `multiprocessing`'s fork server imports them once for a test session and forks each process from there;
it holds no thread, no event loop and no open file of a test. Where the start itself is under test (the console script,
`python -m`, what an import loads), use `subprocess`.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.doubles.waiting import SAFETY_SECONDS

FORKS = multiprocessing.get_context("forkserver")
"""For what needs a `multiprocessing.Process`; a module that a test starts with `-m` is a `Forked`."""

# Nothing here may start a thread when it is imported: a fork copies only the thread that forks. That rules out
# `openvino`, whose import sends its telemetry from a thread pool.
FORKS.set_forkserver_preload(
    [
        "experience.cli.running",
        "experience.batch.local",
        "experience.mcp.serving",
        "experience.page.front",
        "experience.page.site",
        "gateway.extractive.chat",
        "gateway.scripted",
        "graphs.persistence.sqlite_checkpoints",
        "langchain_openai",
        "policy.recognisers",
        "retrieval.embedded.backend",
    ]
)


@dataclass(frozen=True)
class Ended:
    """How a process ended and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Forked:
    """A process that runs `target`: a module, as `python -m` does, or `module:function`."""

    def __init__(
        self, target: str, *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="process-")
        environment = dict(os.environ if env is None else env)
        given = (target, list(arguments), environment, str(cwd or Path.cwd()), self._folder.name)
        self._process = FORKS.Process(target=_run, args=given, daemon=True)
        self._process.start()

    @property
    def returncode(self) -> int | None:
        """Return the exit status, negative after a signal; `None` while the process runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit status, or `None` while the process runs."""
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        os.kill(self._process.pid or 0, number)

    def kill(self) -> None:
        """Send the process SIGKILL."""
        self._process.kill()

    def wait(self) -> int:
        """Wait until the process has ended."""
        self._process.join(SAFETY_SECONDS)
        if self.returncode is None:
            self.kill()
            raise TimeoutError(f"the process runs after {SAFETY_SECONDS} seconds: {self.printed('stderr')}")
        return self.returncode

    def printed(self, stream: str) -> str:
        """Return what has been written to `stdout` or `stderr` so far."""
        path = Path(self._folder.name, stream)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def line(self, stream: str) -> str:
        """Wait for the first line on a stream."""
        until = time.monotonic() + SAFETY_SECONDS
        while "\n" not in self.printed(stream) and self.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        return self.printed(stream).partition("\n")[0]

    def end(self) -> Ended:
        """Wait for the end; return the exit status and the output."""
        status = self.wait()
        return Ended(status, self.printed("stdout"), self.printed("stderr"))


def run(target: str, *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ended:
    """Run a process to its end."""
    return Forked(target, *arguments, env=env, cwd=cwd).end()


def _run(target: str, arguments: list[str], environment: dict[str, str], cwd: str, folder: str) -> None:
    """Become the process: its arguments, environment, working directory and output."""
    for number, stream in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(folder, stream), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    _follow_the_tables()
    module, _, function = target.partition(":")
    sys.argv = [module, *arguments]
    try:
        if function:
            getattr(importlib.import_module(module), function)()
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        # `multiprocessing` leaves a process without what `atexit` would run, which is where telemetry is flushed.
        atexit._run_exitfuncs()


def _follow_the_tables() -> None:
    """Keep our tables where the test does that started the process: see `tests.doubles.postgres`."""
    if place := os.environ.get("TESTS_POSTGRES"):
        from tests.doubles.postgres.tables import follow

        follow(place)
