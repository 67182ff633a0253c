"""A rate limiter for requests and characters per minute, over a moving window.

It is our own because no maintained library limits two units atomically in a moving window. With one limiter per unit,
the first is charged while the second still refuses; and a token bucket admits up to twice its limit within one window.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from state.errors import PromptTooLong

MAX_PAUSE_SECONDS = 20.0
"""The longest pause after a 429 without `Retry-After`. A chosen value, like the first pause below."""

MAX_ASKED_SECONDS = 300.0
"""The longest `Retry-After` that is honoured: a wrong header must not stop a model for hours."""

_FIRST_PAUSE_SECONDS = 0.5
_MOST_STEPS = 7  # 0.5 * 2 ** 6 exceeds the longest pause: more steps would only delay the recovery
_MARGIN_SECONDS = 0.001  # added to the window against rounding errors; also the shortest sleep
_PATIENCE_SECONDS = 1.0
"""How often a waiter checks that the head of the queue is alive: its loop may have ended without waking anybody.

The interval grows with the queue, since every waiter checks.
"""


class Grant:
    """A place in the window, for one request. Admitted at its most characters, and settled to the actual number.

    Args:
        characters: the characters that count against the window.
        at: the time of admission on the limiter's clock.
        counted: whether it still counts against the window.
        waited: the seconds that the request waited.
    """

    def __init__(self, limiter: RateLimiter, characters: int, at: float) -> None:
        self._limiter = limiter
        self.characters, self.at, self.waited = characters, at, 0.0
        self.counted = True

    def settle(self, characters: int) -> None:
        """Count only `characters` from now on, at most as many as were admitted."""
        self._limiter.settled(self, characters)


@dataclass(eq=False)
class _Ticket:
    characters: int
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    queued: bool = False
    grant: Grant | None = None


class RateLimiter:
    """Admits requests in order of arrival, within both limits in every moving window.

    One limiter serves the whole process: its callers may run in different event loops and threads. `None` means no
    limit. `await limiter.acquire(4_000)` returns when a request of 4,000 characters may be sent.
    """

    def __init__(
        self,
        *,
        requests_per_minute: int | None,
        characters_per_minute: int | None,
        window_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if any(limit is not None and limit < 1 for limit in (requests_per_minute, characters_per_minute)):
            raise ValueError("a limit must be at least 1, or `None` for no limit")
        self._most_requests = requests_per_minute or float("inf")
        self._most_characters = characters_per_minute or float("inf")
        self._window = window_seconds + _MARGIN_SECONDS
        self._clock, self._sleep = clock, sleep
        self._lock = (
            threading.RLock()
        )  # reentrant: the garbage collector may close a dead loop's `acquire`, which then calls `_leave`, at any time
        self._waiting: deque[_Ticket] = deque()
        self._grants: deque[Grant] = deque()
        self._characters = 0
        self._steps, self._paused_until = 0, float("-inf")

    async def acquire(self, characters: int) -> Grant:
        """Wait until a request of at most `characters` may be sent, and return its place in the window.

        Raises:
            PromptTooLong: the request alone exceeds the characters allowed in a whole window.
        """
        check_size(characters, self._most_characters)
        began, ticket = self._clock(), _Ticket(characters)
        try:
            while ticket.grant is None:
                wait = self._wait_of(ticket)
                if wait is None:
                    await self._turn(ticket)
                elif wait > 0:
                    await self._rest(ticket, max(wait, _MARGIN_SECONDS))
        finally:
            self._leave(ticket)
        ticket.grant.waited = self._clock() - began
        return ticket.grant

    def admit(self, characters: int) -> float:
        """Admit a request at once if both limits allow it, and return 0; else return the seconds until they will.

        For limiters on which nobody waits in `acquire`: a request that is admitted here overtakes them.
        """
        with self._lock:
            now = self._clock()
            wait = self._free_at(characters, now) - now
            if wait <= 0:
                self._granted(characters, now)
            return max(wait, 0.0)

    def settled(self, grant: Grant, characters: int) -> None:
        """Correct the characters of a request; called by `Grant.settle`."""
        with self._lock:
            spared = max(grant.characters - characters, 0)
            grant.characters -= spared
            if grant.counted and spared:
                self._characters -= spared
                self._wake_head()

    def throttled(self, retry_after: float = 0.0) -> None:
        """Pause all callers after a 429: at least `retry_after` seconds, and longer after each further 429.

        A 429 that arrives during a pause answers a request sent before it, so it does not lengthen the next pause.
        """
        with self._lock:
            now = self._clock()
            if now >= self._paused_until:
                self._steps = min(self._steps + 1, _MOST_STEPS)
            pause = min(_FIRST_PAUSE_SECONDS * 2.0 ** (self._steps - 1), MAX_PAUSE_SECONDS)
            pause = max(random.uniform(0.5, 1.0) * pause, min(retry_after, MAX_ASKED_SECONDS))  # noqa: S311 - spreads load, guards nothing
            self._paused_until = max(self._paused_until, now + pause)

    def succeeded(self) -> None:
        """Shorten the next pause by one step. A pause in progress stays as it is."""
        with self._lock:
            self._steps = max(0, self._steps - 1)

    def _wait_of(self, ticket: _Ticket) -> float | None:
        """Return the seconds until `ticket` may be granted, 0 for now, `None` if others are before it."""
        with self._lock:
            if not ticket.queued:  # new, or dropped by another caller while its loop was stopped
                ticket.queued = True
                self._waiting.append(ticket)
            while not (head := self._waiting[0]).loop.is_running():
                self._drop(head)
            if head is not ticket:
                return None
            now = self._clock()
            wait = self._free_at(ticket.characters, now) - now
            if wait <= 0:
                ticket.grant = self._granted(ticket.characters, now)
            return max(wait, 0.0)

    def _granted(self, characters: int, now: float) -> Grant:
        grant = Grant(self, characters, now)
        grant.counted = min(self._most_requests, self._most_characters) < float("inf")
        if grant.counted:
            self._grants.append(grant)
            self._characters += characters
        return grant

    def _free_at(self, characters: int, now: float) -> float:
        """Return the earliest time at which both limits and the pause admit `characters`."""
        while self._grants and self._grants[0].at + self._window <= now:
            oldest = self._grants.popleft()
            oldest.counted = False
            self._characters -= oldest.characters
        requests, held, at = len(self._grants), self._characters, self._paused_until
        for grant in self._grants:
            if requests < self._most_requests and held + characters <= self._most_characters:
                break
            requests, held, at = requests - 1, held - grant.characters, max(at, grant.at + self._window)
        return at

    async def _turn(self, ticket: _Ticket) -> None:
        """Wait until woken, but only as long as this waiter trusts that the head of the queue is alive."""
        ticket.woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS * max(1, len(self._waiting) // 100)):
                await ticket.woken.wait()

    async def _rest(self, ticket: _Ticket, seconds: float) -> None:
        """Wait `seconds`, or less if a settled request makes room."""
        ticket.woken.clear()
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        sleeping.add_done_callback(lambda _: ticket.woken.set())
        try:
            await ticket.woken.wait()
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                sleeping.cancel()

    def _leave(self, ticket: _Ticket) -> None:
        """Take `ticket` out of the queue, and wake the next one."""
        with self._lock:
            first = bool(self._waiting) and self._waiting[0] is ticket
            self._drop(ticket)
            if first:
                self._wake_head()

    def _wake_head(self) -> None:
        while self._waiting:
            head = self._waiting[0]
            try:
                head.loop.call_soon_threadsafe(head.woken.set)
                return
            except RuntimeError:  # the loop of that caller is closed: wake the next one
                self._drop(head)

    def _drop(self, ticket: _Ticket) -> None:
        ticket.queued = False
        with contextlib.suppress(ValueError):  # the garbage collector removed it already
            self._waiting.remove(ticket)


def check_size(characters: int, most: float | None) -> None:
    """Raise `PromptTooLong` for a request that alone exceeds the characters allowed in a whole window."""
    if most is not None and characters > most:
        raise PromptTooLong(
            f"a request of {characters} characters exceeds the limit of {most} per minute",
            hint="retrieve fewer passages with `-k`, or raise SIXPLANE_LIMITS__CHARACTERS_PER_MINUTE",
        )


class Admission(Protocol):
    """A request that was admitted. `waited`: the seconds that it waited."""

    waited: float

    def settle(self, characters: int) -> None:
        """Count only `characters` from now on, at most as many as were admitted."""
        ...


class Limiter(Protocol):
    """What the governor needs of a limiter: `RateLimiter`, or one that several processes share."""

    async def acquire(self, characters: int) -> Admission:
        """Wait until a request of at most `characters` may be sent. Raises `PromptTooLong`."""
        ...

    def throttled(self, retry_after: float = 0.0) -> None:
        """Pause all callers after a 429."""
        ...

    def succeeded(self) -> None:
        """Shorten the next pause by one step."""
        ...


LimiterKey = tuple[str, str, int | None, int | None]
"""Provider, model, requests and characters per minute."""


def own_limiter(key: LimiterKey) -> RateLimiter:
    """Return a new limiter for this process alone."""
    _, _, requests_per_minute, characters_per_minute = key
    return RateLimiter(requests_per_minute=requests_per_minute, characters_per_minute=characters_per_minute)


_limiters: dict[LimiterKey, Limiter] = {}
_making = threading.Lock()
_make: Callable[[LimiterKey], Limiter] = own_limiter


def limiters_from(make: Callable[[LimiterKey], Limiter]) -> None:
    """Let `make` provide the limiters of this process from now on; `own_limiter` is the default."""
    global _make  # noqa: PLW0603 - limiters belong to a process, as their registry does
    with _making:
        _make = make
        _limiters.clear()


def limiter_of(
    provider: str, model: str, requests_per_minute: int | None, characters_per_minute: int | None
) -> Limiter:
    """Return the process's limiter for a model. The limits are part of its key, so changed settings get a new one."""
    key = (provider, model, requests_per_minute, characters_per_minute)
    with _making:
        if key not in _limiters:
            _limiters[key] = _make(key)
        return _limiters[key]
