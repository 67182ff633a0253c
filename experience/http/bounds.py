"""Bounds of a request, as ASGI middleware: how large its body may be, and how long a client may take to send it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from experience.http.problems import Problem, answer


class BodyBounds:
    """Refuses bodies that are too large (413) or too slow (408)."""

    def __init__(self, app: ASGIApp, *, body: int, upload: int, seconds: float) -> None:
        self._app = app
        self._body, self._upload, self._seconds = body, upload, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request within its bounds."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = self._upload if headers.get("content-type", "").startswith("multipart/") else self._body
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > most:
            await answer(_too_large(most))(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, most, self._seconds), send)


class TraceContext:
    """Makes a request's work part of the trace that its caller is in (W3C `traceparent`)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request in its caller's trace."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = otel_context.attach(_recorded(propagate.extract(Headers(scope=scope))))
        try:
            await self._app(scope, receive, send)
        finally:
            otel_context.detach(token)


class SameSite:
    """Refuses what a page of another site asks for (403): a browser sends it along with what its user may do.

    For a server without authentication, where the network alone decides who may ask.
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str]) -> None:
        self._app, self._hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that no page sent, or one of this server's."""
        if scope["type"] == "http" and self._is_foreign(Headers(scope=scope)):
            await answer(_FOREIGN, path=scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_foreign(self, headers: Headers) -> bool:
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return True
        origin = headers.get("origin")
        return origin is not None and urlsplit(origin).hostname not in self._hosts


_FOREIGN = Problem(
    title="asked by a page of another site",
    status=403,
    detail="the request comes from a page of another site",
    code="forbidden",
    hint="ask from a program, or set `server.auth` and send credentials",
)


def _recorded(context: Context) -> Context:
    """Return a caller's trace context, sampled: whether a run leaves its trace is not the caller's to say."""
    span = trace.get_current_span(context).get_span_context()
    if not span.is_valid or span.trace_flags.sampled:
        return context
    flags = TraceFlags(span.trace_flags | TraceFlags.SAMPLED)
    sampled = SpanContext(span.trace_id, span.span_id, is_remote=True, trace_flags=flags, trace_state=span.trace_state)
    return trace.set_span_in_context(NonRecordingSpan(sampled), context)


def _bounded(receive: Receive, most: int, seconds: float) -> Receive:
    until, got, whole = time.monotonic() + seconds, 0, False

    async def bounded() -> Message:
        nonlocal got, whole
        if whole:  # what comes now is the client's leaving, for which anybody may wait
            return await receive()
        try:
            async with asyncio.timeout(until - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"the request took longer than {seconds:g} s") from None
        got += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if got > most:
            raise HTTPException(413, f"the request has more than {most:,} bytes")
        return message

    return bounded


def _too_large(most: int) -> Problem:
    return Problem(
        title="the request is too large",
        status=413,
        detail=f"the request has more than {most:,} bytes",
        code="too_large",
        hint="send less at once; the limits are SIXPLANE_SERVER__MAX_BODY_BYTES and …__MAX_UPLOAD_BYTES",
    )
