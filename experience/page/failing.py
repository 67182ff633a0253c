"""Errors as HTML, for the person who looks at the page. Both processes answer some."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from experience.errors import known_error
from experience.http.problems import EXPECTED, Problem, problem_of
from experience.page.templates import is_part, page_of
from state.errors import TooBusy

Failed = Callable[[Scope, Exception], Awaitable[Response]]

_TITLES = {
    404: "There is no such page",
    405: "This address does not take that",
    408: "The upload took too long",
    413: "That is too much at once",
}

_log = logging.getLogger(__name__)


def install(page: Starlette) -> None:
    """Make every error of `page` a page, but for forms that are not complete."""
    for kind in (*EXPECTED, HTTPException, Exception):
        page.add_exception_handler(kind, _failed)


def shown(request: Request, problem: Problem) -> Response:
    """Return a problem as a page, or as a part of the one that the browser shows."""
    template = "_error.html" if is_part(request) else "error.html"
    return page_of(request, template, status=problem.status, problem=problem)


async def _failed(request: Request, error: Exception) -> Response:
    problem = _problem(error)
    if problem.status == 500:
        _log.error("%s %s failed with %s", request.method, request.url.path, type(error).__name__)
    response = shown(request, problem)
    if isinstance(error, TooBusy):
        response.headers["retry-after"] = str(error.retry_after)
    return response


def failed_outside(page: Starlette) -> Failed:
    """Return what answers an error of middleware in front of `page`."""

    async def failed(scope: Scope, error: Exception) -> Response:
        return await _failed(Request({**scope, "app": page}), error)

    return failed


def _problem(error: Exception) -> Problem:
    """Return the problem of an error, those of the framework in words for a person."""
    if isinstance(error, HTTPException):
        title = _TITLES.get(error.status_code, str(error.detail))
        return Problem(title=title, status=error.status_code, detail="", code="http")
    found = problem_of(error)
    if known_error(error) is None:
        return found
    return found.model_copy(update={"title": found.detail[:1].upper() + found.detail[1:], "detail": ""})
