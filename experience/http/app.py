"""The ASGI application: routes, error handlers, middleware, and a lifespan that opens and closes the service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Lifespan, Scope

from experience.http import chat, corpora, documentation, health, openai, threads
from experience.http.addresses import in_url
from experience.http.bounds import BodyBounds, SameSite
from experience.http.callers import Admitted, Authenticate, Authenticated
from experience.http.problems import PROBLEM_RESPONSES, install
from experience.http.quotas import RequestQuota
from experience.http.request_ids import RequestId
from experience.http.tracing import FRAMEWORK, RequestTrace
from experience.http.worker import Relay, Worker
from experience.service import open_service
from experience.service.opening import OpenService, open_desk
from settings import Settings

STARTS = ("/v1/chat", "/v1/chat/stream", "/v1/chat/completions", "/v1/responses")
"""The paths that start a run for each request."""


def create_app(
    settings: Settings,
    authenticate: Authenticate,
    *,
    open_service: OpenService = open_service,
    quota: RequestQuota | None = None,
    before: Sequence[Middleware] = (),
    is_page: Callable[[Scope], bool] = lambda _: False,
    worker: Worker | None = None,
) -> FastAPI:
    """Return the HTTP application.

    Args:
        settings: the settings of the process.
        authenticate: maps the `Authorization` header and the client's address to a principal.
        open_service: opens the service that handles the requests; tests pass their own.
        quota: counts the requests of each principal; a new one by the settings, if there is none.
        before: middleware that sees a request before it is authenticated.
        is_page: whether a request is for something that people open in a browser, also by a link of another site.
        worker: the process that works. This one then opens no service, and relays what it does not answer itself.
    """
    app = documentation.Api(
        title="Sixplane",
        version=version("sixplane"),
        description="Multi-agent research over your own documents. Every claim cites the text span that supports it.",
        lifespan=_lifespan(settings, open_service, worker),
        telemetry=FRAMEWORK,
        responses=PROBLEM_RESPONSES,
        docs_url=None,  # those of the framework load from another host
        redoc_url=None,
    )
    for module in (chat, threads, corpora, openai, health, documentation):
        app.include_router(module.router)
    install(app)
    bounds = settings.server
    # Starlette runs the middleware added last first: nothing of a body is read before its sender is known.
    app.add_middleware(BodyBounds, settings=bounds, uploads=corpora.UPLOADS)
    app.add_middleware(RequestTrace, probes=(*health.PROBES, health.DETAILS))
    public = (*health.PROBES, "/openapi.json", *documentation.PATHS)
    if worker is not None:
        app.add_middleware(Relay, worker=worker, here=public)
    app.add_middleware(Admitted, starts=STARTS, room=worker.room if worker is not None else None)
    app.add_middleware(
        Authenticated,
        authenticate=authenticate,
        quota=quota or RequestQuota(bounds.principal_requests_per_minute),
        public=public,
    )
    for each in before:
        app.add_middleware(each.cls, *each.args, **each.kwargs)
    if bounds.auth == "off":
        _refuse_foreign_pages(app, bounds.host, is_page)
    app.add_middleware(RequestId)
    return app


def _lifespan(settings: Settings, open_service: OpenService, worker: Worker | None) -> Lifespan[FastAPI]:
    """Return what opens the service, here or in `worker`, and closes it."""

    @asynccontextmanager
    async def there(app: FastAPI) -> AsyncIterator[None]:
        assert worker is not None
        app.state.standing = worker.standing
        async with worker.running():
            yield

    @asynccontextmanager
    async def here(app: FastAPI) -> AsyncIterator[None]:
        async with open_desk(settings, open_service) as desk:
            await desk.service.warm()  # before a request comes: a first question must not pay for it
            app.state.desk = desk
            app.state.standing = partial(health.standing, desk, health.Readiness())
            yield

    return here if worker is None else there


def _refuse_foreign_pages(app: FastAPI, host: str, is_page: Callable[[Scope], bool]) -> None:
    """Protect a server without authentication, which listens on `host`, from the pages that a browser shows."""
    # Anything that reaches loopback is trusted, and a web page in the user's browser can reach it. The host check stops
    # DNS rebinding (a page's own domain that resolves to 127.0.0.1), `SameSite` stops plain cross-site requests.
    hosts = ["127.0.0.1", "localhost", "::1", host]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*map(in_url, hosts)])
    app.add_middleware(SameSite, hosts=hosts, is_page=is_page)
