"""No test of the gateway waits for a back-off."""

from dataclasses import dataclass, field

import pytest

from gateway.limiter import RateLimiter


@dataclass
class Waits:
    """What would have been waited for: seconds before an attempt, `Retry-After` of each throttling."""

    attempts: list = field(default_factory=list)
    throttled: list = field(default_factory=list)


class _Unpaused(RateLimiter):
    def __init__(self, waits):
        super().__init__(requests_per_minute=None, characters_per_minute=None)
        self._waits = waits

    def throttled(self, retry_after=0.0):
        self._waits.throttled.append(retry_after)


@pytest.fixture
def waits(monkeypatch):
    """Record every wait of the governor, and take no time."""
    found = Waits()
    monkeypatch.setattr(
        "gateway.governor.wait_seconds", lambda attempt, failure: found.attempts.append(failure.retry_after) or 0.0
    )
    monkeypatch.setattr("gateway.governor.limiter_of", lambda *_: _Unpaused(found))
    return found
