"""The application that works: routes, error handlers, middleware, and a lifespan that opens and closes the service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware
from starlette.types import Lifespan, Scope

from experience.http import chat, corpora, documentation, health, openai, threads
from experience.http.bounds import BodyBounds
from experience.http.front.admission import Authenticate, add_admission
from experience.http.front.paths import PROBES
from experience.http.front.quotas import RequestQuota
from experience.http.malformed import malformed
from experience.http.problems import PROBLEM_RESPONSES, install
from experience.http.tracing import FRAMEWORK, RequestTrace
from experience.service import open_service
from experience.service.opening import OpenService, open_desk
from settings import Settings


def create_app(
    settings: Settings,
    authenticate: Authenticate,
    *,
    open_service: OpenService = open_service,
    quota: RequestQuota | None = None,
    before: Sequence[Middleware] = (),
    is_page: Callable[[Scope], bool] = lambda _: False,
) -> FastAPI:
    """Return the HTTP application.

    Args:
        settings: the settings of the process.
        authenticate: maps the `Authorization` header and the client's address to a principal.
        open_service: opens the service that handles the requests; tests pass their own.
        quota: counts the requests of each principal; a new one by the settings, if there is none.
        before: middleware that sees a request before it is authenticated.
        is_page: whether a request is for something that people open in a browser, also by a link of another site.
    """
    app = documentation.Api(
        title="Sixplane",
        version=version("sixplane"),
        description="Multi-agent research over your own documents. Every claim cites the text span that supports it.",
        lifespan=_lifespan(settings, open_service),
        telemetry=FRAMEWORK,
        responses=PROBLEM_RESPONSES,
        docs_url=None,  # those of the framework load from another host
        redoc_url=None,
    )
    for module in (chat, threads, corpora, openai, health, documentation):
        app.include_router(module.router)
    install(app)
    app.add_exception_handler(RequestValidationError, malformed)
    # Starlette runs the middleware added last first: nothing of a body is read before its sender is known.
    app.add_middleware(BodyBounds, settings=settings.server, uploads=corpora.UPLOADS)
    app.add_middleware(RequestTrace, probes=(*PROBES, health.DETAILS))
    add_admission(app, settings, authenticate, quota=quota, before=before, is_page=is_page)
    return app


def _lifespan(settings: Settings, open_service: OpenService) -> Lifespan[FastAPI]:
    """Return what opens the service and closes it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_desk(settings, open_service) as desk:
            await desk.service.warm()  # before a request comes: a first question must not pay for it
            app.state.desk = desk
            app.state.standing = partial(health.standing, desk, health.Readiness())
            yield

    return lifespan
