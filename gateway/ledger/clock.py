"""The ledger's clock: one module, so that a test can move the time of all its parts together."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Return the current time in milliseconds since the epoch, UTC."""
    return round(time.time() * 1000)


def current_month() -> str:
    """Return the current month in UTC, for example `2026-11`."""
    return datetime.now(UTC).strftime("%Y-%m")
