"""A limiter asked by callers that do not wait."""

from __future__ import annotations

from gateway.limiter import RateLimiter


def test_a_request_that_may_not_wait_is_admitted_or_told_when_to_come_back():
    now = [0.0]
    limiter = RateLimiter(requests_per_minute=2, characters_per_minute=100, clock=lambda: now[0])
    assert [limiter.admit(60), limiter.admit(40)] == [0.0, 0.0]
    assert 60 <= limiter.admit(1) <= 60.1
    now[0] += 60.1
    assert limiter.admit(100) == 0.0
    assert limiter.admit(1) > 0
