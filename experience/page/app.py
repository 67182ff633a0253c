"""The page as an application: its routes, what stands around them, and its errors as HTML."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from experience.errors import known_error
from experience.http.bounds import BodyBounds
from experience.http.callers import Authenticate
from experience.http.problems import EXPECTED, Problem, problem_of
from experience.http.quotas import RequestQuota
from experience.http.tracing import FRAMEWORK, RequestTrace
from experience.http.worker import Relay, Worker
from experience.page import asking, assets, corpora, costs, passages, signing_in, threads
from experience.page.door import SignedIn
from experience.page.ingestions import Ingestions
from experience.page.sessions import Sessions
from experience.page.templates import is_part, page_of
from policy.identity.code_flow import CodeFlow
from settings import Settings
from state.errors import TooBusy

_TITLES = {
    404: "There is no such page",
    405: "This address does not take that",
    408: "The upload took too long",
    413: "That is too much at once",
}

_log = logging.getLogger(__name__)


def create_page(
    settings: Settings, authenticate: Authenticate, quota: RequestQuota, *, worker: Worker | None = None
) -> FastAPI:
    """Return the page; `quota` is that of the API too.

    Its `state.desk` must be set before the first request, unless its requests are relayed to `worker`.
    """
    page = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, telemetry=FRAMEWORK)
    server = settings.server
    page.state.settings, page.state.authenticate = settings, authenticate
    page.state.sessions, page.state.ingestions = Sessions(settings), Ingestions()
    page.state.signs_in = server.auth != "off"
    page.state.code_flow = CodeFlow(server.oidc) if server.auth in ("oidc", "both") and server.oidc.client_id else None
    for module in (asking, threads, passages, corpora, costs, signing_in, assets):
        page.include_router(module.router)
    for kind in (*EXPECTED, RequestValidationError, HTTPException, Exception):
        page.add_exception_handler(kind, _failed)
    # Starlette runs the middleware added last first: nothing of a body is read before its sender is known.
    page.add_middleware(BodyBounds, settings=server, uploads=corpora.UPLOADS, failed=_failed_outside(page))
    page.add_middleware(RequestTrace)
    if worker is not None:
        page.add_middleware(Relay, worker=worker, failed=_failed_outside(page))
    page.add_middleware(
        SignedIn,
        authenticate=authenticate,
        sessions=page.state.sessions,
        quota=quota,
        failed=_failed_outside(page),
    )
    return page


async def _failed(request: Request, error: Exception) -> Response:
    problem = _problem(error)
    if problem.status == 500:
        _log.error("%s %s failed with %s", request.method, request.url.path, type(error).__name__)
    template = "_error.html" if is_part(request) else "error.html"
    response = page_of(request, template, status=problem.status, problem=problem)
    if isinstance(error, TooBusy):
        response.headers["retry-after"] = str(error.retry_after)
    return response


def _failed_outside(page: FastAPI) -> Any:
    async def failed(scope: Scope, error: Exception) -> Response:
        return await _failed(Request({**scope, "app": page}), error)

    return failed


def _problem(error: Exception) -> Problem:
    """Return the problem of an error, those of the framework in words for a person."""
    if isinstance(error, RequestValidationError):
        return _said(422, "The form is not complete", "Go back and fill in what is missing.", "bad_input")
    if isinstance(error, HTTPException):
        title = _TITLES.get(error.status_code, str(error.detail))
        return _said(error.status_code, title, "", "http")
    found = problem_of(error)
    if known_error(error) is None:
        return found
    return found.model_copy(update={"title": found.detail[:1].upper() + found.detail[1:], "detail": ""})


def _said(status: int, title: str, detail: str, code: str) -> Problem:
    return Problem(title=title, status=status, detail=detail, code=code)
