"""ASGI middleware: a server without authentication refuses the requests that other sites' pages make browsers send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from experience.http.addresses import in_url
from experience.http.problems import Problem, answer


class SameSite:
    """Refuses requests from web pages of other sites (403).

    For a server without authentication: it trusts every request from loopback, and a page of any site can make its
    visitor's browser send one.

    Args:
        app: the application behind this middleware.
        hosts: names under which this server's own pages are loaded.
        is_page: whether a request is for a page that people open. A link on another site may lead there: the other
            site cannot read what opens, and opening changes nothing.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Sequence[str], is_page: Callable[[Scope], bool] = lambda _: False
    ) -> None:
        self._app, self._hosts, self._is_page = app, frozenset(hosts), is_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless a page of another site sent it."""
        if scope["type"] == "http" and self._is_foreign(scope, Headers(scope=scope)):
            await answer(_FOREIGN, path=scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_opened(self, scope: Scope, headers: Headers) -> bool:
        """Whether a person has followed a link to a page. A frame or a script of another site asks differently."""
        opened = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return scope["method"] == "GET" and opened and self._is_page(scope)

    def _is_foreign(self, scope: Scope, headers: Headers) -> bool:
        # Both headers, because older browsers send no `Sec-Fetch-Site` and plain GET requests have no `Origin`.
        # Programs send neither, and pass.
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return not self._is_opened(scope, headers)
        origin = headers.get("origin")
        return origin is not None and urlsplit(origin).hostname not in self._hosts


_FOREIGN = Problem(
    title="the request comes from a page of another site",
    status=403,
    detail="the request comes from a web page of another site",
    code="forbidden",
    hint="call the API from a program, or set `server.auth` and send credentials",
)


def refuse_foreign_pages(app: Starlette, host: str, is_page: Callable[[Scope], bool]) -> None:
    """Protect a server without authentication, which listens on `host`, from the pages that a browser shows."""
    # Anything that reaches loopback is trusted, and a web page in the user's browser can reach it. The host check stops
    # DNS rebinding (a page's own domain that resolves to 127.0.0.1), `SameSite` stops plain cross-site requests.
    hosts = ["127.0.0.1", "localhost", "::1", host]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*map(in_url, hosts)])
    app.add_middleware(SameSite, hosts=hosts, is_page=is_page)
