"""What an error of a provider means, whichever provider it is: the vocabulary that the failure tables speak.

`gateway.classification.classify` turns an SDK's exception into a `ProviderFailure`; the tables are in
`gateway/oci/failures.py` and `gateway/openai/failures.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

MOST_ID_CHARS = 512
"""The longest request id that is kept: the ids of OCI have some hundred characters."""

REQUEST_TIMEOUT, TOO_MANY, SERVER_FAULT = 408, 429, 500

MOST_TOKENS = 2**40
"""Who reports more tokens of one call than this has broken its own format; the ledger could not add them up."""


FailureKind = Literal["outage", "malformed"]
"""What a failure is, and so which error ends the call:

- `outage`: `ModelUnavailable`. The provider does not answer; a fallback model may.
- `malformed`: `ModelOutputInvalid`. It answered, and broke its own format.
"""


@dataclass(frozen=True)
class ProviderFailure:
    """What an error means for the caller.

    Args:
        reason: what happened, as the rest of a sentence about the model.
        transient: whether the same request may succeed later.
        billed: whether the provider may charge for the request.
        retry_after: the least seconds to wait before the next attempt, 0 if the provider names none.
        hint: what the user can do about it.
        throttled: whether the provider refused because of its rate limit.
        kind: which error ends the call.
    """

    reason: str
    transient: bool
    billed: bool
    retry_after: float = 0.0
    hint: str = ""
    throttled: bool = False
    kind: FailureKind = "outage"


FILTERED = frozenset(
    {"error_toxic", "content_filter", "safety", "prohibited_content", "blocklist", "recitation", "refusal", "spii"}
)
"""Finish reasons, in small letters, of an answer that a content filter ended: the words of OCI and of others."""

FILTERED_FAILURE = ProviderFailure(
    "its content filter ended the answer",
    transient=False,
    billed=True,
    hint="rephrase the question, or choose another model",
)

Classify = Callable[[BaseException], ProviderFailure | None]
"""Returns what an exception means; `None` if no provider caused it. The one: `gateway.classification.classify`."""


class ProviderError(Exception):
    """A provider failed; the SDK's error is its cause."""

    def __init__(self, failure: ProviderFailure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def status_failure(status: int, hint: str, retry_after: float = 0.0) -> ProviderFailure:
    """Return what an HTTP error status means; 408 and 5xx count as billed, since the model may have answered."""
    transient = status in (REQUEST_TIMEOUT, 409, 425, TOO_MANY) or status >= SERVER_FAULT
    billed = status == REQUEST_TIMEOUT or status >= SERVER_FAULT
    return ProviderFailure(
        f"it answered {status}", transient, billed, retry_after=retry_after, hint=hint, throttled=status == TOO_MANY
    )


def request_id_of(error: BaseException) -> str:
    """Return the id that the provider gave to the request that ended in `error`, `""` if its answer had none.

    Oracle's support asks for the `opc-request-id`, that of others for the `x-request-id`.
    """
    headers = getattr(getattr(error, "response", None), "headers", None) or getattr(error, "headers", None) or {}
    given = {str(name).lower(): str(value) for name, value in dict(headers).items()}
    return (given.get("opc-request-id") or given.get("x-request-id") or "")[:MOST_ID_CHARS]


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
