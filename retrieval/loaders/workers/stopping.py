"""Giving up files that nobody waits for any more: a thread that waits for a worker cannot be cancelled otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event

_stop: ContextVar[Event | None] = ContextVar("stop", default=None)


@contextmanager
def giving_up_at_the_end() -> Iterator[None]:
    """When the block is left, give up each file that is still being read for it, in threads that it started too.

    `asyncio.to_thread` passes the context on to its thread.
    """
    stop = Event()
    token = _stop.set(stop)
    try:
        yield
    finally:
        stop.set()
        _stop.reset(token)


def is_given_up() -> bool:
    """Return whether the block for which a file is read was left."""
    stop = _stop.get()
    return stop is not None and stop.is_set()
