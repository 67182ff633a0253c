"""How much work a process accepts."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class RunLimits:
    """How much work the process accepts.

    Args:
        running: how many runs may be active at a time.
        waiting: how many runs may wait for a place; further ones are refused.
        per_second: how many runs may start in any second; `None` means no limit.
        per_principal: how many runs of one principal may be active or waiting; `None` means no limit.
        unwatched_seconds: how long a run goes on whose last client has left.
    """

    running: int = 8
    waiting: int = 16
    per_second: int | None = None
    per_principal: int | None = None
    unwatched_seconds: float = math.inf
