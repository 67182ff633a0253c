"""MCP for many clients over HTTP: the application that works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.mcpserver import Context
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from experience.http.addresses import in_url
from experience.http.bounds import BodyBounds
from experience.http.callers import principal_of
from experience.http.front.admission import Authenticate
from experience.http.problems import install
from experience.mcp.front import PATH, add_authentication
from experience.mcp.tools import create_mcp
from experience.service import open_service
from experience.service.desk import Desk
from experience.service.opening import OpenService, open_desk
from policy.identity import Principal
from settings import Settings


def create_mcp_app(
    settings: Settings,
    authenticate: Authenticate,
    *,
    open_service: OpenService = open_service,
) -> Starlette:
    """Return the ASGI application. Every request needs credentials."""
    app: Starlette

    async def desk() -> Desk:
        opened: Desk = app.state.desk
        return opened

    server = create_mcp(desk, _caller, local=False)
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=settings.server.max_body_bytes,
        transport_security=security_of(settings),
        host=settings.server.host,
    )
    inner = app.router.lifespan_context  # starts the session manager of the SDK, which must run inside the open desk

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Any]:
        async with open_desk(settings, open_service) as desk, inner(app) as state:
            await desk.service.warm()
            app.state.desk = desk
            yield state

    app.router.lifespan_context = lifespan
    install(app)
    app.add_middleware(OwnSessions)
    app.add_middleware(BodyBounds, settings=settings.server)
    add_authentication(app, settings, authenticate)
    return app


class OwnSessions:
    """ASGI middleware: tells the SDK who sends a request. A session does not exist for others than who opened it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its user."""
        if scope["type"] == "http":
            principal: Principal = scope["state"]["principal"]
            names = {"client_id": principal.tenant, "subject": principal.id}
            scope["user"] = AuthenticatedUser(AccessToken(token="", scopes=[], **names))
        await self._app(scope, receive, send)


def _caller(ctx: Context[Any]) -> Principal:
    request: Any = ctx.request_context.request
    return principal_of(request)


def security_of(settings: Settings) -> TransportSecuritySettings:
    """Return the allowed values of `Host` and `Origin`, against DNS rebinding.

    Without this check, a web page whose own domain resolves to 127.0.0.1 could call a server on its visitor's machine.
    """
    names = map(in_url, {settings.server.host, "127.0.0.1", "localhost", "::1", *settings.server.hosts})
    hosts = [entry for name in sorted(names) for entry in (name, f"{name}:*")]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts])
