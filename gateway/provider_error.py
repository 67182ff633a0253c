"""What an error of a provider means, whichever provider it is: the vocabulary that the failure tables speak.

`gateway.classification.classify` turns an SDK's exception into a `ProviderFailure`; the tables are in
`gateway/oci/failures.py` and `gateway/openai/failures.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from gateway.replies.reply import ServiceReply
from gateway.replies.words import finds_too_long, refuses_content

UNAUTHORIZED, REQUEST_TIMEOUT, TOO_LARGE, TOO_MANY, SERVER_FAULT = 401, 408, 413, 429, 500
_ABOUT_THE_REQUEST = (400, 403, 422)
"""Statuses with which services refuse what a request says. Of others, the words mean something else."""

MOST_TOKENS = 2**40
"""Who reports more tokens of one call than this has broken its own format; the ledger could not add them up."""


FailureKind = Literal["outage", "malformed", "refused", "credentials", "too_long"]
"""What a failure is, and so which error ends the call:

- `outage`: `ModelUnavailable`. The provider does not answer; a fallback model may.
- `malformed`: `ModelOutputInvalid`. It answered, and broke its own format.
- `refused`: `ContentRefused`. A content filter ended or refused it; no fallback model is asked instead.
- `credentials`: `CredentialsRefused`. It does not accept who asks; no fallback model is asked instead.
- `too_long`: `PromptTooLong`. A fallback model may take more.
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
        reply: what the service said, once it is known.
    """

    reason: str
    transient: bool
    billed: bool
    retry_after: float = 0.0
    hint: str = ""
    throttled: bool = False
    kind: FailureKind = "outage"
    reply: ServiceReply | None = None

    @property
    def told(self) -> str:
        """What happened, with what the service said of it."""
        return self.reason + (self.reply.told(self.reason) if self.reply else "")

    def attributes(self) -> dict[str, str | int]:
        """Return what a span tells of the service's answer."""
        return self.reply.attributes() if self.reply else {}


FILTERED = frozenset(
    {"error_toxic", "content_filter", "safety", "prohibited_content", "blocklist", "recitation", "refusal", "spii"}
)
"""Finish reasons, in small letters, of an answer that a content filter ended: the words of OCI and of others."""

FILTERED_FAILURE = ProviderFailure(
    "its content filter ended the answer",
    transient=False,
    billed=True,
    hint="rephrase the question, or choose another model",
    kind="refused",
)
TOO_LONG_HINT = "retrieve fewer passages with `-k`, or choose a model with a larger context"
PROXY_HINT = "check HTTPS_PROXY (`http://USER:PASSWORD@HOST:PORT` where it asks for credentials) and NO_PROXY"
CUT_FAILURE = ProviderFailure(
    "the prompt exceeds its context", transient=False, billed=True, hint=TOO_LONG_HINT, kind="too_long"
)
"""A model that began to answer, and found no room."""

Classify = Callable[[BaseException], ProviderFailure | None]
"""Returns what an exception means; `None` if no provider caused it. The one: `gateway.classification.classify`."""


class ProviderError(Exception):
    """A provider failed; the SDK's error is its cause.

    Args:
        failure: what it means.
        body: `code` and `message` of the service, where they came within an answer.
    """

    def __init__(self, failure: ProviderFailure, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        if body is not None:
            self.body = body


def status_failure(status: int, hint: str, retry_after: float = 0.0, said: str = "") -> ProviderFailure:
    """Return what an HTTP error status means; 408 and 5xx count as billed, since the model may have answered.

    Args:
        status: of the answer.
        hint: what the user can do about it, unless `said` says something that has a remedy of its own.
        retry_after: the least seconds to wait before the next attempt.
        said: the service's code and message.
    """
    if status in _ABOUT_THE_REQUEST and refuses_content(said):
        return replace(FILTERED_FAILURE, reason="it refused the content", billed=False)
    if status == TOO_LARGE or (status in _ABOUT_THE_REQUEST and finds_too_long(said)):
        return replace(CUT_FAILURE, billed=False)
    transient = status in (REQUEST_TIMEOUT, 409, 425, TOO_MANY) or status >= SERVER_FAULT
    return ProviderFailure(
        f"it answered {status}",
        transient=transient,
        billed=status == REQUEST_TIMEOUT or status >= SERVER_FAULT,
        retry_after=retry_after,
        hint=hint,
        throttled=status == TOO_MANY,
        kind="credentials" if status == UNAUTHORIZED else "outage",
    )


def proxy_failure(status: int) -> ProviderFailure:
    """Return what it means that a proxy opened no connection: it is free, since nothing was sent to the service.

    Args:
        status: of the proxy's answer, 0 if it gave none that can be read.
    """
    return ProviderFailure(
        f"the proxy in between opens no connection to it ({status or 'no answer'})",
        transient=status in (0, REQUEST_TIMEOUT, TOO_MANY) or status >= SERVER_FAULT,
        billed=False,
        hint=PROXY_HINT,
    )


def answered_failure(reason: str, code: str, message: str, *, transient: bool) -> ProviderFailure:
    """Return what an error within an answer of status 200 means: it is billed, since the model has begun."""
    said = f"{code} {message}"
    if refuses_content(said):
        return FILTERED_FAILURE
    if finds_too_long(said):
        return CUT_FAILURE
    return ProviderFailure(reason, transient=transient, billed=True, hint="try again")


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
