"""Serving a synchronous caller at the edge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_sync(make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Return what the coroutine returns, from a loop in a thread of its own: the caller's may be running."""
    context = copy_context()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(context.run, lambda: asyncio.run(make())).result()
