"""FastAPI dependencies of the routes: the principal of the request and the desk that handles it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from experience.service.desk import Desk
from policy.identity import Principal

Authenticate = Callable[[str | None], Awaitable[Principal]]
"""Maps the `Authorization` header to a principal. Raises `Unauthenticated`."""

_bearer = HTTPBearer(
    auto_error=False,  # `Authenticate` decides: with `server.auth` off, a request has no credentials
    scheme_name="bearer",
    description="An API key from `sixplane keys create`, or a token of the configured OpenID Connect issuer.",
)


async def _principal(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],  # noqa: ARG001 - publishes the scheme in OpenAPI
) -> Principal:
    authenticate: Authenticate = request.app.state.authenticate
    return await authenticate(request.headers.get("authorization"))


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Caller = Annotated[Principal, Depends(_principal)]
AtDesk = Annotated[Desk, Depends(_desk)]
