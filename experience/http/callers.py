"""Who sends a request: the middleware that authenticates it, and the dependencies that give routes caller and desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractContextManager, ExitStack
from typing import Annotated, Protocol

from fastapi import Depends, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from experience.http.problems import EXPECTED, answer_error
from experience.http.quotas import RequestQuota
from experience.service.desk import Desk
from policy.identity import Principal
from state.errors import BadInput, TooBusy

Authenticate = Callable[[str | None, str], Awaitable[Principal]]
"""Maps the `Authorization` header and the client's address to a principal. Raises `Unauthenticated`, `RateLimited`."""

_bearer = HTTPBearer(
    auto_error=False,  # `Authenticated` decides: with `server.auth` off, a request has no credentials
    scheme_name="bearer",
    description="An API key from `sixplane keys create`, or a token of the configured OpenID Connect issuer.",
)


class Authenticated:
    """ASGI middleware: authenticates each request before anything of its body is read.

    FastAPI reads and parses the whole body before it resolves the dependencies of a route, so a dependency would come
    too late. The principal is stored in the state of the request. Every path needs credentials unless it is listed: a
    new route cannot be left open by mistake.

    Args:
        app: the application behind this middleware.
        authenticate: maps the `Authorization` header and the client's address to a principal.
        quota: how many requests each principal may send.
        public: the paths that need no credentials.
    """

    def __init__(
        self, app: ASGIApp, *, authenticate: Authenticate, quota: RequestQuota, public: Collection[str] = ()
    ) -> None:
        self._app, self._authenticate, self._quota, self._public = app, authenticate, quota, frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its principal, or answer with the problem."""
        if scope["type"] == "http" and scope["path"] not in self._public and not is_known(scope):
            try:
                address = (scope.get("client") or ("",))[0]  # no client: a Unix socket
                principal = await self._authenticate(Headers(scope=scope).get("authorization"), address)
                self._quota.check(principal)
            except EXPECTED as error:
                await answer_error(error, scope)(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)


def is_known(scope: Scope) -> bool:
    """Whether the process that took the connection has stored who sends the request, and has counted it."""
    return "principal" in scope.get("state", {})


class Room(Protocol):
    """What knows whether there is a place for a run."""

    def passing(self, whose: tuple[str, str]) -> AbstractContextManager[None]:
        """Hold a request of the principal. Raises `TooBusy` or `RateLimited` if its run would be refused."""
        ...


class Admitted:
    """ASGI middleware: refuses a request for a run while there is no place for one, before anything of it is read.

    `Runs.start` would refuse it as well. But on the way there the body is read, parsed and checked, which costs a busy
    server ten times as much as this refusal.

    Args:
        app: the application behind this middleware.
        starts: the paths whose `POST` starts a run.
        room: knows the places; those of the `Desk` in `state.desk`, if there is none.
    """

    def __init__(self, app: ASGIApp, *, starts: Collection[str], room: Room | None = None) -> None:
        self._app, self._starts, self._room = app, frozenset(starts), room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer with the problem."""
        # With `last-event-id`, a request goes on with a run that has its place.
        with ExitStack() as held:
            if self._asks(scope) and "last-event-id" not in Headers(scope=scope):
                principal = scope["state"]["principal"]
                room: Room = self._room or scope["app"].state.desk.runs.places
                try:
                    held.enter_context(room.passing((principal.tenant, principal.id)))
                except TooBusy as error:
                    await answer_error(error, scope)(scope, receive, send)
                    return
            await self._app(scope, receive, send)

    def _asks(self, scope: Scope) -> bool:
        return bool(scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._starts)


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
