"""The synchronous entry points of the gateway, which is asynchronous inside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_sync(make: Callable[[], Coroutine[Any, Any, Result]], close: Callable[[], Awaitable[None]]) -> Result:
    """Return the result of the coroutine that `make` returns, run on an event loop of its own; then await `close`.

    The loop runs in a new thread, since the caller's thread may be running a loop already. `close` must release what
    the coroutine opened on that loop: an HTTP session bound to a loop that has ended fails at its next use.
    """

    async def once() -> Result:
        try:
            return await make()
        finally:
            await close()

    context = copy_context()  # the current span and account are context variables, which a new thread would lose
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(context.run, lambda: asyncio.run(once())).result()
