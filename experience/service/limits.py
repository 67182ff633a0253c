"""How much work a process accepts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from settings import Settings


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


def limits_of(settings: Settings) -> RunLimits:
    """Return how many runs `settings` allow at a time."""
    server = settings.server
    return RunLimits(
        running=server.max_running,
        waiting=server.max_waiting,
        per_second=server.runs_per_second,
        per_principal=server.principal_max_runs,
        unwatched_seconds=server.unwatched_run_seconds,
    )
