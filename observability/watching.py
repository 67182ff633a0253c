"""Who is told when an operation has ended, and whose queue is measured.

An operation is told from its span, where every node, search, guard and run passes already; so none of them knows of
metrics. Without listeners nothing is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from weakref import WeakValueDictionary

from state.values import Value


class OperationEnded(Value):
    """An operation: its kind, its target, how long it took, the attributes of its span, and its error's code."""

    operation: str
    target: str
    seconds: float
    attributes: Mapping[str, Any]
    error: str = ""


Listener = Callable[[OperationEnded], None]


class Queue(Protocol):
    """Something with a queue of runs."""

    @property
    def waiting(self) -> int: ...


_listeners: list[Listener] = []
_queues: WeakValueDictionary[int, Queue] = WeakValueDictionary()
"""By id: a queue may be a value that has no hash."""


def listen(listener: Listener) -> Callable[[], None]:
    """Tell `listener` of every operation that ends from now on, and return what ends that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def is_heard() -> bool:
    """Whether anybody listens."""
    return bool(_listeners)


def tell(ended: OperationEnded) -> None:
    """Tell all listeners."""
    for listener in tuple(_listeners):
        listener(ended)


def measure_queue(queue: Queue) -> None:
    """Measure a queue for as long as it exists."""
    _queues[id(queue)] = queue


def queue_length() -> int | None:
    """Return how many runs wait in this process, `None` where there is no queue."""
    queues = tuple(_queues.values())
    return sum(queue.waiting for queue in queues) if queues else None
