"""ASGI middleware: an id for each request, in the response header `x-request-id` and in the log lines."""

from __future__ import annotations

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability.log_lines import REQUEST

HEADER = "x-request-id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What an id of the caller may be: it is repeated in a header and in the log."""


class RequestId:
    """Gives each request an id: the caller's, from the header `x-request-id`, or a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request with its id in the state, and add it to the headers of the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        # The process that took the connection has given one already: the client gets it, so the log must name it.
        name = request_id(scope) or (given if _GIVEN.fullmatch(given) else f"req_{uuid.uuid4().hex}")
        scope.setdefault("state", {})["request_id"] = name

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        REQUEST.set(name)  # a server gives each request a task of its own, and each task its own context
        await self._app(scope, receive, named)


def request_id(scope: Scope) -> str:
    """Return the id of a request; empty outside of `RequestId`."""
    return str(scope.get("state", {}).get("request_id", ""))
