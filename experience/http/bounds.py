"""ASGI middleware: limits of size and time for request bodies.

It is a plain ASGI class. Starlette's `BaseHTTPMiddleware` would run the route in another task and copy its response
through a queue, which streams do not need.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from experience.http.problems import answer_framework
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
