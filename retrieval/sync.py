"""Running our asynchronous code from the synchronous methods of LangChain's interfaces."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


def run_sync(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop | None) -> T:
    """Run `work` from synchronous code and return its result.

    Args:
        work: the coroutine to run.
        loop: the event loop that owns the connections which `work` uses; `None` runs it on a new loop.

    Raises:
        RuntimeError: the caller runs on `loop` itself, and would block the loop that it waits for.
    """
    if loop is None:
        # In a thread of its own: the caller's thread may already run a loop, as notebooks do, and `asyncio.run` refuses
        # to start a second one there. The copied context keeps the current span as the parent.
        context = copy_context()
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(context.run, asyncio.run, work).result()
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is loop:
        work.close()
        raise RuntimeError("on the event loop of the pool, use the asynchronous method (`a…`)")
    return asyncio.run_coroutine_threadsafe(work, loop).result()
