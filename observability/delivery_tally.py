"""Counts the items that a sink accepted, and those it lost."""

from __future__ import annotations

import threading


class DeliveryTally:
    """Counts the items of one sink: accepted, then pending until settled as delivered or lost.

    Shared by the caller's threads and the sink's own, hence the lock.

    Args:
        capacity: the most items that may be pending; further ones are lost at once, so that no queue grows without end.
    """

    def __init__(self, capacity: int | None = None) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._pending = self._lost = 0

    @property
    def closed(self) -> bool:
        """Whether the sink has been closed."""
        return self._closed.is_set()

    def take(self, items: int = 1) -> bool:
        """Accept `items` and return `True`; if there is no room, count them as lost and return `False`."""
        with self._lock:
            room = self._capacity is None or self._pending + items <= self._capacity
            taken = room and not self.closed
            self._pending += items if taken else 0
            self._lost += 0 if taken else items
        return taken

    def settle(self, items: int, *, lost: int = 0) -> None:
        """Record that `items` are no longer pending, and that `lost` of them were not delivered."""
        with self._lock:
            self._pending -= items
            self._lost += lost

    def close(self) -> None:
        """Close the sink: pending items count as lost, and `pause` no longer waits."""
        self._closed.set()

    def pause(self, seconds: float) -> None:
        """Wait, but at most until the sink is closed."""
        self._closed.wait(seconds)

    def lost(self) -> int:
        """Return how many items were not delivered."""
        with self._lock:
            return self._lost + (self._pending if self.closed else 0)
