"""The synchronous methods of LangChain's interfaces, served from asynchronous code."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


def run_sync(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop | None) -> T:
    """Return what `work` returns, from synchronous code.

    Args:
        work: what is to run.
        loop: the loop that it must run on, because its connections belong to it; `None` runs it on a new one.

    Raises:
        RuntimeError: the caller runs on `loop` itself, and would wait for itself.
    """
    if loop is None:
        # A loop in a thread of its own: the caller's thread may be running one, as in a notebook.
        context = copy_context()
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(context.run, asyncio.run, work).result()
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is loop:
        work.close()
        raise RuntimeError("within the loop of the pool, use the asynchronous method (`a…`)")
    return asyncio.run_coroutine_threadsafe(work, loop).result()
