"""One set of rate limits for all workers: an actor holds the limiters, and each worker asks it.

Not a share for each worker: a share of the characters a minute would refuse prompts that the whole limit admits, and a
429 that one worker gets must pause all.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Any
from weakref import WeakValueDictionary

from gateway.limiter import Grant, Limiter, LimiterKey, RateLimiter, check_size, own_limiter

_log = logging.getLogger(__name__)

_WINDOW_SECONDS = 60.0


class SharedLimits:
    """The actor: one limiter for each model, as a process has otherwise.

    Args:
        restarted: whether an earlier one was lost, which admitted requests that this one knows nothing of.
    """

    def __init__(self, *, restarted: bool | None = None) -> None:
        self._restarted = _was_restarted() if restarted is None else restarted
        self._limiters: dict[LimiterKey, RateLimiter] = {}
        # Weak values: a limiter drops a request that has left its window, and one that fails is never settled.
        self._grants: WeakValueDictionary[int, Grant] = WeakValueDictionary()
        self._numbers = itertools.count()

    async def acquire(self, key: LimiterKey, characters: int) -> tuple[int, float]:
        """Wait until the request may be sent; return its number and how many seconds it waited."""
        grant = await self._limiter(key).acquire(characters)
        number = next(self._numbers)
        self._grants[number] = grant
        return number, grant.waited

    async def settle(self, number: int, characters: int) -> None:
        """Count only `characters` of the request from now on."""
        if (grant := self._grants.get(number)) is not None:
            grant.settle(characters)

    async def throttled(self, key: LimiterKey, retry_after: float) -> None:
        """Pause all workers after a 429."""
        self._limiter(key).throttled(retry_after)

    async def succeeded(self, key: LimiterKey) -> None:
        """Shorten the next pause by one step."""
        self._limiter(key).succeeded()

    def _limiter(self, key: LimiterKey) -> RateLimiter:
        if key not in self._limiters:
            self._limiters[key] = own_limiter(key)
            if self._restarted:
                self._limiters[key].throttled(_WINDOW_SECONDS)
        return self._limiters[key]


def shared_limiter(actor: Any, key: LimiterKey) -> Limiter:
    """Return a worker's limiter for a model. A model without limits needs no other worker: it has one of its own."""
    _, _, requests, characters = key
    return own_limiter(key) if requests is None and characters is None else _Remote(actor, key)


class _Remote:
    """A limiter of a worker: asks the actor."""

    def __init__(self, actor: Any, key: LimiterKey) -> None:
        self._actor, self._key = actor, key

    async def acquire(self, characters: int) -> _Admitted:
        check_size(characters, self._key[3])
        asking = self._actor.acquire.remote(self._key, characters)
        try:
            number, waited = await asking
        except asyncio.CancelledError:
            _cancel(asking)
            raise
        return _Admitted(self._actor, number, waited)

    def throttled(self, retry_after: float = 0.0) -> None:
        self._actor.throttled.remote(self._key, retry_after)

    def succeeded(self) -> None:
        self._actor.succeeded.remote(self._key)


class _Admitted:
    def __init__(self, actor: Any, number: int, waited: float) -> None:
        self._actor, self._number, self.waited = actor, number, waited

    def settle(self, characters: int) -> None:
        self._actor.settle.remote(self._number, characters)


def _cancel(asking: Any) -> None:
    """Take a request out of the queue, so that it takes no place in the window."""
    import ray

    ray.cancel(asking)


def _was_restarted() -> bool:
    import ray

    return bool(ray.get_runtime_context().was_current_actor_reconstructed)
