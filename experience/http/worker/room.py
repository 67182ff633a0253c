"""What the process that takes connections knows of the places for runs in the process that works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from experience.service.limits import RunLimits
from experience.service.places import Occupancy

Who = tuple[str, str]


class Room:
    """Refuses a request for a run for which the other process would have no place.

    It counts the requests that it has let pass, since those are not in what the other process told last. Some runs come
    another way (the page, a client that has left): so each principal has as many as the larger count says. The other
    process decides in the end; this only spares it most of what it would refuse.
    """

    def __init__(self, limits: RunLimits) -> None:
        self._limits = limits
        self._told = Occupancy(limits)
        self._passing: Counter[Who] = Counter()

    @contextmanager
    def passing(self, whose: Who) -> Iterator[None]:
        """Count a request of the principal while the block runs. Raises like `Occupancy.check`."""
        told = self._told
        Occupancy(self._limits, told.admitted | self._passing, told.mean, told.closed).check(whose)
        self._passing[whose] += 1
        try:
            yield
        finally:
            self._passing[whose] -= 1
            self._passing += Counter()  # drops the principals without requests

    def take_over(self, told: dict[str, Any]) -> None:
        """Take over what `said` made of the other process's places."""
        admitted = Counter({(tenant, name): count for tenant, name, count in told["admitted"]})
        self._told = Occupancy(self._limits, admitted, told["mean"], told["closed"])

    def empty(self) -> None:
        """Forget what the other process told: it is gone, and its runs with it."""
        self._told = Occupancy(self._limits)


def said(places: Occupancy) -> dict[str, Any]:
    """Return what `Room.take_over` takes."""
    admitted = [[tenant, name, count] for (tenant, name), count in places.admitted.items()]
    return {"admitted": admitted, "mean": places.mean, "closed": places.closed}
