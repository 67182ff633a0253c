"""ASGI middleware: limits of size and time for request bodies, and the check for foreign pages.

These are plain ASGI classes. Starlette's `BaseHTTPMiddleware` would run the route in another task and copy its response
through a queue, which streams do not need.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from experience.http.problems import Problem, answer, answer_framework
from settings import ServerSettings

_DIGITS = 18
"""Longest declared length that is read as a number. Python refuses texts of more than 4,300 digits."""

Failed = Callable[[Scope, HTTPException], Awaitable[Response]]
"""Answers an error that middleware raises."""


class BodyBounds:
    """Refuses request bodies that are too large (413) or arrive too slowly (408).

    Args:
        app: the application behind this middleware.
        settings: the limits.
        uploads: matches the paths that take uploads. A header must not choose the limit, because the caller writes it.
        failed: answers a refusal; a problem response, if there is none.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: ServerSettings,
        uploads: re.Pattern[str] | None = None,
        failed: Failed | None = None,
    ) -> None:
        self._app, self._settings, self._uploads = app, settings, uploads
        self._failed = failed or _problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that enforces the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upload = self._uploads is not None and self._uploads.fullmatch(scope["path"])
        most = self._settings.max_upload_bytes if upload else self._settings.max_body_bytes
        declared = Headers(scope=scope).get("content-length", "0")
        # A declared size is refused before the body is read. Chunked bodies declare none, so `_bounded` counts bytes.
        if declared.isdecimal() and (len(declared) > _DIGITS or int(declared) > most):
            await (await self._failed(scope, _too_large(most)))(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, most, self._settings.request_timeout_seconds), send)


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


def _bounded(receive: Receive, most: int, seconds: float) -> Receive:
    until, got, whole = time.monotonic() + seconds, 0, False

    async def bounded() -> Message:
        nonlocal got, whole
        if whole:  # the next message is the disconnect; waiting for it has no time limit
            return await receive()
        try:
            async with asyncio.timeout(until - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"the client took longer than {seconds:g} s to send the request") from None
        got += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if got > most:
            raise _too_large(most)
        return message

    return bounded


async def _problem(scope: Scope, error: HTTPException) -> Response:
    return answer_framework(error, path=scope["path"])


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"the request has more than {most:,} bytes")
