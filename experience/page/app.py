"""The page as an application: its routes, what stands around them, and its errors as HTML."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from experience.http.bounds import BodyBounds
from experience.http.front.admission import Authenticate
from experience.http.front.quotas import RequestQuota
from experience.http.problems import Problem
from experience.http.tracing import FRAMEWORK, RequestTrace
from experience.page import asking, assets, corpora, costs, failing, passages, signing_in, threads
from experience.page.door import SignedIn
from experience.page.ingestions import Ingestions
from experience.page.sessions import Sessions
from policy.identity.code_flow import CodeFlow
from settings import Settings

_INCOMPLETE = Problem(
    title="The form is not complete", status=422, detail="Go back and fill in what is missing.", code="bad_input"
)


def create_page(settings: Settings, authenticate: Authenticate, quota: RequestQuota) -> FastAPI:
    """Return the page; `quota` is that of the API too. Its `state.desk` must be set before the first request."""
    page = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, telemetry=FRAMEWORK)
    server = settings.server
    page.state.settings, page.state.authenticate = settings, authenticate
    page.state.sessions, page.state.ingestions = Sessions(settings), Ingestions()
    page.state.signs_in = server.auth != "off"
    page.state.code_flow = CodeFlow(server.oidc) if server.auth in ("oidc", "both") and server.oidc.client_id else None
    for module in (asking, threads, passages, corpora, costs, signing_in, assets):
        page.include_router(module.router)
    failing.install(page)
    page.add_exception_handler(RequestValidationError, _incomplete)
    failed = failing.failed_outside(page)
    # Starlette runs the middleware added last first: nothing of a body is read before its sender is known.
    page.add_middleware(BodyBounds, settings=server, uploads=corpora.UPLOADS, failed=failed)
    page.add_middleware(RequestTrace)
    page.add_middleware(SignedIn, authenticate=authenticate, sessions=page.state.sessions, quota=quota, failed=failed)
    return page


async def _incomplete(request: Request, _: Exception) -> Response:
    return failing.shown(request, _INCOMPLETE)
