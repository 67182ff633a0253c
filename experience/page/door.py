"""ASGI middleware around and in front of the page: who answers a request, who sends it, and the headers of answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from experience.http.front.admission import Authenticate, is_known
from experience.http.front.quotas import RequestQuota
from experience.http.problems import EXPECTED
from experience.page.paths import SIGN_IN, is_of_page, needs_nobody
from experience.page.sessions import Sessions
from state.errors import Forbidden, Unauthenticated

SAFE_METHODS = ("GET", "HEAD")

_HEADERS = {
    # `self` alone: no inline script and no inline style, no other host, no frame.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: browsers would then send `Origin: null` with the page's own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Door:
    """Hands the requests of the page to it, and all others on to the API.

    Args:
        app: the API, which authenticates by itself.
        page: the page.
    """

    def __init__(self, app: ASGIApp, *, page: ASGIApp) -> None:
        # Around the whole page: its answer to an unexpected error comes from outside of its own middleware.
        self._app, self._safe = app, SafeHeaders(page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to whoever answers it."""
        if scope["type"] == "http" and is_of_page(scope):
            await self._safe(dict(scope), receive, send)
        else:
            await self._app(scope, receive, send)


class SignedIn:
    """Knows who sends a request of the page, by the cookie, before anything of its body is read.

    A browser sends the cookie with every request, also with those that another site makes it send. So a request that
    changes something must come from the page itself.

    Args:
        app: the page.
        authenticate: maps an `Authorization` header and the client's address to a principal.
        sessions: reads the cookie.
        quota: how many requests each principal may send.
        failed: answers an error.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticate: Authenticate,
        sessions: Sessions,
        quota: RequestQuota,
        failed: Callable[[Scope, Exception], Awaitable[Response]],
    ) -> None:
        self._app, self._authenticate, self._sessions = app, authenticate, sessions
        self._quota, self._failed = quota, failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its principal, or answer with a way to sign in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if scope["method"] not in SAFE_METHODS:
                check_own(Headers(scope=scope))
            if not needs_nobody(scope["path"]) and not is_known(scope):
                address = (scope.get("client") or ("",))[0]
                header = await self._sessions.header(Headers(scope=scope))
                principal = await self._authenticate(header, address)
                self._quota.check(principal)
                scope.setdefault("state", {})["principal"] = principal
        except Unauthenticated:
            response = to_sign_in(scope)
            self._sessions.end(response)
            await response(scope, receive, send)
            return
        except EXPECTED as error:
            await (await self._failed(scope, error))(scope, receive, send)
            return
        await self._app(scope, receive, send)


class SafeHeaders:
    """Adds the headers that bound what a browser does with an answer of the page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("cache-control", "no-store")
                headers.add_vary_header("HX-Request")
            await send(message)

        await self._app(scope, receive, with_headers)


def check_own(headers: Headers) -> None:
    """Raise `Forbidden` unless a request that changes something was sent by a page of this server."""
    if "sec-fetch-site" in headers:
        own = headers["sec-fetch-site"] == "same-origin"
    else:  # an older browser, or a connection without TLS. What sends no origin either leaves nothing to go by.
        own = urlsplit(headers.get("origin", "")).netloc.lower() == headers.get("host", "-").lower()
    if not own:
        raise Forbidden("the request does not come from this page", hint="open the page and do it there")


def to_sign_in(scope: Scope) -> Response:
    """Return the way to the sign-in, which leads back to the address that was asked for."""
    headers = Headers(scope=scope)
    asked = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    back = urlsplit(headers["hx-current-url"]) if "hx-current-url" in headers else None
    wanted = back.path if back is not None else asked if scope["method"] in SAFE_METHODS else "/"
    address = f"{SIGN_IN}?next={quote(wanted, safe='/')}"
    if headers.get("hx-request") == "true":  # a redirect would put the sign-in into a part of the page
        return Response(status_code=401, headers={"hx-redirect": address})
    return RedirectResponse(address, status_code=303)
