"""The application: routes, errors, bounds, and the service for as long as it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from experience.http import chat, corpora, health, openai, threads
from experience.http.bounds import BodyBounds, SameSite, TraceContext
from experience.http.callers import Authenticate
from experience.http.problems import MEDIA_TYPE, PROBLEM_TEXTS, Problem, install
from experience.service import ResearchService, open_service
from experience.service.desk import Desk
from experience.service.runs import RunLimits, Runs
from settings import Settings

OpenService = Callable[[Settings], AbstractAsyncContextManager[ResearchService]]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text, "content": {MEDIA_TYPE: {}}}
    for status, text in PROBLEM_TEXTS.items()
}


def create_app(settings: Settings, authenticate: Authenticate, *, open_service: OpenService = open_service) -> FastAPI:
    """Return the application of `settings`.

    Args:
        settings: what is configured.
        authenticate: from the `Authorization` header to a principal.
        open_service: opens what the application serves, for as long as it runs.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_desk(settings, open_service) as desk:
            app.state.desk = desk
            yield

    app = FastAPI(
        title="Sixplane",
        version=version("sixplane"),
        description="Multi-agent research over your own documents: every claim points at the span that supports it.",
        lifespan=lifespan,
        responses=PROBLEMS,
    )
    app.state.authenticate = authenticate
    for module in (chat, threads, corpora, openai, health):
        app.include_router(module.router)
    install(app)
    bounds = settings.server
    app.add_middleware(
        BodyBounds, body=bounds.max_body_bytes, upload=bounds.max_upload_bytes, seconds=bounds.request_timeout_seconds
    )
    app.add_middleware(TraceContext)
    if bounds.auth == "off":  # a page of the web may not reach it under a name that it made point here
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])
        app.add_middleware(SameSite, hosts=["127.0.0.1", "localhost", "::1"])
    return app


@asynccontextmanager
async def open_desk(settings: Settings, open_service: OpenService) -> AsyncIterator[Desk]:
    """Yield the desk of a service that is open as long as the block; at its end every run is drained."""
    async with open_service(settings) as service:
        runs = Runs(service, limits_of(settings))
        try:
            yield Desk(runs)
        finally:
            await runs.drain("the server is going down", settings.server.drain_seconds)


def limits_of(settings: Settings) -> RunLimits:
    """Return how much `settings` let be taken on at once."""
    server = settings.server
    return RunLimits(running=server.max_running, waiting=server.max_waiting, per_second=server.runs_per_second)
