"""Who calls: the principal of a request, and the desk that serves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from experience.service.desk import Desk
from policy.identity import Principal

Authenticate = Callable[[str | None], Awaitable[Principal]]
"""Takes the `Authorization` header, returns the principal. Raises `Unauthenticated`."""

_bearer = HTTPBearer(
    auto_error=False, scheme_name="bearer", description="An API key of `sixplane keys`, or a token of the issuer."
)


async def _principal(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],  # noqa: ARG001 - for the schema
) -> Principal:
    authenticate: Authenticate = request.app.state.authenticate
    return await authenticate(request.headers.get("authorization"))


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Caller = Annotated[Principal, Depends(_principal)]
AtDesk = Annotated[Desk, Depends(_desk)]
