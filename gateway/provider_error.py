"""What a provider's error means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

REQUEST_TIMEOUT, TOO_MANY, SERVER_FAULT = 408, 429, 500


def status_failure(status: int, hint: str, retry_after: float = 0.0) -> Failure:
    """Return what the HTTP status of an answer means. After 408 and 5xx the model may have answered already."""
    transient = status in (REQUEST_TIMEOUT, 409, 425, TOO_MANY) or status >= SERVER_FAULT
    billed = status == REQUEST_TIMEOUT or status >= SERVER_FAULT
    throttled = status == TOO_MANY
    return Failure(f"it answered {status}", transient, billed, retry_after=retry_after, hint=hint, throttled=throttled)


def seconds_of(retry_after: str) -> float:
    """Return the seconds of a `Retry-After` header, a number or a date (RFC 9110, 10.2.3); zero for anything else."""
    try:
        seconds = float(retry_after)
        return max(seconds, 0.0) if math.isfinite(seconds) else 0.0
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return 0.0
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((aware - datetime.now(UTC)).total_seconds(), 0.0)


@dataclass(frozen=True)
class Failure:
    """What an error means: whether to try again, after how many seconds at least, and whether it may be billed."""

    reason: str
    transient: bool
    billed: bool
    retry_after: float = 0.0
    hint: str = ""
    throttled: bool = False


class ProviderError(Exception):
    """A provider failed; the SDK's error is its cause."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure
