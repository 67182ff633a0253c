"""Error responses of every route: the classes of `state.errors` as problem details (RFC 9457).

Both processes answer errors, so this module imports nothing that only the work needs.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Scope

from experience.errors import known_error
from experience.http.front.request_ids import HEADER, request_id
from experience.http.openai_problems import OpenAIProblem, Unsupported, openai_fault, speaks_openai
from experience.http.sizes import MAX_FILES
from state.errors import (
    BadInput,
    BudgetExceeded,
    CorpusBusy,
    CorpusEmpty,
    CorpusMissing,
    DependencyUnavailable,
    EmbeddingMismatch,
    Forbidden,
    ModelOutputInvalid,
    ModelUnknown,
    PolicyRefusal,
    PriceUnknown,
    ReviewPending,
    RunMissing,
    RunStopped,
    SettingsInvalid,
    SixplaneError,
    StorageFull,
    ThreadBusy,
    ThreadMissing,
    ThreadNotResumable,
    TooBusy,
    Unauthenticated,
)

MEDIA_TYPE = "application/problem+json"

PROBLEM_TEXTS = {
    400: "The request cannot be read.",
    401: "No valid credentials.",
    402: "A budget is used up.",
    403: "The caller lacks the role, or a policy refused the text.",
    404: "The object does not exist, or the caller may not see it.",
    408: "The client sent the request too slowly.",
    409: "The state of the object does not allow this now; the hint says what to do.",
    413: "The request is too large.",
    422: "The request is invalid.",
    429: "Too many runs, requests or failed log-ins; `Retry-After` says when to retry.",
    500: "A bug in Sixplane, or invalid settings of the server.",
    502: "A model returned an answer that cannot be used.",
    503: "A service that Sixplane depends on does not respond; `Retry-After` may say when to retry.",
    507: "The disk of the server is full.",
}

PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, text in PROBLEM_TEXTS.items()
}
"""Every problem in OpenAPI. FastAPI's `model` would describe it as `application/json`."""

STATUSES: dict[type[SixplaneError], int] = {
    BadInput: 422,
    CorpusMissing: 404,
    ThreadMissing: 404,
    RunMissing: 404,
    ModelUnknown: 404,
    CorpusEmpty: 409,
    EmbeddingMismatch: 409,
    ThreadNotResumable: 409,
    ThreadBusy: 409,
    CorpusBusy: 409,
    ReviewPending: 409,
    Unauthenticated: 401,
    Forbidden: 403,
    PolicyRefusal: 403,
    BudgetExceeded: 402,
    TooBusy: 429,
    StorageFull: 507,
    SettingsInvalid: 500,
    PriceUnknown: 500,
    ModelOutputInvalid: 502,
    DependencyUnavailable: 503,
    RunStopped: 503,
    SixplaneError: 500,
}
"""HTTP status by error class. A class that is not listed has the status of its nearest listed base class."""

_HINTS = {
    400: f"`/openapi.json` describes valid requests; an upload has at most {MAX_FILES} files",
    408: "send the request without pauses, or less at a time; setting `server.request_timeout_seconds` is the limit",
    413: "send less at a time; the settings `server.max_body_bytes` and `server.max_upload_bytes` are the limits",
}
"""Remedies for errors that the framework raises, by status."""

EXPECTED = (SixplaneError, OSError, sqlite3.Error)
"""The errors that are no bugs: ours, a full disk, a locked database."""

_log = logging.getLogger(__name__)


class Fault(BaseModel):
    """One invalid field of a request."""

    place: str = Field(description="Path of the field, for example `body.question`.")
    message: str


class Problem(BaseModel):
    """Problem details (RFC 9457). `code` is stable across versions; `hint` names the remedy."""

    type: str = Field("about:blank", description="Always `about:blank`; docs/http.md explains the codes.")
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    faults: list[Fault] = Field(default_factory=list)


def status_of(error: SixplaneError) -> int:
    """Return the HTTP status of an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_of(error: BaseException) -> Problem:
    """Return the problem details of an error. An unexpected error shows its type only, since its text may hold data."""
    known = known_error(error)
    if known is None:
        return Problem(
            title="internal error",
            status=500,
            detail=f"unexpected {type(error).__name__}",
            code="internal",
            hint="report this bug with the time and the id in the header `x-request-id`",
        )
    title = (type(known).__doc__ or "").splitlines()[0].rstrip(".")
    faults = [Fault(place=known.param, message=known.message)] if isinstance(known, Unsupported) else []
    return Problem(
        title=title,
        status=status_of(known),
        detail=known.message,
        code=known.code,
        hint=known.hint or "",
        faults=faults,
    )


def openai_problem(problem: Problem) -> OpenAIProblem:
    """Return a problem in OpenAI's format, which has no field for a hint."""
    message = f"{problem.detail}; {problem.hint}" if problem.hint else problem.detail
    param = problem.faults[0].place if problem.faults else None
    return openai_fault(status=problem.status, code=problem.code, message=message, param=param)


def answer(problem: Problem, *, path: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the error response of a problem, in the format that clients of `path` expect."""
    if speaks_openai(path):
        # OpenAI answers an unusable request with 400, and its clients know no 422.
        status = 400 if problem.status == 422 else problem.status
        return JSONResponse(openai_problem(problem).model_dump(mode="json"), status_code=status, headers=headers)
    return JSONResponse(
        problem.model_dump(mode="json"), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
    )


def install(app: Starlette) -> None:
    """Make every error of `app` a problem response, but for requests that do not fit their schema (`malformed`)."""
    app.add_exception_handler(HTTPException, _framework)
    # After a handler of `Exception`, Starlette raises the error again and the server logs its traceback.
    for kind in (*EXPECTED, Exception):
        app.add_exception_handler(kind, _raised)


def answer_error(error: Exception, scope: Scope) -> JSONResponse:
    """Return the error response of an error that middleware raises, outside of every route. Log an unexpected one."""
    if known_error(error) is None:
        _log.error("%s %s failed with %s", scope["method"], scope["path"], type(error).__name__)
    # The answer to an unexpected error is sent outside of all middleware, so it needs the id here.
    return answer(problem_of(error), path=scope["path"], headers={**_headers_of(error), HEADER: request_id(scope)})


def _headers_of(error: BaseException) -> dict[str, str]:
    """Return the response headers that belong to an error."""
    if isinstance(error, DependencyUnavailable) and error.retry_after is not None:
        return {"retry-after": str(error.retry_after)}
    return {"www-authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}


async def _framework(request: Request, error: Exception) -> JSONResponse:
    given = error if isinstance(error, HTTPException) else HTTPException(500, "")
    return answer_framework(given, path=request.url.path)


def answer_framework(error: HTTPException, *, path: str) -> JSONResponse:
    """Return the error response of an error of the framework."""
    status, detail = error.status_code, str(error.detail)
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 408: "too_slow"}.get(status, "http")
    problem = Problem(
        title=detail, status=status, detail=detail, code=code, hint=_HINTS.get(status, "`/docs` lists the routes")
    )
    return answer(problem, path=path, headers=dict(error.headers or {}))


async def _raised(request: Request, error: Exception) -> JSONResponse:
    return answer_error(error, request.scope)
