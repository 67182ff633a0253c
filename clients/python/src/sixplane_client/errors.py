"""What a call raises: `ApiError` for a problem, `NotFinished` for a run without a report. Both are `SixplaneError`.

Where the server is not reached at all, httpx raises its own `httpx.TransportError`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from pydantic import ValidationError

from sixplane_client.models import Fault, Pending, Problem


class SixplaneError(Exception):
    """The base class."""


class ApiError(SixplaneError):
    """The server answered with a problem (RFC 9457).

    Attributes:
        problem: the whole problem.
        retry_after: seconds after which the same request may succeed, or `None` if the server does not say so.
        request_id: the id by which the server's log names the request.
    """

    def __init__(self, problem: Problem, *, retry_after: float | None = None, request_id: str = "") -> None:
        hint = f"; {problem.hint}" if problem.hint else ""
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}{hint}")
        self.problem, self.retry_after, self.request_id = problem, retry_after, request_id

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """The stable code of the problem, for example `budget_exceeded`."""
        return self.problem.code

    @property
    def hint(self) -> str:
        """The remedy; empty if there is none."""
        return self.problem.hint

    @property
    def faults(self) -> list[Fault]:
        """The invalid fields of the request."""
        return self.problem.faults


class NotFinished(SixplaneError):
    """The run ended without a report: it waits for a review, or it was stopped. `resume_thread` goes on with it."""

    def __init__(self, pending: Pending) -> None:
        super().__init__(f"the run of the thread {pending.thread_id!r} has no report: {pending.status}")
        self.pending = pending


def error_of(response: httpx.Response) -> ApiError:
    """Return the error of a response that has been read. One that is no problem is of something before the server."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        problem = Problem(
            type="about:blank",
            title=response.reason_phrase,
            status=response.status_code,
            detail=response.reason_phrase or "the answer is not one of Sixplane",
            code="http",
            hint="check the address, and what stands between the client and the server",
            faults=[],
        )
    return ApiError(
        problem,
        retry_after=_seconds(response.headers.get("retry-after", "")),
        request_id=response.headers.get("x-request-id", ""),
    )


def _seconds(retry_after: str) -> float | None:
    """Return the seconds of a `Retry-After` header, which is a number or a date (RFC 9110, 10.2.3)."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max((when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)
