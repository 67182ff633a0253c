"""The places for runs in this process: how many there are, who has one, and when one may be free again."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Callable

from experience.service.limits import RunLimits
from gateway.limiter import RateLimiter
from state.errors import RateLimited, TooBusy

LONGEST_SECONDS = 60.0
"""The longest wait that a refused caller is told, before it is spread. A chosen value."""

_RECENT = 0.2
"""The weight of the last run in the mean duration of runs. A chosen value: it follows a change within some ten runs."""


class Places:
    """Gives out the places of `limits`, to a tenant's principal each."""

    def __init__(self, limits: RunLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._free = asyncio.Semaphore(limits.running)
        self._pace = RateLimiter(requests_per_minute=limits.per_second, characters_per_minute=None, window_seconds=1.0)
        self._admitted: Counter[tuple[str, str]] = Counter()
        self._mean = 1.0
        """Seconds of a run; a guess until the first one has ended."""
        self.closed = False
        """Whether no more places are given out."""

    def check(self, whose: tuple[str, str]) -> None:
        """Raise `TooBusy` or `RateLimited` if a run of the principal would be refused now."""
        self.check_open()
        most = self._limits.per_principal
        if most is not None and self._admitted[whose] >= most:
            raise RateLimited(f"{most} runs of this principal are active or waiting", retry_after=self.patience())
        if self._admitted.total() >= self._limits.running + self._limits.waiting:
            raise TooBusy(
                f"{self._limits.running} runs are active and {self._limits.waiting} are waiting",
                retry_after=self.patience(),
            )

    async def take(self, whose: tuple[str, str]) -> Callable[[], None]:
        """Wait for a place, and return what gives it back. Raises like `check`."""
        self.check(whose)
        self._admitted[whose] += 1
        try:
            await self._free.acquire()
        except BaseException:  # cancellation too: a client that leaves the queue must not keep counting against it
            self._forgo(whose)
            raise
        try:
            # After the place: runs that waited with their permits in hand could all start in the same second.
            await self._pace.acquire(0)
            self.check_open()
        except BaseException:  # cancellation too: otherwise the place stays taken for ever
            self._free.release()
            self._forgo(whose)
            raise
        began = self._clock()

        def leave() -> None:
            self._mean += _RECENT * (self._clock() - began - self._mean)
            self._free.release()
            self._forgo(whose)

        return leave

    def patience(self) -> int:
        """Return the seconds after which a retry may succeed: when the runs that wait now will have had their turn.

        It is spread over twice the time. Otherwise all who were refused together would come back together.
        """
        limits = self._limits
        waiting = max(0, self._admitted.total() - limits.running) + 1
        seconds = max(waiting * self._mean / limits.running, waiting / limits.per_second if limits.per_second else 0.0)
        return math.ceil(min(LONGEST_SECONDS, max(1.0, seconds)) * random.uniform(1.0, 2.0))  # noqa: S311 - spreads load

    def check_open(self) -> None:
        """Raise `TooBusy` if no more places are given out."""
        if self.closed:
            raise TooBusy("the service is shutting down", retry_after=5)

    def _forgo(self, whose: tuple[str, str]) -> None:
        self._admitted[whose] -= 1
        self._admitted += Counter()  # drops the principals without runs
