"""What a sink took, and what of it was lost."""

from __future__ import annotations

import threading


class DeliveryTally:
    """Counts the items of one sink; its threads share it. What is taken is pending until it is settled.

    Args:
        capacity: how many items may be pending; more are lost at once, so that no queue grows and none overflows.
    """

    def __init__(self, capacity: int | None = None) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._pending = self._lost = 0

    @property
    def closed(self) -> bool:
        """Whether the sink has been given up."""
        return self._closed.is_set()

    def take(self, items: int = 1) -> bool:
        """Return whether there is room for `items`; where there is none, they are lost."""
        with self._lock:
            room = self._capacity is None or self._pending + items <= self._capacity
            taken = room and not self.closed
            self._pending += items if taken else 0
            self._lost += 0 if taken else items
        return taken

    def settle(self, items: int, *, lost: int = 0) -> None:
        """Note that `items` are done with, `lost` of them without being delivered."""
        with self._lock:
            self._pending -= items
            self._lost += lost

    def close(self) -> None:
        """Give up: what is still pending counts as lost, and `pause` no longer waits."""
        self._closed.set()

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the sink is given up."""
        self._closed.wait(seconds)

    def lost(self) -> int:
        """Return how many items were not delivered."""
        with self._lock:
            return self._lost + (self._pending if self.closed else 0)
