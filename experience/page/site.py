"""The site: the page in front of the HTTP API, in one application with one desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from experience.http.app import create_app
from experience.http.front.admission import Authenticate
from experience.http.front.quotas import RequestQuota
from experience.page.app import create_page
from experience.page.door import Door
from experience.page.paths import is_of_page
from experience.service import open_service
from experience.service.opening import OpenService
from settings import Settings


def create_site(
    settings: Settings,
    authenticate: Authenticate,
    *,
    open_service: OpenService = open_service,
) -> FastAPI:
    """Return the HTTP API with the page in front of it, or the API alone if `server.page` is off.

    Args:
        settings: the settings of the process.
        authenticate: maps the `Authorization` header and the client's address to a principal.
        open_service: opens the service that handles the requests; tests pass their own.
    """
    if not settings.server.page:
        return create_app(settings, authenticate, open_service=open_service)
    quota = RequestQuota(settings.server.principal_requests_per_minute)
    page = create_page(settings, authenticate, quota)
    app = create_app(
        settings,
        authenticate,
        open_service=open_service,
        quota=quota,
        before=[Middleware(Door, page=page)],
        is_page=is_of_page,
    )
    app.router.lifespan_context = _with_page(app.router.lifespan_context, page)
    return app


def _with_page(lifespan: Callable[[Any], Any], page: FastAPI) -> Callable[[Any], Any]:
    """Return `lifespan`, changed to end the ingestions that the page has started before the desk closes."""

    @asynccontextmanager
    async def with_page(app: Any) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            page.state.desk = app.state.desk
            try:
                yield state
            finally:
                await page.state.ingestions.aclose()

    return with_page
