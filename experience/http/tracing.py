"""ASGI middleware: the span of a request, under which everything that the request causes stands."""

from __future__ import annotations

from collections.abc import Collection

from fastapi.telemetry import TelemetryConfig
from opentelemetry import propagate, trace
from opentelemetry.trace import Span
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability import apart, server_span, untraced

FRAMEWORK: TelemetryConfig = {"tracing": False, "logs": False}
"""Switches off what FastAPI would record by itself: a span for every probe and every refusal, with the query, which
holds the words of a search."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods whose requests get no span: they start no run, and clients poll with them."""

UNKNOWN = frozenset({401, 404, 405, 429})
"""Statuses of requests whose span is dropped: nothing was done for them, and anybody can send as many as it likes."""


class RequestTrace:
    """Opens a span for each request that may start something. A caller's own trace (`traceparent`) is linked to it.

    Args:
        app: the application behind this middleware.
        probes: paths whose requests leave no span at all, whatever they check.
    """

    def __init__(self, app: ASGIApp, *, probes: Collection[str] = ()) -> None:
        self._app, self._probes = app, frozenset(probes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request in a trace of its own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in self._probes:
            with untraced():
                await self._app(scope, receive, send)
        else:
            caller = trace.get_current_span(propagate.extract(Headers(scope=scope))).get_span_context()
            with apart(caller):
                await self._traced(scope, receive, send)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in READING:
            await self._app(scope, receive, send)
            return
        span, status = server_span(scope["method"]), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                await self._app(scope, receive, noting)
        finally:
            if status not in UNKNOWN:
                _ended(span, scope, status)


def _ended(span: Span, scope: Scope, status: int) -> None:
    # The route and not the path, which holds names.
    route = getattr(scope.get("route"), "path", "")
    span.update_name(f"{scope['method']} {route}".strip())
    span.set_attributes({"http.route": route, "http.response.status_code": status})
    span.end()
