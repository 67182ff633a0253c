"""The dependencies that give routes the caller, whom `Authenticated` knows, and the desk."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from experience.service.desk import Desk
from policy.identity import Principal
from state.errors import BadInput

_bearer = HTTPBearer(
    auto_error=False,  # `Authenticated` decides: with `server.auth` off, a request has no credentials
    scheme_name="bearer",
    description="An API key from `sixplane keys create`, or a token of the configured OpenID Connect issuer.",
)


def principal_of(request: Request) -> Principal:
    """Return the principal that `Authenticated` has stored."""
    principal: Principal = request.state.principal
    return principal


async def _principal(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],  # noqa: ARG001 - publishes the scheme in OpenAPI
) -> Principal:
    return principal_of(request)


async def _desk(request: Request) -> Desk:  # not `def`: FastAPI would call that in a thread, for each request
    desk: Desk = request.app.state.desk
    return desk


async def _known_parameters(request: Request) -> None:
    """Raise `BadInput` for a query parameter that the route does not have: a misspelt one would be ignored silently."""
    route: APIRoute = request.scope["route"]
    known = [each.alias for each in route.dependant.query_params]
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        raise BadInput(f"unknown query parameter {unknown[0]!r:.100}", hint=f"this address takes: {', '.join(known)}")


KNOWN_PARAMETERS = Depends(_known_parameters)
"""For routes with query parameters: refuses others."""

Caller = Annotated[Principal, Depends(_principal)]
AtDesk = Annotated[Desk, Depends(_desk)]
