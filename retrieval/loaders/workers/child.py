"""The process that reads files: it takes one request after another and sends what it reads, one document at a time."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NamedTuple

from retrieval.loaders.containers.member import Item
from retrieval.loaders.reading import out_of_memory, read
from retrieval.loaders.source import Source

_IDLE_SECONDS = 60.0
"""After so long without a file the process ends, so that a service does not hold its memory. A chosen value."""
_MOST_KEPT = 384 * 1024 * 1024
"""A process that has needed more memory is not used again: Python returns little of it. A chosen value."""


class Request(NamedTuple):
    """A file to read, the module that reads it, and the folder to which its path is relative."""

    module: str
    source: Source
    folder: str | None = None


class Finished(NamedTuple):
    """Follows the last document of a file; `reusable` says whether the process can read another."""

    reusable: bool


def main(descriptor: int) -> None:
    """Read files until the other end is closed or has asked for nothing for a while."""
    os.set_inheritable(descriptor, False)
    # Ctrl-C and a service manager address the caller's processes together: the caller ends this one when it is done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    connection = Connection(descriptor)
    requests: SimpleQueue[Request] = SimpleQueue()
    Thread(target=_receive, args=(connection, requests), daemon=True).start()
    before = _peak_memory()  # on Linux, that of the process which started this one
    with suppress(Empty):
        while True:
            _answer(connection, requests.get(timeout=_IDLE_SECONDS), before)


def _receive(connection: Connection, requests: SimpleQueue[Request]) -> None:
    """Take requests; when the caller ends, in whatever way, end this process and those that it has started."""
    try:
        while True:
            requests.put(connection.recv())
    except (EOFError, OSError):
        os.killpg(0, signal.SIGKILL)


def _answer(connection: Connection, request: Request, before: int) -> None:
    module, source, folder = request
    if folder is not None:
        os.chdir(folder)
    _limit_memory(source.settings.limits.memory_bytes)
    with suppress(Exception):  # `read` reports it; here it is only that the import takes none of the file's time
        import_module(module)
    connection.send(True)
    items = read(module, source)
    while (item := _next(items, source.settings.limits.seconds)) is not None:
        try:
            connection.send(item)
        except MemoryError:
            connection.send(out_of_memory(source))
    connection.send(Finished(_peak_memory() <= max(before, _MOST_KEPT)))


def _next(items: Iterator[Item], seconds: float) -> Item | None:
    """Return the next item. The system ends this process at the limit, whatever the loader does meanwhile."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    item = next(items, None)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return item


def _limit_memory(most: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
