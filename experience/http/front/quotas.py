"""The quota of requests that each principal has, within this process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.limiter import RateLimiter
from policy.identity import Principal
from state.errors import RateLimited

KEPT = 10_000
"""How many principals are remembered. The one that has been away longest is dropped; a chosen value."""


class RequestQuota:
    """Refuses the requests of a principal beyond `per_minute` in any minute; `None` means no quota."""

    def __init__(self, per_minute: int | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._limiters: OrderedDict[tuple[str, str], RateLimiter] = OrderedDict()

    @property
    def size(self) -> int:
        """How many principals are remembered."""
        return len(self._limiters)

    def check(self, principal: Principal) -> None:
        """Count a request of the principal. Raises `RateLimited`."""
        if self._per_minute is None:
            return
        wait = self._limiter(principal, self._per_minute).admit(0)
        if wait > 0:
            raise RateLimited(
                f"this principal may send {self._per_minute} requests in a minute", retry_after=math.ceil(wait)
            )

    def _limiter(self, principal: Principal, per_minute: int) -> RateLimiter:
        named = (principal.tenant, principal.id)
        if named not in self._limiters:
            self._limiters[named] = RateLimiter(
                requests_per_minute=per_minute, characters_per_minute=None, clock=self._clock
            )
        self._limiters.move_to_end(named)
        if len(self._limiters) > KEPT:
            self._limiters.popitem(last=False)
        return self._limiters[named]
