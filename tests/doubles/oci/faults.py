"""Faults on demand."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "status",
    "slow_first_byte",
    "hang",
    "drop_midstream",
    "malformed_frame",
    "no_finish",
    "error_finish",
    "truncated",
    "content_type",
    "no_content_length",
]


@dataclass
class Fault:
    """One way to misbehave.

    Args:
        kind: what goes wrong.
        path: the operation that it hits, for example `chat`; empty for all.
        times: how often.
        probability: instead of `times`, how likely each call is hit.
        status: of `kind="status"`.
        headers: of the faulty response, for example `retry-after`.
        body: of `kind="status"`, in place of the service's error body.
        seconds: of `slow_first_byte`.
        value: the content type of `content_type`.
    """

    kind: Kind
    path: str = ""
    times: int = 1
    probability: float | None = None
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    seconds: float = 0.0
    value: str = ""


class Faults:
    """What goes wrong next."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Let these go wrong, in their order."""
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._faults = []

    def next(self, path: str) -> Fault | None:
        """Return what goes wrong with this call of `path`."""
        with self._lock:
            for fault in self._faults:
                if fault.path in ("", path) and self._hits(fault):
                    return fault
        return None

    def _hits(self, fault: Fault) -> bool:
        if fault.probability is not None:
            return self._random.random() < fault.probability
        if fault.times <= 0:
            return False
        fault.times -= 1
        return True
