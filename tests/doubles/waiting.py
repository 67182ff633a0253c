"""Waiting in tests: for what should happen, never for a time.

The bound only ends a test that hangs. It is far above what the slowest machine needs, and no test asserts how long
something takes.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pytest

SAFETY_SECONDS = 600

_Result = TypeVar("_Result")


async def safely(awaited: Awaitable[_Result]) -> _Result:
    """Return the result of `awaited`; fail instead of hanging."""
    return await asyncio.wait_for(awaited, SAFETY_SECONDS)


async def until(condition: Callable[[], Any]) -> None:
    """Wait until `condition`, a function or a coroutine function, returns something true; fail instead of hanging."""
    async with asyncio.timeout(SAFETY_SECONDS):
        while not (await found if inspect.isawaitable(found := condition()) else found):  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.01)


def simulated(simulate: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    """Run it without the limiter's patience, which is of real time: a slow process would wake all again and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.limiter._PATIENCE_SECONDS", 1e6)
        return asyncio.run(simulate())
