"""Threads for work that blocks the event loop, and the rule for what runs in which. Nothing else decides it.

- The event loop itself: one row of an SQLite file by its key, where every request needs it (the keys), and the short
  transactions of a run on such files (ledger, threads and checkpoints), if nobody else is writing. They then wait for
  nobody, and a change of thread would cost more than they do, most of all while other threads compute.
- `FRONT`: what else a request needs before it is admitted: the keys in Oracle Database, a line of the audit trail.
  Nothing slow may run there, so that a refusal never waits for the work of others.
- `IO`: other files and databases.
- `CPU`: guards, embeddings, searches, and of long texts the draft, its cases and the rendering of the report.
- `ENCODING`: the groups of texts that ingestions encode, one after the other.
- `asyncio.to_thread`: while something is opened or closed, and for work that may take minutes (an ingestion, a copy, an
  index that is built) or waits for the network. Its pool is shared with libraries, which put anything there.
- A thread of its own: a connection that serves one caller at a time (the checkpoints, where they have to wait).
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

SHORT_CHARS = 2_000
"""Longest text that the event loop works on itself. A chosen value: a draft with its passages takes a few milliseconds
then, and a thread that computes holds up the loop as long, since it passes Python's global lock on after five."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Stopwatch:
    """Measures how long work has taken, without what it spent waiting for a thread, or for the event loop afterwards.

    A deadline for the work holds against `worked`: on a busy machine the wait alone can be longer than the deadline.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._began = clock, clock()
        self._waited = 0.0
        self._waits_since: float | None = None

    @property
    def waited(self) -> float:
        """Seconds that the work has waited."""
        since = self._waits_since
        return self._waited + (0.0 if since is None else self._clock() - since)

    @property
    def worked(self) -> float:
        """Seconds that it has worked."""
        return self._clock() - self._began - self.waited

    def wait(self) -> None:
        """Note that the work waits from now on."""
        self._waits_since = self._clock()

    def go_on(self) -> None:
        """Note that it goes on."""
        since, self._waits_since = self._waits_since, None
        if since is not None:
            self._waited += self._clock() - since


_watch: contextvars.ContextVar[Stopwatch | None] = contextvars.ContextVar("stopwatch", default=None)


@contextmanager
def measured() -> Iterator[Stopwatch]:
    """Yield a stopwatch that every pool stops while the block waits for one of its threads."""
    watch = Stopwatch()
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Let the block count as a wait, in a thread of a pool too: loading a library is not the work that is measured."""
    watch = _watch.get()
    if watch is not None:
        watch.wait()
    try:
        yield
    finally:
        if watch is not None:
            watch.go_on()


class Pool:
    """A few threads. They are started when they are first needed and end with the process."""

    def __init__(self, name: str, threads: int) -> None:
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"sixplane-{name}")

    async def run(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """Return `work(*given, **named)`, called in one of the threads with the context of the caller."""
        watch, context = _watch.get(), contextvars.copy_context()
        call = functools.partial(context.run, work, *given, **named)
        loop = asyncio.get_running_loop()
        if watch is None:
            return await loop.run_in_executor(self._executor, call)
        watch.wait()
        try:
            return await loop.run_in_executor(self._executor, _timed, watch, call)
        finally:
            watch.go_on()

    async def run_unless_short(
        self, chars: int, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
    ) -> Result:
        """Return `work(*given, **named)`: of a short text at once, in the event loop, and like `run` of another one.

        `chars`: the length of the text that the work takes its time for, in all.
        """
        return work(*given, **named) if chars <= SHORT_CHARS else await self.run(work, *given, **named)


def _timed(watch: Stopwatch, call: Callable[[], Result]) -> Result:
    watch.go_on()
    try:
        return call()
    finally:
        watch.wait()


FRONT = Pool("front", 2)
IO = Pool("io", 4)
ENCODING = Pool("encoding", 1)
"""One thread: the encoder serves one caller at a time, and the groups of all ingestions wait here for their turn."""
CPU = Pool("cpu", max(2, min(4, os.cpu_count() or 2)))
"""Not more: nearly all of it holds Python's global lock, and each thread that does delays the event loop."""
