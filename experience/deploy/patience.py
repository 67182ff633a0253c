"""How long a command waits for OCI: one bound for all of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from experience.deploy.errors import DeployUnfinished

FIRST_SECONDS, LONGEST_SECONDS = 2.0, 15.0
"""Between two looks at the same work. Chosen values: an application takes minutes."""


class Patience:
    """Waits between looks, longer each time, up to a bound for all waits together.

    The time counts from the first wait: a person may think about the question of `destroy` for as long as they like.

    Args:
        minutes: the bound.
        clock: seconds, from any start.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        minutes: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._minutes, self._clock, self._pause = minutes, clock, pause
        self._until: float | None = None

    def wait(self, looks: int, what: str, least: float = 0.0) -> None:
        """Wait before the next look.

        Args:
            looks: how often was looked before.
            what: what is waited for, for the error.
            least: seconds that the service asked for.

        Raises:
            DeployUnfinished: the bound is reached.
        """
        seconds = max(min(FIRST_SECONDS * 1.5**looks, LONGEST_SECONDS), least)
        now = self._clock()
        if self._until is None:
            self._until = now + self._minutes * 60
        if now + seconds > self._until:
            raise DeployUnfinished(f"{what} is not done after {self._minutes:g} minutes")
        self._pause(seconds)
