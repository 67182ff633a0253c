"""The places for runs in this process: how many there are, who has one, and when one may be free again."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from experience.service.limits import RunLimits
from gateway.limiter import RateLimiter
from observability.watching import measure_queue
from state.errors import RateLimited, TooBusy

LONGEST_SECONDS = 60.0
"""The longest wait that a refused caller is told, before it is spread. A chosen value."""

_RECENT = 0.2
"""The weight of the last run in the mean duration of runs. A chosen value: it follows a change within some ten runs."""


@dataclass
class Occupancy:
    """Who has a place or waits for one, and whether another one would get one.

    Args:
        limits: how many places there are.
        admitted: how many runs each principal of a tenant has that are active or waiting.
        mean: seconds of a run; a guess until the first one has ended.
        closed: whether no more places are given out.
    """

    limits: RunLimits
    admitted: Counter[tuple[str, str]] = field(default_factory=Counter)
    mean: float = 1.0
    closed: bool = False

    def check(self, whose: tuple[str, str]) -> None:
        """Raise `TooBusy` or `RateLimited` if a run of the principal would be refused now."""
        self.check_open()
        limits = self.limits
        if limits.per_principal is not None and self.admitted[whose] >= limits.per_principal:
            raise RateLimited(
                f"{limits.per_principal} runs of this principal are active or waiting", retry_after=self.patience()
            )
        if self.admitted.total() >= limits.running + limits.waiting:
            raise TooBusy(
                f"{limits.running} runs are active and {limits.waiting} are waiting", retry_after=self.patience()
            )

    @property
    def waiting(self) -> int:
        """How many runs wait for a place."""
        return max(0, self.admitted.total() - self.limits.running)

    def check_open(self) -> None:
        """Raise `TooBusy` if no more places are given out."""
        if self.closed:
            raise TooBusy("the service is shutting down", retry_after=5)

    def patience(self) -> int:
        """Return the seconds after which a retry may succeed: when the runs that wait now will have had their turn.

        It is spread over twice the time. Otherwise all who were refused together would come back together.
        """
        limits = self.limits
        waiting = self.waiting + 1
        seconds = max(waiting * self.mean / limits.running, waiting / limits.per_second if limits.per_second else 0.0)
        return math.ceil(min(LONGEST_SECONDS, max(1.0, seconds)) * random.uniform(1.0, 2.0))  # noqa: S311 - spreads load


class Places(Occupancy):
    """Gives out the places of `limits`, to a tenant's principal each."""

    def __init__(self, limits: RunLimits, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(limits)
        measure_queue(self)
        self._clock = clock
        self._free = asyncio.Semaphore(limits.running)
        self._pace = RateLimiter(requests_per_minute=limits.per_second, characters_per_minute=None, window_seconds=1.0)

    @contextmanager
    def passing(self, whose: tuple[str, str]) -> Iterator[None]:
        """Check before the block. A request in it takes its place by itself, so there is nothing to count."""
        self.check(whose)
        yield

    async def take(self, whose: tuple[str, str]) -> Callable[[], None]:
        """Wait for a place, and return what gives it back. Raises like `check`."""
        self.check(whose)
        self.admitted[whose] += 1
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
            self.mean += _RECENT * (self._clock() - began - self.mean)
            self._free.release()
            self._forgo(whose)

        return leave

    def _forgo(self, whose: tuple[str, str]) -> None:
        self.admitted[whose] -= 1
        self.admitted += Counter()  # drops the principals without runs
