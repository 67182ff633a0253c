"""Reads files in a process apart, so that one that hangs or crashes its reader is refused and harms nothing else.

Python can interrupt no thread that parses; a process can be killed. It is started when a file needs it, reads one file
after another, and ends with the process that started it, or when it has nothing to do for a while.

`multiprocessing`, and loky and `concurrent.futures` with it, start a process by running the caller's main module once
more, which a script without `if __name__ == "__main__"` does not survive, and they kill no task at a time limit; pebble
does, under a licence that `deploy/licences.toml` does not allow. So the process is started as any program is, and
`multiprocessing.connection` carries the messages.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

from retrieval.loaders.containers.member import Item
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.reading import failed, over
from retrieval.loaders.source import Source
from retrieval.loaders.workers.child import Finished, Request
from retrieval.loaders.workers.stopping import is_given_up

_MAIN = "import sys; sys.path[:] = {path!r}; from retrieval.loaders.workers.child import main; main({descriptor})"
_GRACE_SECONDS = 60.0
"""How long a process may take to start, and beyond its limit to end itself. A chosen value for a loaded machine."""
_LOOK_SECONDS = 0.2  # how soon a file is given up that nobody waits for

_idle: list[_Worker] = []


class GivenUp(Exception):
    """The file is not read to its end because nobody waits for it any more."""


class _Worker:
    """One process that reads files, one at a time."""

    def __init__(self) -> None:
        self._connection, there = Pipe()
        with there:
            self._process = subprocess.Popen(  # noqa: S603 - Python itself, with a text of this module
                [sys.executable, "-c", _MAIN.format(path=sys.path, descriptor=there.fileno())],
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # what a library prints may hold text of the file
                start_new_session=True,  # a group of its own, which is ended with all that the process has started
            )

    def takes(self, request: Request) -> bool:
        """Give the process a file; return whether it takes it. One that does not is ended."""
        taken = False
        try:
            self._connection.send(request)
            taken = self.received(_GRACE_SECONDS) is True
        except (EOFError, OSError):
            pass  # an idle process may have ended itself
        finally:
            if not taken:
                self.end()
        return taken

    def received(self, seconds: float) -> Any:
        """Return what the process sends next.

        Raises:
            EOFError: it has ended.
            GivenUp: nobody waits for it any more.
            TimeoutError: it sends nothing in time.
        """
        until = time.monotonic() + seconds
        try:
            while not self._connection.poll(_LOOK_SECONDS):
                if is_given_up():
                    raise GivenUp
                if time.monotonic() > until:
                    raise TimeoutError
            return self._connection.recv()
        except ConnectionError:
            raise EOFError from None

    def end(self) -> int:
        """End the process and those that it has started; return the exit code, which tells if it had ended before."""
        self._connection.close()
        if self._process.returncode is None:
            # Before `wait`: until then, the number of the group cannot become another's.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()


def read_apart(module: str, source: Source) -> Iterator[Item]:
    """Yield what `retrieval.loaders.reading.read` yields, read in a process apart.

    Raises:
        GivenUp: nobody waits for the file any more, see `giving_up_at_the_end`.
    """
    folder = None if source.path.is_absolute() else str(Path.cwd())
    try:
        worker = _taking(Request(module, source, folder))
    except LoadFault as fault:
        yield failed(source.path, fault.reason)
        return
    seconds, reusable = source.settings.limits.seconds, False
    try:
        # The process ends itself at the limit. It is waited for longer in case that it cannot.
        while not isinstance(item := worker.received(seconds + _GRACE_SECONDS), Finished):
            yield item
        reusable = item.reusable
    except (EOFError, TimeoutError) as error:
        code = worker.end()
        late = isinstance(error, TimeoutError) or code == -signal.SIGALRM
        yield failed(source.path, _too_slow(seconds) if late else _ended(code))
    finally:
        if reusable and not _idle:
            _idle.append(worker)
        else:
            worker.end()


def _taking(request: Request) -> _Worker:
    """Return a process that has taken the file: an idle one, or a new one.

    Raises:
        LoadFault: no process could be started.
    """
    is_new = False
    while not is_new:
        try:
            worker = _idle.pop()
        except IndexError:
            worker, is_new = _Worker(), True
        if worker.takes(request):
            return worker
    raise LoadFault("no process could be started to read it; see that memory is free, and ingest again")


def _too_slow(seconds: float) -> str:
    return over(f"reading it takes more than {seconds:g} seconds", "seconds")


def _ended(code: int) -> str:
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"its reader ended with {how}; save it again, or in another format"


@atexit.register
def _end_idle() -> None:
    while _idle:
        _idle.pop().end()


# A forked process shares the descriptors: it must not talk to the worker of the process that it comes from.
os.register_at_fork(after_in_child=_idle.clear)
