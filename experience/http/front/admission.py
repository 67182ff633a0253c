"""ASGI middleware: who sends a request, and whether there is a place for its run. Nothing of a body is read before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from experience.http.front.foreign_pages import refuse_foreign_pages
from experience.http.front.paths import PUBLIC, STARTS
from experience.http.front.quotas import RequestQuota
from experience.http.front.request_ids import RequestId
from experience.http.problems import EXPECTED, answer_error
from policy.identity import Principal
from settings import Settings
from state.errors import TooBusy

Authenticate = Callable[[str | None, str], Awaitable[Principal]]
"""Maps the `Authorization` header and the client's address to a principal. Raises `Unauthenticated`, `RateLimited`."""


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


def add_admission(
    app: Starlette,
    settings: Settings,
    authenticate: Authenticate,
    *,
    room: Room | None = None,
    quota: RequestQuota | None = None,
    before: Sequence[Middleware] = (),
    is_page: Callable[[Scope], bool] = lambda _: False,
) -> None:
    """Put in front of `app`, of either process, what decides whether a request of the API gets there.

    Args:
        app: the application.
        settings: the settings of the process.
        authenticate: maps the `Authorization` header and the client's address to a principal.
        room: knows the places for runs, like `Admitted`'s.
        quota: counts the requests of each principal; a new one by the settings, if there is none.
        before: middleware that sees a request before it is authenticated.
        is_page: whether a request is for something that people open in a browser, also by a link of another site.
    """
    # Starlette runs the middleware added last first.
    app.add_middleware(Admitted, starts=STARTS, room=room)
    counted = quota or RequestQuota(settings.server.principal_requests_per_minute)
    app.add_middleware(Authenticated, authenticate=authenticate, quota=counted, public=PUBLIC)
    for each in before:
        app.add_middleware(each.cls, *each.args, **each.kwargs)
    if settings.server.auth == "off":
        refuse_foreign_pages(app, settings.server.host, is_page)
    app.add_middleware(RequestId)
